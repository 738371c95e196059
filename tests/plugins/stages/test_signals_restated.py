"""model_execution again: what a restatement keeps and marks, and what two runs at once leave."""

from __future__ import annotations

import pytest

from models.errors import ConfigError, DataQualityError, RetryableError
from tests.support.chain import STEPS, open_stage, query, run_stage, take_step
from tests.support.prepared import DUE, END, change, failed_checks, hashes, prepared
from tests.support.signals import STAGE, ran_with

__all__ = ["prepared"]
LATER = ("orders", "fills", "positions", "ledger_entries", "account_snapshots", "model_performance")


@pytest.fixture
def restated(prepared, small_settings):
    """Everything is done, then an old close turns out to have been wrong, and features are restated."""
    database = prepared("")
    change(
        database,
        "UPDATE feature_values SET values = array_replace(values, values[1], values[1] * 3) "
        "WHERE symbol = 'AAPL' AND date BETWEEN '2005-02-14' AND '2005-02-18'",
    )
    change(
        database,
        "UPDATE feature_values SET values = (SELECT array_agg(v * 0.9::real) FROM unnest(values) v) "
        "WHERE symbol = 'AAPL' AND date BETWEEN '2005-02-14' AND '2005-02-18'",
    )
    return database


def test_restated_features_are_found_and_written_only_when_asked(restated, small_settings):
    span = {"start": "2005-02-14", "end": "2005-02-18"}
    with pytest.raises(DataQualityError, match="stored rows differ"):
        run_stage(restated.writer, small_settings, STAGE, **span)
    assert query(restated.reader, "SELECT * FROM signals_history") == []
    untouched = hashes(restated.writer, *LATER)
    old = query(restated.reader, "SELECT * FROM signals ORDER BY id")
    run_stage(restated.writer, small_settings, STAGE, **span, restate=True)
    kept = query(restated.reader, "SELECT * FROM signals_history ORDER BY id")
    assert kept
    assert all({k: v for k, v in row.items() if k != "superseded_at"} in old for row in kept)
    assert query(restated.reader, "SELECT * FROM model_runs_history")
    stale = query(restated.reader, "SELECT stage, min(session_date) AS since FROM stage_runs "
                                   "WHERE stale_reason IS NOT NULL GROUP BY 1 ORDER BY 1")  # fmt: skip
    assert [(r["stage"], str(r["since"])) for r in stale] == [
        ("performance_testing", "2005-02-14"), ("risk_execution", "2005-02-14"),
    ]  # fmt: skip
    assert hashes(restated.writer, *LATER) == untouched
    run_stage(restated.writer, small_settings, STAGE, **span)  # now it stands
    counted = query(
        restated.reader,
        "SELECT r.id FROM model_runs r "
        "LEFT JOIN (SELECT model_run_id, count(*) AS n FROM signals GROUP BY 1) s "
        "ON s.model_run_id = r.id WHERE coalesce(n, 0) <> signals_long + signals_short + signals_flat",
    )
    assert counted == []
    with pytest.raises(DataQualityError, match="stored rows differ"):  # what was decided on the old ones
        run_stage(restated.writer, small_settings, "risk_execution", **span)


def test_restating_one_symbol_leaves_the_others_and_their_parameters(restated, small_settings):
    change(
        restated, """UPDATE models SET parameters = '{"oversold": 44}' WHERE model_name = 'rsi_alpha'"""
    )
    span = {"start": "2005-02-14", "end": "2005-02-18"}
    run_stage(restated.writer, small_settings, STAGE, **span, symbols="MSFT", restate=True)
    assert query(restated.reader, "SELECT * FROM signals_history") == []
    run_stage(restated.writer, small_settings, STAGE, **span, symbols="AAPL", restate=True)
    assert {r["symbol"] for r in query(restated.reader, "SELECT symbol FROM signals_history")} == {"AAPL"}
    used = query(
        restated.reader,
        "SELECT DISTINCT r.parameters ->> 'oversold' AS p FROM model_runs r "
        "JOIN models m ON m.id = r.model_id WHERE model_name = 'rsi_alpha'",
    )
    assert [r["p"] for r in used] == ["30.0"]
    run_stage(restated.writer, small_settings, STAGE, **span)


def test_a_restatement_waits_until_a_session_is_decided(restated, small_settings):
    change(
        restated,
        "UPDATE stage_runs SET status = 'running' WHERE stage = 'risk_execution' AND session_date = %(d)s",
        {"d": END},
    )
    with pytest.raises(RetryableError, match="in the middle of a session"):
        run_stage(restated.writer, small_settings, STAGE, start="2005-02-14", end="2005-02-18", restate=True)
    assert query(restated.reader, "SELECT * FROM signals_history") == []


def test_parameters_changed_between_two_runs_at_once(prepared, small_settings):
    """Both runs have scored the same sessions; the first to publish wins, the other leaves it alone."""
    database = prepared(STAGE)
    first, second = (open_stage(database.writer, small_settings, STAGE) for _ in range(2))
    for stage in (first, second):
        for step in STEPS[STAGE][:4]:
            take_step(stage, step)
        change(
            database,
            """UPDATE models SET parameters = '{"oversold": 44}' WHERE model_name = 'rsi_alpha'""",
        )
    for stage in (second, first):
        for step in STEPS[STAGE][4:]:
            take_step(stage, step)
    used = ran_with(database.reader, "rsi_alpha")
    assert {day: parameters["oversold"] for day, parameters in used.items()} == dict.fromkeys(DUE, 44)
    assert (
        query(database.reader, "SELECT * FROM pending_signals UNION ALL SELECT * FROM pending_signals") == []
    )
    assert failed_checks(database.reader) == []


def test_missing_features_are_named(prepared, small_settings):
    database = prepared(STAGE)
    change(database, "UPDATE stage_runs SET status = 'failed' WHERE stage = 'feature_engineering' "
                     "AND session_date = %(d)s", {"d": DUE[3]})  # fmt: skip
    stage = open_stage(database.writer, small_settings, STAGE, end=DUE[1])
    stage.fetch_latest_features()
    change(database, "UPDATE stage_runs SET status = 'failed' WHERE stage = 'feature_engineering' "
                     "AND session_date = %(d)s", {"d": DUE[1]})  # fmt: skip
    with pytest.raises(
        DataQualityError, match=f"no features for a session due.*{DUE[1]}.*run feature_engineering"
    ):
        stage.fetch_latest_features()


def test_an_unknown_model_is_refused(prepared, small_settings):
    stage = open_stage(prepared(STAGE).writer, small_settings, STAGE)
    with pytest.raises(ConfigError, match="no such model"):
        stage.execute_strategies(999_999)
