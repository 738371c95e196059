"""The pages' way to the tables: as the reader role, with a limit on every statement."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from airflow.models import Connection
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from data_layer.storage.database import load_sql

# A page that has not answered after this is an error worth seeing, not a browser left turning.
STATEMENT_SECONDS = 10
POOL_SIZE = 8
OPTIONS = f"-c statement_timeout={STATEMENT_SECONDS}s -c default_transaction_read_only=on -c timezone=UTC"


@cache
def pool() -> ConnectionPool:
    """Return this process's connections as quant_reader; opened by the first page, kept."""
    uri = Connection.get_connection_from_secrets("quant_reader").get_uri()
    return ConnectionPool(
        uri.replace("postgres://", "postgresql://", 1),
        min_size=1,
        max_size=POOL_SIZE,
        kwargs={
            "row_factory": dict_row,
            "application_name": "almanac-pages",
            "autocommit": True,
            "options": OPTIONS,
        },
        check=ConnectionPool.check_connection,  # Postgres may have been restarted since
        open=True,
    )


def rows(statement: str, /, **parameters: Any) -> list[dict[str, Any]]:
    """Return the rows of include/sql/<statement>.sql."""
    with pool().connection() as connection:
        return connection.execute(load_sql(statement), parameters).fetchall()  # type: ignore[return-value]


def row(statement: str, /, **parameters: Any) -> Mapping[str, Any] | None:
    """Return the only row, None when there is none."""
    found = rows(statement, **parameters)
    return found[0] if found else None
