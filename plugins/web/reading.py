"""The pages' way to the tables: as the reader role, with a limit on every statement."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, cast

from airflow.models import Connection as Stored
from fastapi import HTTPException
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from data_layer.storage.database import Connection, load_sql

# A page that has not answered after this is an error worth seeing, not a browser left turning.
STATEMENT_SECONDS = 10
POOL_SIZE = 20  # of Postgres' hundred; Airflow holds forty. So twenty people at once never wait for one another's page
# Postgres is on this machine or near it: who has no connection by then is told so, instead of waiting in a queue.
CONNECT_SECONDS = 3.0
OPTIONS = f"-c statement_timeout={STATEMENT_SECONDS}s -c default_transaction_read_only=on -c timezone=UTC"


def role_uri(connection_id: str) -> str:
    """Return the connection URI of one of Airflow's connections to quant_data.

    Args:
        connection_id: quant_reader, quant_data (the writer) or quant_trainer.
    """
    uri = Stored.get_connection_from_secrets(connection_id).get_uri()
    return uri.replace("postgres://", "postgresql://", 1)


@cache
def pool() -> ConnectionPool[Connection]:
    """Return this process's connections as quant_reader; opened by the first page, kept."""
    made = ConnectionPool(
        role_uri("quant_reader"),
        min_size=1,
        max_size=POOL_SIZE,
        kwargs={
            "row_factory": dict_row,
            "application_name": "almanac-pages",
            "autocommit": True,
            "options": OPTIONS,
            "connect_timeout": int(CONNECT_SECONDS),
        },
        timeout=CONNECT_SECONDS,
        reconnect_timeout=CONNECT_SECONDS,  # then the next page tries anew: it opens as soon as Postgres is back
        check=ConnectionPool.check_connection,  # Postgres may have been restarted since
        open=True,
    )
    return cast(ConnectionPool[Connection], made)  # rows are dicts, as asked for


def rows(statement: str, /, **parameters: Any) -> list[dict[str, Any]]:
    """Return the rows of include/sql/<statement>.sql.

    Raises:
        psycopg.OperationalError: when Postgres does not answer, or not within STATEMENT_SECONDS.
    """
    with pool().connection() as connection:
        return connection.execute(load_sql(statement), parameters).fetchall()


def row(statement: str, /, **parameters: Any) -> Mapping[str, Any] | None:
    """Return the only row, None when there is none."""
    found = rows(statement, **parameters)
    return found[0] if found else None


def the(statement: str, missing: str, /, **parameters: Any) -> Mapping[str, Any]:
    """Return the only row.

    Raises:
        HTTPException: 404 with what is said to be missing.
    """
    found = row(statement, **parameters)
    if found is None:
        raise HTTPException(404, missing)
    return found
