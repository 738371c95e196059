"""Table hashes: blind to clocks and surrogate keys, and to nothing else."""

from __future__ import annotations

import pytest
from psycopg import sql

from data_layer.storage.database import transaction
from data_layer.storage.hashes import CLOCKS, LOGS, NAMES, SURROGATES, table_hashes
from models.errors import ConfigError
from tests.support.chain import query

# Tables that two years of the small chain fill, and one statement that changes a single fact in each.
CHANGES = {
    "market_data": "UPDATE market_data SET close = close * (1 + 2.3e-16) "
    "WHERE symbol = 'AAPL' AND date = '2005-06-01'",
    "corporate_actions": "UPDATE corporate_actions SET inferred = NOT inferred WHERE ex_date = '2005-02-28'",
    "trading_universe": "UPDATE trading_universe SET restricted = true WHERE symbol = 'AAPL'",
    "feature_values": "UPDATE feature_values SET values[3] = 'NaN' "
    "WHERE symbol = 'AAPL' AND date = '2005-06-01'",
    "signals": "DELETE FROM signals WHERE id = (SELECT min(id) FROM signals)",
    "models": "UPDATE models SET parameters = '{\"oversold\": 29}' WHERE model_name = 'rsi_alpha'",
    "stage_runs": "UPDATE stage_runs SET stale_reason = 'x' WHERE session_date = '2005-06-01'",
    "audit_events": "UPDATE audit_events SET payload = '{}' "
    "WHERE idempotency_key = 'data_ingestion/2005-06-01'",
    "accounts": "UPDATE accounts SET id = id || 'x'",
    "account_snapshots": "UPDATE account_snapshots SET net_exposure_usd = net_exposure_usd + 0.01",
}


def hashes(uri, *tables):
    with transaction(uri) as connection:
        return table_hashes(connection, tables)


def changed(before, after):
    return {name for name in before if before[name] != after[name]}


def test_clocks_and_surrogate_keys_do_not_count(chained):
    before = hashes(chained.writer)
    columns = query(
        chained.owner,
        "SELECT table_name, column_name, data_type FROM information_schema.columns JOIN pg_tables t "
        "ON t.tablename = table_name WHERE table_schema = 'public' AND t.schemaname = 'public' "
        "AND column_name = ANY(%(names)s) AND NOT starts_with(table_name, '_yoyo')",
        {"names": sorted(CLOCKS | SURROGATES)},
    )
    with transaction(chained.owner) as connection:
        connection.execute("SET session_replication_role = replica")  # no triggers and foreign keys
        tried = set()
        for table, column, kind in (tuple(c.values()) for c in columns):
            if (table, column) in NAMES | {("models", "id")}:  # what others call models.id is tested below
                continue
            value = {"bigint": "{} + 1000000", "text": "{} || 'x'"}.get(kind, "{} - interval '1 day'")
            name = sql.Identifier(column)
            overriding = sql.SQL("UPDATE {} SET {} = ").format(sql.Identifier(table), name)
            identity = sql.SQL("ALTER TABLE {} ALTER COLUMN {} DROP IDENTITY IF EXISTS").format(
                sql.Identifier(table), name
            )
            connection.execute(identity)
            connection.execute(overriding + sql.SQL(value).format(name))
            tried.add(column)
    assert tried == CLOCKS | SURROGATES  # none is listed that no table has
    assert changed(before, hashes(chained.writer)) == set()


def test_order_of_writing_does_not_count(chained):
    before = hashes(chained.writer, "market_data", "feature_values")
    with transaction(chained.owner) as connection:
        connection.execute("CREATE TEMP TABLE kept AS SELECT * FROM market_data ORDER BY close")
        connection.execute("DELETE FROM market_data")
        connection.execute("INSERT INTO market_data SELECT * FROM kept")
    assert hashes(chained.writer, "market_data", "feature_values") == before


def test_any_single_fact_counts(chained):
    for table, statement in CHANGES.items():
        before = hashes(chained.writer)
        with transaction(chained.owner) as connection:
            connection.execute("SET session_replication_role = replica")
            assert connection.execute(statement).rowcount, table
        assert changed(before, hashes(chained.writer)) == {table}


def test_model_ids_count_by_the_models_name(chained):
    before = hashes(chained.writer)
    with transaction(chained.owner) as connection:
        connection.execute("SET session_replication_role = replica")
        for table in (
            "model_runs", "signals", "model_performance", "model_performance_windows", "model_sessions",
            "performance_states",
        ):  # fmt: skip
            connection.execute(f"UPDATE {table} SET model_id = model_id + 100")
        connection.execute("ALTER TABLE models ALTER COLUMN id DROP IDENTITY")
        connection.execute("UPDATE models SET id = id + 100")
    assert changed(before, hashes(chained.writer)) == set()


def test_every_table_has_a_hash_but_the_logs(database):
    names = {
        r["n"]
        for r in query(database.reader, "SELECT tablename n FROM pg_tables WHERE schemaname = 'public'")
    }
    ours = {name for name in names if "yoyo" not in name}
    assert set(hashes(database.reader)) == ours - LOGS
    assert ours > LOGS


def test_unknown_table_is_refused(database):
    with pytest.raises(ConfigError, match=r"table='singals'.*signals"):
        hashes(database.reader, "singals")
