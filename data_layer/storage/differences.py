"""What a replay decided beside what is stored: a hash of each table's rows, and the rows that differ."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from data_layer.storage.database import Connection, load_sql
from data_layer.storage.hashes import CLOCKS

# Keys that the database gives, and who wrote a row; all others are the same in both, for both are one database's.
GIVEN = {"id", "model_run_id", "risk_decision_id", "parent_order_id", "order_id", "run_id"}
# What became of an order after it was decided.
FATE = {"state", "filled_quantity", "reason", "ended_session", "submitted_at", "broker_order_id", "approval_id"}
LEFT_OUT = CLOCKS | GIVEN


@dataclass(frozen=True)
class Compared:
    """A table that a replay writes: its key, the session's column first, and the rows that are compared."""

    table: str
    key: Sequence[str]
    left_out: frozenset[str] = frozenset()
    only: str = "true"  # SQL over the table under the name t


BOOKS = ("session_date", "account_id", "symbol")
# In the order of the chain: what differs first is nearer to the cause than what follows from it.
TABLES = (
    Compared("feature_values", ("date", "symbol", "feature_set", "version"), only="t.version = (SELECT max(f.version) "
             "FROM public.feature_sets f WHERE f.feature_set = t.feature_set)"),
    Compared("predictions", ("session_date", "symbol", "model_version_id", "horizon"), only="EXISTS (SELECT FROM "
             "public.model_runs r WHERE r.session_date = t.session_date AND r.model_version_id = t.model_version_id)"),
    Compared("model_runs", ("session_date", "model_id")),
    Compared("signals", ("session_date", "model_id", "symbol")),
    Compared("ensemble_signals", ("session_date", "symbol")),
    Compared("target_positions", BOOKS),
    Compared("risk_decisions", BOOKS),
    # Exits at a real broker are placed when their entries fill, by what the broker says.
    Compared("orders", ("session_date", "client_order_id"), frozenset(FATE), "(t.order_type = 'market' OR EXISTS ("
             "SELECT FROM public.accounts a WHERE a.id = t.account_id AND a.broker = 'simulated'))"),
    Compared("fills", ("session_date", "broker_fill_id")),
    Compared("ledger_entries", ("session_date", "account_id", "transaction_key", "ledger_account")),
    Compared("positions", BOOKS),
    Compared("account_snapshots", BOOKS[:2]),
    Compared("risk_snapshots", BOOKS[:2]),
)  # fmt: skip
BEFORE_RISK = TABLES[:4]
OF_RISK = TABLES[4:]


@dataclass(frozen=True)
class Side:
    """The rows of one side: how many, and a hash over all of them in no order."""

    rows: int
    hash: str


@dataclass(frozen=True)
class Difference:
    """A row that is not the same: key and values by column; a side without the row is None."""

    table: str
    key: Mapping[str, Any]
    stored: Mapping[str, Any] | None
    replayed: Mapping[str, Any] | None

    @property
    def session(self) -> str:
        """Session of the row, ISO."""
        return str(next(iter(self.key.values())))


def compare(
    connection: Connection, compared: Compared, schemas: tuple[str, str], sessions: Sequence[dt.date], most: int
) -> tuple[Side, Side, list[Difference]]:
    """Compare a table's rows of some sessions in two schemas.

    Args:
        connection: that may read both.
        compared: the table.
        schemas: of what is stored and what is replayed.
        sessions: those whose rows are compared.
        most: differences to return, in the order of session and key.
    """
    names = [row["name"] for row in connection.execute(load_sql("catalogue/select_columns"), {
        "tables": [f"public.{compared.table}"]})]  # fmt: skip
    kept = [name for name in names if name not in LEFT_OUT | compared.left_out]
    columns = sql.SQL(", ").join(sql.SQL("t.{}").format(sql.Identifier(name)) for name in kept)

    def side(schema: str) -> sql.Composed:
        return sql.SQL("(SELECT {columns}, ROW({columns})::text AS row_text FROM {table} t "
                       "WHERE t.{session} = ANY(%(sessions)s) AND {only})").format(
            columns=columns, table=sql.Identifier(schema, compared.table), session=sql.Identifier(compared.key[0]),
            only=sql.SQL(compared.only),  # type: ignore[arg-type]
        )  # fmt: skip

    stored, replayed = map(side, schemas)
    wanted = {"sessions": list(sessions), "most": most}
    sides = []
    for rows in (stored, replayed):
        statement = sql.SQL("SELECT count(*) AS rows, coalesce(md5(string_agg(h, '' ORDER BY h)), 'empty') AS hash "
                            "FROM (SELECT md5(row_text) AS h FROM {} r) d").format(rows)  # fmt: skip
        found = connection.execute(statement, wanted).fetchone() or {}
        sides.append(Side(**found))
    if sides[0] == sides[1]:
        return sides[0], sides[1], []
    key = sql.SQL(", ").join(map(sql.Identifier, compared.key))
    statement = sql.SQL(
        "SELECT to_jsonb(s) - 'row_text' AS stored, to_jsonb(r) - 'row_text' AS replayed FROM {} s FULL JOIN {} r "
        "USING ({key}) WHERE s.row_text IS DISTINCT FROM r.row_text ORDER BY {key} LIMIT %(most)s"
    ).format(stored, replayed, key=key)
    differences = []
    for row in connection.execute(statement, wanted):
        there = row["stored"] or row["replayed"]
        named = {name: there[name] for name in compared.key}
        differences.append(Difference(compared.table, named, row["stored"], row["replayed"]))
    return sides[0], sides[1], differences
