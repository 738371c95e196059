"""The whole chain: nothing depends on how its sessions were grouped into runs, and a rerun changes nothing."""

from __future__ import annotations

import datetime as dt

import pytest

from data_layer.storage.database import transaction
from data_layer.storage.hashes import table_hashes
from plugins.stages.context import CHAIN
from tests.support.chain import query, run_chain, run_stage

QUERIES = (
    "SELECT s.*, m.model_name FROM signals s JOIN models m ON s.model_id = m.id ORDER BY s.created_at DESC LIMIT 10",
    "SELECT mp.*, m.model_name FROM model_performance mp JOIN models m ON mp.model_id = m.id "
    "ORDER BY mp.run_date DESC",
    "SELECT * FROM performance_reports ORDER BY report_date DESC LIMIT 1",
    "SELECT MAX(date) AS latest_data FROM market_data",
    "SELECT m.model_name, COUNT(s.*) AS signals_today FROM models m LEFT JOIN signals s ON m.id = s.model_id "
    "AND DATE(s.created_at) = CURRENT_DATE GROUP BY m.id, m.model_name",
)


def hashes(uri):
    with transaction(uri) as connection:
        return table_hashes(connection)


def test_all_stages_complete_every_session(small_chain):
    rows = query(
        small_chain.reader,
        "SELECT stage, count(DISTINCT session_date) AS n FROM stage_runs WHERE status = 'completed' GROUP BY 1",
    )
    assert {r["stage"]: r["n"] for r in rows} == dict.fromkeys(CHAIN, 504)


@pytest.mark.parametrize("statement", QUERIES)
def test_queries_people_type_return_rows(small_chain, statement):
    assert query(small_chain.reader, statement)


def test_weekly_average_runs(small_chain):
    statement = (
        "SELECT run_date, AVG(avg_return) FROM model_performance "
        "WHERE run_date >= CURRENT_DATE - INTERVAL '7 days' GROUP BY run_date"
    )
    assert query(small_chain.reader, statement) == []  # the bars are not recent


def test_no_check_view_returns_a_row(small_chain):
    views = query(
        small_chain.reader,
        "SELECT viewname FROM pg_views WHERE schemaname = 'public' AND starts_with(viewname, 'check_')",
    )
    assert len(views) >= 9
    for view in views:
        assert query(small_chain.reader, f"SELECT * FROM {view['viewname']}") == [], view


def test_signals_are_written_in_session_order(small_chain):
    rows = query(small_chain.reader, "SELECT session_date FROM signals ORDER BY created_at, id")
    days = [r["session_date"] for r in rows]
    assert days == sorted(days)


def test_daily_runs_leave_what_one_catch_up_leaves(small_chain, database, small_settings):
    run_chain(database.writer, small_settings, end="2005-12-22")
    for day in ("2005-12-23", "2005-12-27", "2005-12-28", "2005-12-29", "2005-12-30"):
        run_chain(database.writer, small_settings, end=day)
    assert hashes(database.writer) == hashes(small_chain.writer)


def test_rerun_of_past_sessions_changes_nothing(chained, small_settings):
    before = hashes(chained.writer)
    for stage in CHAIN:
        # A plain date, as `airflow dags test` gives it; and a range over a split.
        run_stage(chained.writer, small_settings, stage, logical_date=dt.datetime(2005, 6, 1, tzinfo=dt.UTC))
        run_stage(chained.writer, small_settings, stage, start="2005-02-22", end="2005-03-02")
        run_stage(chained.writer, small_settings, stage)
    assert hashes(chained.writer) == before


@pytest.mark.parametrize(
    ("stage", "change"),
    [
        (
            "feature_engineering",
            "UPDATE feature_values SET values[1] = values[1] + 1 WHERE date = '2005-06-01'",
        ),
        ("model_execution", "UPDATE signals SET score = score / 2 WHERE session_date = '2005-06-01'"),
        ("risk_execution", "UPDATE target_positions SET score = score / 2 WHERE session_date = '2005-06-01'"),
        ("performance_testing", "UPDATE model_performance SET win_rate = 0 WHERE run_date = '2005-06-01'"),
    ],
)
def test_rerun_finds_what_was_tampered_with(chained, small_settings, stage, change):
    with transaction(chained.owner) as connection:
        assert connection.execute(change).rowcount
    with pytest.raises(Exception, match=r"stored rows differ.*2005-06-01"):
        run_stage(chained.writer, small_settings, stage, logical_date=dt.datetime(2005, 6, 1, tzinfo=dt.UTC))
