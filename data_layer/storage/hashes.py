"""Fingerprints of tables: equal when two databases hold the same facts, however they got there."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql

from data_layer.storage.database import Connection, load_sql
from models.errors import ConfigError

# The clock of a write and surrogate keys say nothing about what was decided.
CLOCKS = {
    "recorded_at",
    "created_at",
    "updated_at",
    "changed_at",
    "finished_at",
    "began_at",
    "superseded_at",
    "resolved_at",
    "happened_at",
    "opened_at",
    "valid_from",
    "valid_to",
    "ts",
}
SURROGATES = {
    "id",
    "batch_id",
    "last_batch_id",
    "superseded_by",
    "model_run_id",
    "risk_decision_id",
    "parent_order_id",
    "order_id",
    "run_id",
    "last_rearm",
    "model_version_id",
}
NAMES = {("accounts", "id")}  # a surrogate key elsewhere, but what people call it here
# Surrogate keys of what has a name to everybody: which number a model or a configuration got hangs on who came first.
NAMED = {
    "model_id": sql.SQL("(SELECT m.model_name FROM models m WHERE m.id = t.model_id)"),
    "trial_id": sql.SQL(
        "(SELECT ROW(s.strategy_class, s.parameters, s.universe) FROM strategy_trials s WHERE s.id = t.trial_id)"
    ),
}
# Each try leaves its mark in these by design: what a source answered, rows between two tasks, what a run began with,
# which run linked an event and when it was relayed.
LOGS = {
    "ingestion_batches", "data_quality_results", "pending_signals", "pending_model_runs", "pending_predictions",
    "run_versions", "audit_chain", "audit_pending", "event_relays", "alert_notifications",
}  # fmt: skip
# What is wrong now. Which alerts came and went before hangs on how often somebody looked.
CURRENT = {"alerts": sql.SQL("WHERE t.closed_at IS NULL")}


def stored_tables(connection: Connection) -> list[str]:
    """Return the names of all tables with facts, sorted."""
    names = [row["name"] for row in connection.execute(load_sql("catalogue/select_tables"))]
    return [name for name in names if name not in LOGS]


def table_hashes(connection: Connection, tables: Sequence[str] = ()) -> dict[str, str]:
    """Return a hash of each table's rows, in no order, without clocks and surrogate keys.

    Args:
        connection: any role that may read.
        tables: names; all tables with facts when empty.

    Raises:
        ConfigError: for a table that does not exist.
    """
    known = stored_tables(connection)
    for name in tables:
        if name not in known:
            raise ConfigError(
                "no such table", key="table", value=name, remedy=f"tables are {', '.join(known)}"
            )
    columns: dict[str, list[str]] = {name: [] for name in tables or known}
    for row in connection.execute(load_sql("catalogue/select_columns"), {"tables": list(columns)}):
        columns[row["table"]].append(row["name"])
    return {name: _hash(connection, name, held) for name, held in columns.items()}


def _hash(connection: Connection, table: str, columns: Sequence[str]) -> str:
    left_out = CLOCKS | SURROGATES
    names = [name for name in columns if name not in left_out or (table, name) in NAMES]
    parts = [NAMED.get(name, sql.SQL("t.{}").format(sql.Identifier(name))) for name in names]
    statement = sql.SQL(
        "SELECT coalesce(md5(string_agg(h, '' ORDER BY h)), 'empty') AS hash "
        "FROM (SELECT md5(ROW({})::text) AS h FROM {} t {}) r"
    ).format(sql.SQL(", ").join(parts), sql.Identifier(table), CURRENT.get(table, sql.SQL("")))
    found = connection.execute(statement).fetchone()
    return str(found["hash"]) if found else ""
