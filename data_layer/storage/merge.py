"""The one way rows enter a table: staged by COPY, compared by key, and only what is new is written.

Where nothing is stored yet of what rows are about, there is nothing to compare: they are copied right into the table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd
from psycopg import errors, sql

from data_layer.storage.database import Connection, copy_in
from models.errors import DataQualityError

Mode = Literal["insert", "verify", "restate", "replay"]
SESSIONS = {"session_date", "date", "run_date", "report_date"}  # columns that hold the session
PLANNED_ROWS = 1000  # statistics of fewer take longer than any plan


@dataclass(frozen=True)
class Merged:
    """What became of the rows handed over."""

    inserted: int
    unchanged: int
    restated: int = 0


def merge(
    connection: Connection,
    table: str,
    rows: pd.DataFrame,
    *,
    key: Sequence[str],
    mode: Mode = "insert",
    scope: Mapping[str, Sequence[Any]] | None = None,
    history: str | None = None,
    stage: str = "",
) -> Merged:
    """Bring the rows into the table without ever silently changing one that is there.

    Args:
        connection: inside the caller's transaction, under the stage's lock.
        table: target table.
        rows: one column per table column that the caller decides; all others take their defaults.
        key: columns that name a row; rows must hold each key once.
        mode: insert adds new keys; verify writes nothing and demands that the table holds exactly these rows
            within scope; restate puts the old version of every row that differs into history; replay is insert,
            into tables of another schema: what else an insert brings about does not happen there.
        scope: column values within which, for verify and restate, rows the caller did not hand over are too many. For
            insert, of what the rows are: while the table holds nothing within it they are all new, and the table's
            own key refuses one that is there outside of it.
        history: table of superseded rows, for restate.
        stage: for error messages.

    Raises:
        DataQualityError: when a row to insert is there with other values, or verify finds a difference; the
            message shows the first one, stored and computed. Also when rows holds a key twice.
        psycopg.errors.UniqueViolation: for a row to insert that is there outside of the scope.
    """
    twice = rows.duplicated(list(key))
    if twice.any():
        again = rows.loc[twice, list(key)].head(1).astype(str).iloc[0]
        raise _twice(f"({', '.join(key)})=({', '.join(again)})", table, key, stage)
    if mode in {"insert", "replay"} and scope and not _any_stored(connection, table, scope):
        return Merged(copy_in(connection, table, _in_session_order(rows, key)), 0)
    staged = _stage(connection, table, rows, key)
    values = [c for c in rows.columns if c not in key]
    names = _Names(table, staged, key, values)
    changed = _differences(connection, names)
    extra = _extra(connection, names, scope) if scope and mode in {"verify", "restate"} else []
    if mode == "restate":
        if history is None:
            raise ValueError("restate needs a history table")
        _supersede(connection, names, history, scope)
    elif changed or extra:
        raise DataQualityError(
            "stored rows differ from what is computed now",
            stage=stage,
            key=table,
            value=_describe(key, changed, extra),
            remedy="find out what changed (inputs, parameters or code); restate=true writes a new version",
        )
    if mode == "verify":
        missing = _count_missing(connection, names)
        if missing:
            raise DataQualityError(
                "rows computed now are not stored",
                stage=stage,
                key=table,
                value=f"{missing} of {len(rows)} rows",
                remedy="restate=true writes them",
            )
        return Merged(0, len(rows))
    try:
        missing = connection.execute(
            names.format(
                "INSERT INTO {table} ({columns}) SELECT {s_columns} FROM {staged} s "
                "WHERE NOT EXISTS (SELECT FROM {table} t WHERE {match}) ORDER BY {order}"
            )
        ).rowcount
    except errors.UniqueViolation as error:  # two in the table's type, one may be in pandas': instants of one day
        raise _twice(str(error.diag.message_detail), table, key, stage) from error
    connection.execute(names.format("DROP TABLE {staged}"))
    return Merged(
        missing - len(changed) if mode == "restate" else missing,
        len(rows) - missing,
        len(changed) if mode == "restate" else 0,
    )


def _twice(which: str, table: str, key: Sequence[str], stage: str) -> DataQualityError:
    return DataQualityError(f"one key is computed twice: {which}", stage=stage, key=table, value=", ".join(key),
                            remedy="find out which input is there twice")  # fmt: skip


class _Names:
    """Composes statements over the target and its staged rows; identifiers only, never values."""

    def __init__(self, table: str, staged: str, key: Sequence[str], values: Sequence[str]):
        ids = sql.Identifier
        columns = [*key, *values]
        ordered = _ordered(key)

        def each(template: str, names: Sequence[str], between: str) -> sql.Composed:
            return sql.SQL(between).join(sql.SQL(template).format(c=ids(n)) for n in names)

        self.columns = columns
        self.parts = {
            "table": ids(table),
            "staged": ids(staged),
            "columns": each("{c}", columns, ", "),
            "s_columns": each("s.{c}", columns, ", "),
            "match": each("t.{c} = s.{c}", key, " AND "),
            "key": each("{c}", key, ", "),
            "order": each("s.{c}", ordered, ", "),
            "differs": each("t.{c} IS DISTINCT FROM s.{c}", values, " OR ") if values else sql.SQL("false"),
        }

    def format(self, template: str, **more: sql.Composable) -> sql.Composed:
        return sql.SQL(template).format(**{**self.parts, **more})


def _stage(connection: Connection, table: str, rows: pd.DataFrame, key: Sequence[str]) -> str:
    staged = f"staged_{table}"
    parts = {
        "staged": sql.Identifier(staged),
        "table": sql.Identifier(table),
        "columns": sql.SQL(", ").join(map(sql.Identifier, rows.columns)),
        "key": sql.SQL(", ").join(map(sql.Identifier, key)),
    }
    connection.execute(sql.SQL("DROP TABLE IF EXISTS pg_temp.{staged}").format(**parts))
    connection.execute(
        sql.SQL(
            "CREATE TEMP TABLE {staged} ON COMMIT DROP AS SELECT {columns} FROM {table} WITH NO DATA"
        ).format(**parts)
    )
    copy_in(connection, staged, rows)
    if len(rows) >= PLANNED_ROWS:
        # Only what is joined by: statistics of a session's JSON would cost more than its COPY.
        connection.execute(sql.SQL("ANALYZE {staged} ({key})").format(**parts))
    return staged


def _ordered(key: Sequence[str]) -> list[str]:
    """Return the key with the session first: rows are written in session order, so the clock columns follow it."""
    return sorted(key, key=lambda c: c not in SESSIONS)


def _in_session_order(rows: pd.DataFrame, key: Sequence[str]) -> pd.DataFrame:
    named = next((c for c in key if c in SESSIONS), None)
    if named is None or rows[named].is_monotonic_increasing:
        return rows
    return rows.sort_values(_ordered(key), kind="stable")


def _any_stored(connection: Connection, table: str, scope: Mapping[str, Sequence[Any]]) -> bool:
    statement = sql.SQL("SELECT FROM {} t WHERE {} LIMIT 1").format(sql.Identifier(table), _scoped(scope))
    return connection.execute(statement, {c: list(v) for c, v in scope.items()}).fetchone() is not None


def _differences(connection: Connection, names: _Names) -> list[dict[str, Any]]:
    found = connection.execute(
        names.format(
            "SELECT to_jsonb(t) AS stored, to_jsonb(s) AS computed FROM {staged} s JOIN {table} t ON {match} "
            "WHERE {differs} ORDER BY {order}"
        )
    )
    return found.fetchall()


def _scoped(scope: Mapping[str, Sequence[Any]]) -> sql.Composed:
    return sql.SQL(" AND ").join(
        sql.SQL("t.{} = ANY({})").format(sql.Identifier(c), sql.Placeholder(c)) for c in scope
    )


def _extra(connection: Connection, names: _Names, scope: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    statement = names.format(
        "SELECT to_jsonb(t) AS stored FROM {table} t WHERE {scope} "
        "AND NOT EXISTS (SELECT FROM {staged} s WHERE {match})",
        scope=_scoped(scope),
    )
    return connection.execute(statement, {c: list(v) for c, v in scope.items()}).fetchall()


def _supersede(
    connection: Connection, names: _Names, history: str, scope: Mapping[str, Sequence[Any]] | None
) -> None:
    found = connection.execute(names.format("SELECT * FROM {table} LIMIT 0"))
    columns = sql.SQL(", ").join(sql.Identifier(c.name) for c in found.description or ())
    old = names.format("t USING {staged} s WHERE {match} AND ({differs})")
    statements: list[tuple[sql.Composed, dict[str, Any]]] = [(old, {})]
    if scope:
        extra = names.format(
            "t WHERE {scope} AND NOT EXISTS (SELECT FROM {staged} s WHERE {match})", scope=_scoped(scope)
        )
        statements.append((extra, {c: list(v) for c, v in scope.items()}))
    for condition, parameters in statements:
        connection.execute(
            names.format(
                "WITH gone AS (DELETE FROM {table} {condition} RETURNING t.*) "
                "INSERT INTO {history} ({stored}) SELECT {stored} FROM gone",
                condition=condition,
                history=sql.Identifier(history),
                stored=columns,
            ),
            parameters,
        )


def _count_missing(connection: Connection, names: _Names) -> int:
    row = connection.execute(
        names.format(
            "SELECT count(*) AS n FROM {staged} s WHERE NOT EXISTS (SELECT FROM {table} t WHERE {match})"
        )
    ).fetchone()
    return int(row["n"]) if row else 0


def _describe(key: Sequence[str], changed: list[dict[str, Any]], extra: list[dict[str, Any]]) -> str:
    if not changed:
        stored = extra[0]["stored"]
        return f"{len(extra)} stored rows are not computed, first { ({k: stored.get(k) for k in key}) }"
    stored, computed = changed[0]["stored"], changed[0]["computed"]
    names = [c for c in computed if stored.get(c) != computed[c]]
    return (
        f"{len(changed)} rows, first { ({k: computed[k] for k in key}) }: "
        f"stored { ({c: stored.get(c) for c in names}) }, computed { ({c: computed[c] for c in names}) }"
    )
