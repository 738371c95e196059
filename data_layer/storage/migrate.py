"""Bring a server to the current schema: roles and databases, passwords, then numbered migrations."""

from __future__ import annotations

import io
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import psycopg
from psycopg import sql

from data_layer.runtime.elsewhere import SUPERUSER
from data_layer.runtime.home import ROLES, Home
from data_layer.runtime.postgres import PostgresServer, binary
from data_layer.settings import ROOT
from models.errors import ConfigError

DB_INIT = ROOT / "db-init"
LOCK_KEY = 4_120_991  # any number, as long as every version of this file uses the same


def migration_files(folder: Path) -> list[Path]:
    """Return the folder's migrations in order, without the files that take them back."""
    return sorted(path for path in folder.glob("*.sql") if not path.name.endswith(".rollback.sql"))


def prepare_database(target: Home | PostgresServer, db_init: Path = DB_INIT) -> list[str]:
    """Create or upgrade everything in `quant_data`; repeating it changes nothing.

    Args:
        target: the home, or its server; the server must be running.
        db_init: folder with ``00_*.sql`` (psql scripts for roles and databases, run as superuser) and
            ``migrations/*.sql`` (applied once each, in order, owned by quant_owner).

    Returns:
        The migrations applied now, in order; empty when all were there.

    Raises:
        ConfigError: when a script fails; what failed is rolled back, so it can be mended and run again.
    """
    home = target.home if isinstance(target, PostgresServer) else target
    with serialised(home):
        for script in sorted(db_init.glob("00_*.sql")):
            run_script(home, script)
        set_passwords(home)
        return apply_migrations(home, db_init / "migrations")


@contextmanager
def serialised(home: Home) -> Iterator[None]:
    """Hold the server-wide lock under which its databases are created and upgraded."""
    with psycopg.connect(home.uri("postgres", "postgres"), autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (LOCK_KEY,))  # freed with the connection
        yield


def run_script(home: Home, script: Path) -> None:
    """Run one psql script as superuser in database `postgres`, stopping at its first error."""
    command = [
        str(binary("psql")),
        "--no-psqlrc",
        "--quiet",
        "--no-password",
        "--set=ON_ERROR_STOP=1",
        f"--dbname={home.conninfo(SUPERUSER, 'postgres')}",
        f"--file={script}",
    ]
    environment = {
        "PATH": os.defpath,
        "PGPASSFILE": str(home.pgpass),
        "PGOPTIONS": "-c client_min_messages=warning",
    }
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        raise ConfigError(
            f"a database script failed: {done.stderr.strip()}",
            stage="migrate",
            key="script",
            value=script.name,
            remedy="mend the script and run again",
        )


def set_passwords(home: Home) -> None:
    """Give each role the password its home keeps; a role that the scripts did not make is left out.

    What is sent is what Postgres would keep of it: a server may log statements, its passwords are not to stand there.
    """
    with psycopg.connect(home.uri("postgres", "postgres")) as connection:
        for role in ROLES:
            if role == SUPERUSER and home.elsewhere.database:
                continue  # an existing server's superuser keeps its own
            if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone():
                password = home.secret(f"postgres_{role}").encode()
                verifier = connection.pgconn.encrypt_password(password, role.encode(), b"scram-sha-256").decode()
                connection.execute(
                    sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(verifier))
                )


def apply_migrations(home: Home, folder: Path) -> list[str]:
    """Apply the folder's migrations that `quant_data` lacks, each in a transaction of its own."""
    import yoyo

    with _backend(home) as backend:
        return [_take(backend, one, "apply") for one in backend.to_apply(yoyo.read_migrations(str(folder)))]


def roll_back(home: Home, to: str, db_init: Path = DB_INIT) -> list[str]:
    """Take migrations of `quant_data` back, the newest first, for code that does not know them.

    What only their tables and columns can hold is gone; everything else stays.

    Args:
        home: its Postgres must run.
        to: the last migration that stays, by its name or number.
        db_init: as for prepare_database.

    Returns:
        The migrations taken back, in order.

    Raises:
        ConfigError: when no such migration is applied, or one after it cannot be taken back; nothing is then.
    """
    import yoyo

    folder = db_init / "migrations"
    with serialised(home), _backend(home) as backend:
        applied = list(backend.to_rollback(yoyo.read_migrations(str(folder))))  # the newest first
        names = [str(one.id) for one in applied]
        stays = next((i for i, name in enumerate(names) if to and to in {name, name.partition("_")[0]}), None)
        if stays is None:
            raise ConfigError("no such migration is applied", stage="migrate", key="TO", value=to,
                              remedy=f"name one of {names[-1]} to {names[0]}")  # fmt: skip
        for name in names[:stays]:
            if not (folder / f"{name}.rollback.sql").is_file():
                raise ConfigError("a migration that cannot be taken back", stage="migrate", key="migration",
                                  value=name, remedy="restore a backup from before it")  # fmt: skip
        return [_take(backend, one, "rollback") for one in applied[:stays]]


@contextmanager
def _backend(home: Home) -> Iterator[Any]:
    """Connect yoyo to `quant_data`."""
    import yoyo

    # The superuser connects and at once becomes quant_owner, which has no login: so it owns what is made.
    uri = home.uri("postgres").replace("postgresql://", "postgresql+psycopg://", 1)
    options = quote("-c role=quant_owner -c client_min_messages=warning")
    backend = yoyo.get_backend(f"{uri}{'&' if '?' in uri else '?'}options={options}")
    try:
        backend.break_lock()  # its own lock, a table row, outlives a killed process; `serialised` replaces it
        backend.ensure_internal_schema_updated()
        yield backend
    finally:
        backend.connection.close()


def _take(backend: Any, migration: Any, direction: Literal["apply", "rollback"]) -> str:
    """Take one migration in one direction, whole or not at all; return its name."""
    from yoyo.exceptions import MigrationConflict

    try:
        # yoyo's apply_one would mark it in a second transaction; and it prints what a SELECT returns.
        with backend.transaction(), redirect_stdout(io.StringIO()):
            migration.process_steps(backend, direction)
            if direction == "apply":
                backend.mark_one(migration, log=False)
            else:
                backend.unmark_one(migration, log=False)
    except (psycopg.Error, MigrationConflict) as error:
        raise ConfigError(
            f"a migration failed and was rolled back: {error}",
            stage="migrate",
            key="migration",
            value=migration.id,
            remedy="mend it and run again",
        ) from error
    return str(migration.id)
