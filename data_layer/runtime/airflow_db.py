"""Airflow's metadata database, the pristine template of it, and clones for `dags test`."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version

import psycopg
from psycopg import sql

from data_layer.runtime.airflow_env import airflow_environment
from data_layer.runtime.home import Home
from data_layer.source_catalogue import live_sources
from data_layer.storage.migrate import serialised
from models.errors import ConfigError

TEMPLATE = "airflow_template"
CLONE = "airflow_test_"


def prepare_metadata(home: Home) -> bool:
    """Create or upgrade `airflow` and `airflow_template`; return whether there was anything to do.

    The template's comment says which Airflow made it. It is written last, so that an interrupted attempt is
    repeated, and nobody may connect to the template after that, so that it stays as made.

    Raises:
        ConfigError: when Airflow cannot migrate; its own words are in the message.
    """
    if metadata_is_ready(home):
        return False
    with serialised(home), _superuser(home) as connection:
        _drop_template(connection)
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER airflow").format(sql.Identifier(TEMPLATE)))
        _migrate(home, TEMPLATE)
        _add_pools(home, TEMPLATE)
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(TEMPLATE)))
        if _has_tables(home):
            _migrate(home, "airflow")
            _add_pools(home, "airflow")
        else:
            connection.execute("DROP DATABASE IF EXISTS airflow")
            _clone(connection, "airflow")
        connection.execute(
            sql.SQL("ALTER DATABASE {} IS_TEMPLATE true ALLOW_CONNECTIONS false").format(
                sql.Identifier(TEMPLATE)
            )
        )
        connection.execute(
            sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(TEMPLATE), sql.Literal(_mark()))
        )
        return True


def metadata_is_ready(home: Home) -> bool:
    """Tell whether the installed Airflow's metadata and template are there, complete."""
    with _superuser(home) as connection:
        row = connection.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", (TEMPLATE,)
        ).fetchone()
    return row == (_mark(),)


def _mark() -> str:
    return f"airflow {version('apache-airflow')}, pools {' '.join(live_sources())}"


@contextmanager
def cloned_metadata(home: Home) -> Iterator[str]:
    """Yield the name of a fresh copy of the pristine metadata; it is dropped at the end of the block.

    An advisory lock on the clone's name lasts as long as its user: what a killed user left is dropped by the
    next one.
    """
    name = f"{CLONE}{secrets.token_hex(6)}"
    with _superuser(home) as connection:
        _drop_abandoned(connection)
        connection.execute("SELECT pg_advisory_lock(hashtext(%s))", (name,))
        _clone(connection, name)
        try:
            yield name
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _superuser(home: Home) -> psycopg.Connection:
    return psycopg.connect(home.uri("postgres", "postgres"), autocommit=True)


def _drop_template(connection: psycopg.Connection) -> None:
    if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (TEMPLATE,)).fetchone():
        connection.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE false").format(sql.Identifier(TEMPLATE)))
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(TEMPLATE)))


def _has_tables(home: Home) -> bool:
    with psycopg.connect(home.uri("postgres", "airflow")) as connection:
        return connection.execute("SELECT to_regclass('public.alembic_version')").fetchone() != (None,)


def _clone(connection: psycopg.Connection, name: str) -> None:
    connection.execute(
        sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER airflow").format(
            sql.Identifier(name), sql.Identifier(TEMPLATE)
        )
    )
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))


def _drop_abandoned(connection: psycopg.Connection) -> None:
    rows = connection.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", (CLONE,))
    for (name,) in rows.fetchall():
        free = connection.execute("SELECT pg_try_advisory_lock(hashtext(%s))", (name,)).fetchone()
        if free == (True,):
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )
            connection.execute("SELECT pg_advisory_unlock(hashtext(%s))", (name,))


def _add_pools(home: Home, database: str) -> None:
    """Add a pool of one slot for each live source: the tasks that ask a vendor do so one after another."""
    with psycopg.connect(home.uri("airflow", database)) as connection:
        connection.execute(
            "INSERT INTO slot_pool (pool, slots, description, include_deferred) "
            "SELECT unnest(%s::text[]), 1, 'calls of this vendor', true ON CONFLICT (pool) DO NOTHING",
            (list(live_sources()),),
        )


def _migrate(home: Home, database: str) -> None:
    log = home.logs / "airflow-db-migrate.log"
    with log.open("ab") as file:
        done = subprocess.run(
            [sys.executable, "-m", "airflow", "db", "migrate"],
            env=airflow_environment(home, database=database),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            check=False,
        )
    if done.returncode != 0:
        words = "\n  ".join(log.read_text(errors="replace").splitlines()[-8:])
        raise ConfigError(
            f"Airflow cannot migrate its metadata:\n  {words}",
            stage="migrate",
            key="log",
            value=str(log),
            remedy="mend what it names and run again",
        )
