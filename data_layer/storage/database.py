"""Connections, locks, and the ways in and out: binary COPY in, Arrow out, SQL from files.

The drivers are imported with the first connection: what works on files alone starts a fifth of a second earlier.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

import pandas as pd

from data_layer.settings import ROOT
from data_layer.storage.copy_encoder import encode
from models.errors import ConfigError, RetryableError

if TYPE_CHECKING:
    import psycopg
    from adbc_driver_manager import AdbcDatabase

Connection: TypeAlias = "psycopg.Connection[dict[str, Any]]"
Read: TypeAlias = Callable[..., pd.DataFrame]  # statement and parameters, as read_frame takes them
SQL_FOLDER = ROOT / "include" / "sql"
# A stage step takes seconds; whoever waits longer than this behind another run should fail and be retried.
LOCK_TIMEOUT_SECONDS = 300
_run: ContextVar[str] = ContextVar("run", default="")  # whose chain of events a transaction's events are in


@contextmanager
def as_run(run_id: str) -> Iterator[None]:
    """Let the events that the block's transactions write, triggers' too, be chained as that run's."""
    before = _run.set(run_id)
    try:
        yield
    finally:
        _run.reset(before)


@cache
def load_sql(name: str) -> str:
    """Return the statement of include/sql/<name>.sql.

    Raises:
        ConfigError: when there is no such file.
    """
    path = SQL_FOLDER / f"{name}.sql"
    if not path.is_file():
        raise ConfigError("no such statement", key="sql", value=name, remedy=f"add {path}")
    return path.read_text()


@contextmanager
def transaction(uri: str) -> Iterator[Connection]:
    """Open a connection for one transaction: committed at the end of the block, rolled back on any error.

    Raises:
        RetryableError: when the database cannot be reached.
    """
    import psycopg
    from psycopg.rows import dict_row

    try:
        connection = psycopg.connect(uri, row_factory=dict_row, application_name="almanac")
    except psycopg.OperationalError as error:
        raise RetryableError(
            f"no connection to the database: {error}",
            stage="storage",
            key="database",
            remedy="see make status, then make run",
        ) from error
    with connection:
        connection.execute(
            "SELECT set_config('timezone', 'UTC', true), set_config('almanac.run_id', %s, true)", [_run.get()]
        )
        yield connection


def take_lock(connection: Connection, *names: str) -> None:
    """Hold the advisory lock of that name until the transaction ends; wait for whoever holds it.

    A replay, whose tables lie in a schema of its own, has locks of its own, too.

    Raises:
        RetryableError: when another run held it for LOCK_TIMEOUT_SECONDS.
    """
    import psycopg

    connection.execute("SELECT set_config('lock_timeout', %s, true)", [f"{LOCK_TIMEOUT_SECONDS}s"])
    try:
        connection.execute(load_sql("catalogue/select_lock"), {"name": "/".join(names)})
    except psycopg.errors.LockNotAvailable as error:
        raise RetryableError(
            "another run holds this step",
            stage=names[0],
            key="lock",
            value="/".join(names),
            remedy="let it end, or stop it, and try again",
        ) from error


def read_frame(uri: str, statement: str, parameters: Mapping[str, Any] | None = None) -> pd.DataFrame:
    """Run a query and return its rows as a frame, through Arrow.

    Args:
        uri: connection URI; the read sees what was committed before it.
        statement: SQL with %(name)s parameters.
        parameters: their values.

    Returns:
        One column per output column; dates as datetime64[s], NULL as NaN or None.
    """
    with frames(uri) as read:
        return read(statement, parameters)


@contextmanager
def frames(uri: str) -> Iterator[Read]:
    """Open a connection that reads many frames, each as ``read_frame`` does: a connection costs more than a small read.

    Each read is a transaction of its own, so it sees what was committed before it.
    """
    from adbc_driver_manager import AdbcConnection
    from adbc_driver_postgresql import dbapi

    with dbapi.Connection(_Kept(), AdbcConnection(_types(uri)), autocommit=True) as connection:

        def read(statement: str, parameters: Mapping[str, Any] | None = None) -> pd.DataFrame:
            numbered, values = _numbered(statement, parameters or {})
            with connection.cursor() as cursor:
                cursor.execute(numbered, parameters=values or None)
                frame: pd.DataFrame = cursor.fetch_arrow_table().to_pandas(date_as_object=False)
                return frame

        yield read


@cache
def _types(uri: str) -> AdbcDatabase:
    """Return what the driver has to know of a database: its types, asked for once; no connection stays open."""
    import adbc_driver_postgresql

    database: AdbcDatabase = adbc_driver_postgresql.connect(uri)
    return database


class _Kept:
    """Stands where a connection holds the types it would throw away with itself."""

    def close(self) -> None:
        """Leave them."""


def _numbered(statement: str, parameters: Mapping[str, Any]) -> tuple[str, tuple[Any, ...]]:
    names: list[str] = []

    def place(match: re.Match[str]) -> str:
        if match[1] not in names:
            names.append(match[1])
        return f"${names.index(match[1]) + 1}"

    return re.sub(r"%\((\w+)\)s", place, statement), tuple(parameters[n] for n in names)


def copy_in(connection: Connection, table: str, frame: pd.DataFrame) -> int:
    """Append the frame's rows to the table's columns of the same names by binary COPY.

    Returns:
        Rows the database took.

    Raises:
        ConfigError: when the table has no such column.
    """
    from psycopg import sql

    types = column_types(connection, table)
    unknown = [c for c in frame.columns if c not in types]
    if unknown:
        raise ConfigError("no such column", key=table, value=unknown[0], remedy="apply the migrations")
    columns = sql.SQL(", ").join(map(sql.Identifier, frame.columns))
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(sql.Identifier(table), columns)
    with connection.cursor() as cursor:
        with cursor.copy(statement) as copy:
            for piece in encode(frame, [types[c] for c in frame.columns]):
                copy.write(piece)
        return cursor.rowcount


def column_types(connection: Connection, table: str) -> dict[str, str]:
    """Return the types of the table's columns that can be written, by name."""
    rows = connection.execute(load_sql("catalogue/select_column_types"), {"table": table}).fetchall()
    return {row["name"]: row["type"] for row in rows}
