"""Each check view sees the violation it is there for, and the stage's last task says so; all of them else are empty."""

from __future__ import annotations

import pytest

from data_layer.storage.database import transaction
from models.errors import DataQualityError
from tests.support.chain import open_stage, query, run_stage
from tests.support.prepared import DUE, END, change, failed_checks, prepared

__all__ = ["prepared"]
STAGE = "risk_execution"
# What a superuser does past every constraint, and the view that then holds a row. {last}: the last session with a
# fill, {end}: the last one.
PLANTED = {
    "check_ledger_balanced": "UPDATE ledger_entries SET amount_usd = amount_usd + 0.01 WHERE id = (SELECT max(id) FROM "
    "ledger_entries WHERE ledger_account <> 'cash')",
    "check_positions_equal_fills": "UPDATE positions SET quantity = quantity + 1 WHERE session_date = '{last}' "
    "AND quantity <> 0",
    "check_snapshots_add_up": "UPDATE account_snapshots SET securities_usd = securities_usd + 1, "
    "equity_usd = equity_usd + 1 WHERE session_date = '{end}'",
    "check_cash_equals_ledger": "DELETE FROM ledger_entries WHERE transaction_key LIKE 'commission:%%' "
    "AND session_date = '{last}'",
    "check_orders_approved": "UPDATE risk_decisions SET decision = 'rejected', approved_quantity = 0, reason = 'no' "
    "WHERE id = (SELECT max(risk_decision_id) FROM orders)",
    "check_filled_orders": "UPDATE orders SET filled_quantity = filled_quantity - 1 "
    "WHERE id = (SELECT max(order_id) FROM fills)",
    "check_fills_after_decision": "UPDATE orders SET session_date = DATE '{last}' + 1 WHERE id = ("
    "SELECT max(f.order_id) FROM fills f JOIN orders o ON o.id = f.order_id "
    "WHERE o.order_type = 'market' AND f.session_date = '{last}')",
    "check_signals_have_features": "DELETE FROM feature_values WHERE date = '{last}'",
    "check_signals_use_known_bars": "UPDATE market_data SET known_at = known_at + interval '1 day' "
    "WHERE date = '{last}'",
    "check_cutoffs_not_later": "UPDATE stage_runs SET known_at = known_at + interval '1 day' "
    "WHERE stage = 'risk_execution' AND session_date = '{last}'",
    "check_no_orders_while_killed": "UPDATE risk_snapshots SET kill_switch = 'stop' "
    "WHERE (account_id, session_date) IN (SELECT account_id, session_date FROM orders WHERE order_type = 'market')",
    "check_audit_complete": "DELETE FROM audit_events WHERE event_type = 'execution.completed' "
    "AND session_date = '{last}'",
    "check_parity_in_cents": "UPDATE backtest_parity SET price_usd = price_usd + 1, account_usd = account_usd + 1",
    "check_lots_equal_positions": "DELETE FROM fills WHERE id = (SELECT max(id) FROM fills)",
    "check_batches_complete": "UPDATE ingestion_batches SET received = received + 1, accepted = accepted + 1 "
    "WHERE id = (SELECT max(id) FROM ingestion_batches)",
    "check_stages_in_order": "UPDATE stage_runs SET status = 'failed' WHERE stage = 'feature_engineering' "
    "AND session_date = '{last}'",
    "check_exits_fit_holdings": "INSERT INTO orders (client_order_id, risk_decision_id, account_id, session_date, "
    "symbol, side, quantity, reference_price, order_type, time_in_force, state, begun, stop_price, payload_hash, "
    "decision_hash) SELECT repeat('Z', 32), risk_decision_id, account_id, '{end}', symbol, side, 1000000, "
    "reference_price, 'stop', 'gtc', 'resting', 'resting', 1, payload_hash, decision_hash FROM orders "
    "ORDER BY id DESC LIMIT 1",
    "check_predictions_look_ahead": "WITH learnt AS (INSERT INTO model_versions (family, version, training_run_id, "
    "parameters, metrics, feature_set, feature_set_version, data_as_of, trained_from, trained_to, seen_until, "
    "code_version, artifact_format, artifact_path, artifact_sha256, metadata_sha256, created_by) "
    "SELECT 'lgbm', 1, 1, '{{}}', '{{}}', 'alpha158', 1, '2005-01-01', '2000-01-01', '{end}', DATE '{end}' + 9, "
    "repeat('a', 16), 'onnx', 'x', repeat('a', 64), repeat('a', 64), 'x' RETURNING id) INSERT INTO predictions "
    "(model_version_id, symbol, session_date, horizon, score, confidence) "
    "SELECT id, 'AAPL', '{last}', 1, 0.5, 0.5 FROM learnt",
    "check_backfill_chunks": "INSERT INTO backfill_chunks (source, start_date, end_date, symbols_hash, symbols, state, "
    "batch_id, run_id, received, accepted) SELECT 'files', '2000-01-03', '{end}', repeat('a', 64), '{{AAPL}}', 'done', "
    "max(id), 'run', 1, 1 FROM ingestion_batches",
}
NOT_BOUNDED = {"check_backfill_chunks"}  # there are few chunks, and what they fetch is long past


