"""relay_events is off without brokers; retention reports before it removes, and removes nothing else."""

from __future__ import annotations

import os
from types import SimpleNamespace

import psycopg
import pytest
from airflow.sdk import BaseHook
from psycopg import errors

from plugins.operators.upkeep import UpkeepOperator
from tests.support.chain import query
from tests.support.dags import parse_dags
from tests.support.mock_kafka import mock_kafka
from tests.support.prepared import change, hashes


@pytest.fixture
def operate(database, monkeypatch, tmp_path):
    """Returns a function that runs a step of upkeep as its task would."""
    monkeypatch.setenv("ALMANAC_HOME", str(tmp_path))
    monkeypatch.setattr(
        BaseHook, "get_connection", classmethod(lambda *_: SimpleNamespace(get_uri=lambda: database.writer))
    )
    return lambda task, **arguments: UpkeepOperator(task_id=task, arguments=arguments).execute({})


def test_the_relay_is_off_unless_brokers_are_named():
    assert parse_dags()["dags"]["relay_events"]["waits_for"] == "None"
    on = parse_dags(KAFKA_BROKERS="broker-1:9092")
    assert "*/5 * * * *" in on["dags"]["relay_events"]["waits_for"]
    assert on["heavy"] == []


def test_the_operator_relays_to_the_brokers_that_are_set(database, operate, monkeypatch):
    accept = (
        "INSERT INTO session_exceptions (session_date, symbol, reason) VALUES ('2005-06-01', 'IBM', 'halted')"
    )
    query(database.writer, accept + " RETURNING 1")
    assert operate("relay_events") == {"sent": 0}
    with mock_kafka(1) as kafka:
        monkeypatch.setenv("KAFKA_BROKERS", kafka.brokers)
        assert operate("relay_events") == {"sent": 1}
        assert operate("relay_events") == {"sent": 0}
        assert [message.topic() for message in kafka.messages()] == ["quality.accepted"]


OLD = """
INSERT INTO data_quality_results (run_id, last_batch_id, batch, first_session, session_date, expectation, subject,
                                  success, observed, threshold, recorded_at)
SELECT run, 1, 'bars', '2005-06-01', '2005-06-01', 'any', 'all', true, '{}', '{}', at::timestamptz
FROM (VALUES ('old', '2020-01-01'), ('newest', '2020-01-02')) AS r (run, at);
INSERT INTO alerts (kind, severity, subject, message, opened_at, closed_at) VALUES
    ('drift', 'warning', 'closed', 'x', '2020-01-01', '2020-01-02'),
    ('drift', 'warning', 'open', 'x', '2020-01-01', NULL),
    ('drift', 'warning', 'young', 'x', '2020-01-01', now());
INSERT INTO alert_notifications (alert_id, event) SELECT id, 'opened' FROM alerts;
INSERT INTO order_hints (signature, sent_at, key_number, received_at, heeded_at) VALUES
    (repeat('a', 64), '2020-01-01', 1, '2020-01-01', '2020-01-01'),
    (repeat('b', 64), '2020-01-01', 1, '2020-01-01', NULL);
INSERT INTO session_exceptions (session_date, symbol, reason, recorded_at)
VALUES ('2005-06-01', 'IBM', 'halted', '2020-01-01')
"""
GONE = {"data_quality_results": 1, "alerts": 1, "order_hints": 1, "pending_predictions": 0, "pending_signals": 0,
        "pending_model_runs": 0, "task_logs": 1}  # fmt: skip


def test_retention_reports_first_removes_when_told_and_keeps_the_rest(
    database, operate, monkeypatch, tmp_path
):
    from airflow.sdk.configuration import conf

    logs = tmp_path / "logs"
    old, young = (
        logs / "dag_id=a" / "run_id=1" / "attempt=1.log",
        logs / "dag_id=a" / "run_id=2" / "attempt=1.log",
    )
    for path in (old, young, logs / "scheduler.log"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    os.utime(old, (1_577_836_800, 1_577_836_800))
    os.utime(logs / "scheduler.log", (1_577_836_800, 1_577_836_800))
    monkeypatch.setattr(conf, "get", lambda *_: str(logs))
    change(database, OLD)
    before = hashes(database.reader)
    assert operate("report_expired") == GONE
    assert operate("remove_expired", asked="False") == {}
    assert hashes(database.reader) == before and old.exists()
    assert operate("remove_expired", asked="True") == GONE
    assert operate("report_expired") == operate("remove_expired", asked="True") == dict.fromkeys(GONE, 0)
    after = hashes(database.reader)
    assert {name for name in after if after[name] != before[name]} == {
        "order_hints"
    }  # the others are logs, or open
    assert [row["subject"] for row in query(database.reader, "SELECT subject FROM alerts ORDER BY 1")] == [
        "open",
        "young",
    ]
    assert query(database.reader, "SELECT count(*) AS n FROM alert_notifications") == [{"n": 2}]
    assert (old.parent.exists(), young.exists(), (logs / "scheduler.log").exists()) == (False, True, True)
    monkeypatch.setenv("RETENTION_REMOVES", "true")
    assert operate("remove_expired", asked="False") == dict.fromkeys(GONE, 0)


LEFT = """
ALTER TABLE order_hints SET (autovacuum_enabled = false);
INSERT INTO order_hints (signature, sent_at, key_number, received_at)
SELECT lpad(n::text, 64, 'a'), now(), 1, now() FROM generate_series(1, 500) AS n;
UPDATE order_hints SET heeded_at = now();
SELECT pg_stat_force_next_flush()
"""


def test_tables_are_reported_and_where_autovacuum_is_behind(database, operate, caplog):
    before = operate("report_tables")
    assert before["tables"] > 80 and before["bytes"] > 1_000_000 and before["overdue"] == 0
    change(database, LEFT)
    after = operate("report_tables")
    assert (after["overdue"], after["dead_rows"] - before["dead_rows"]) == (1, 500)
    assert "order_hints: " in caplog.text and "500 rows, 500 dead" in caplog.text
    assert "VACUUM (ANALYZE) order_hints" in caplog.text
    with psycopg.connect(database.owner, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE) order_hints")
        connection.execute("SELECT pg_stat_force_next_flush()")
    assert operate("report_tables")["overdue"] == 0


def test_nothing_young_is_removed_whatever_is_asked(database):
    with pytest.raises(errors.CheckViolation, match="30 days"):
        query(database.writer, "SELECT * FROM remove_expired(now() - interval '29 days', true)")
    with pytest.raises(errors.InsufficientPrivilege):
        query(database.reader, "SELECT * FROM remove_expired(now() - interval '90 days', false)")


def test_retention_runs_by_itself_with_a_live_source_only_and_reports():
    dag = parse_dags()["dags"]["retention"]
    assert (dag["params"], dag["waits_for"]) == ({"remove": False}, "None")
    assert [task["id"] for task in dag["tasks"]] == ["report_tables", "report_expired", "remove_expired"]
    live = parse_dags(SOURCE="yfinance", START="2020-01-02")
    assert "0 12 * * 0#1" in live["dags"]["retention"]["waits_for"]