def plant(database, statement):
    """Run it as a superuser with every constraint and trigger of the tables out of the way."""
    with transaction(database.owner) as connection:
        last = connection.execute("SELECT max(session_date)::text AS d FROM fills").fetchone()["d"]
        connection.execute("SET LOCAL session_replication_role = replica")
        for table in ("orders", "risk_decisions", "account_snapshots"):
            checks = connection.execute(
                "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype IN ('c', 'f')",
                [table],
            ).fetchall()
            for check in checks:
                connection.execute(
                    f'ALTER TABLE {table} DROP CONSTRAINT IF EXISTS "{check["conname"]}" CASCADE'
                )
        assert connection.execute(statement.format(last=last, end=END).replace("%%", "%")).rowcount > 0
    return last


@pytest.fixture(scope="module")
def whole(prepared):
    database = prepared("")
    assert failed_checks(database.reader) == []
    return database


@pytest.fixture
def healthy(whole, copy_database):
    return copy_database(whole.name)


@pytest.mark.parametrize("view", PLANTED)
def test_a_planted_violation_is_seen_and_fails_the_stage(healthy, small_settings, view):
    plant(healthy, PLANTED[view])
    failed = failed_checks(healthy.reader)
    assert view in failed
    stage = open_stage(healthy.writer, small_settings, STAGE, start=DUE[0], end=END)
    with pytest.raises(DataQualityError) as raised:
        stage.check_books()
    assert any(name in str(raised.value) for name in failed)


def test_every_check_has_a_planted_violation_and_reads_from_the_runs_first_session_on(database):
    views = query(
        database.reader,
        "SELECT viewname AS v, definition LIKE '%%check_from%%' AS bounded FROM pg_views "
        "WHERE schemaname = 'public' AND starts_with(viewname, 'check_')",
    )
    assert {row["v"] for row in views} == set(PLANTED)
    assert {row["v"] for row in views if not row["bounded"]} == NOT_BOUNDED


def test_the_checks_look_from_the_runs_first_session_on(healthy, small_settings):
    """An old violation is not looked for again every day; `make verify` sees it."""
    day = query(healthy.reader, "SELECT min(session_date)::text AS d FROM positions WHERE quantity <> 0")[0]["d"]
    grown = "UPDATE positions SET quantity = quantity + 1 WHERE session_date = %(d)s AND quantity <> 0"
    assert change(healthy, grown, {"d": day}) > 0
    open_stage(healthy.writer, small_settings, STAGE).check_books()
    assert failed_checks(healthy.reader) == ["check_positions_equal_fills"]
    with pytest.raises(DataQualityError, match="check_positions_equal_fills"):
        open_stage(healthy.writer, small_settings, STAGE, start=day, end=day).check_books()


def test_wrong_books_stay_wrong_when_nothing_is_due(healthy, small_settings):
    plant(healthy, PLANTED["check_snapshots_add_up"])
    with pytest.raises(DataQualityError, match=r"(?s)check_snapshots_add_up.*from a backup"):
        run_stage(healthy.writer, small_settings, STAGE)
