"""model_execution: what users set stands, a broken model stops no other, past orders are never touched."""

from __future__ import annotations

import datetime as dt

import pytest

from models.errors import BlockedError
from models.strategies.alpha.rsi_alpha import RsiAlpha
from plugins.stages import predictions
from tests.support.chain import STEPS, open_stage, query, run_stage, take_step
from tests.support.prepared import DUE, END, MIDDLE, change, failed_checks, hashes, prepared
from tests.support.signals import STAGE, completed, ran_with
from tests.support.strategies import strategies

__all__ = ["prepared", "strategies"]
SHIPPED = ["ema_cross_alpha", "macd_alpha", "rsi_alpha"]
ORDERS = (
    "target_positions", "risk_decisions", "orders", "fills", "positions", "ledger_entries",
    "account_snapshots",
)  # fmt: skip


def on_a_date(day):
    """As `airflow dags test <dag> <day>` starts a run."""
    return {"logical_date": dt.datetime.fromisoformat(f"{day}T00:00:00+00:00")}


def test_registering_again_keeps_what_a_user_set(prepared, small_settings):
    database = prepared(STAGE)
    change(
        database,
        """UPDATE models SET parameters = '{"oversold": 25}', capital_usd = 7000, is_active = false,
                             model_version = 'old' WHERE model_name = 'rsi_alpha'""",
    )
    run_stage(database.writer, small_settings, STAGE)
    row = query(database.reader, "SELECT * FROM models WHERE model_name = 'rsi_alpha'")[0]
    assert row["parameters"] == {**RsiAlpha().parameters(), "oversold": 25}  # the others show, at their defaults
    assert (row["capital_usd"], row["is_active"]) == (7000, False)
    assert row["model_version"] == RsiAlpha.version  # the class's own statement, not the user's


def test_changed_parameters_are_for_new_sessions(prepared, small_settings):
    database = prepared(STAGE)
    before = hashes(database.writer, "signals_history", "model_runs_history")
    old = "SELECT * FROM signals WHERE session_date <= %(d)s ORDER BY id"
    stored = query(database.reader, old, {"d": MIDDLE})
    change(
        database, """UPDATE models SET parameters = '{"oversold": 44}' WHERE model_name = 'rsi_alpha'"""
    )
    run_stage(database.writer, small_settings, STAGE, end=DUE[0])
    change(
        database, """UPDATE models SET parameters = '{"oversold": 10}' WHERE model_name = 'rsi_alpha'"""
    )
    run_stage(database.writer, small_settings, STAGE)
    used = {
        day: parameters["oversold"] for day, parameters in ran_with(database.reader, "rsi_alpha").items()
    }
    assert used == dict.fromkeys(DUE, 10) | {DUE[0]: 44}
    assert query(database.reader, old, {"d": MIDDLE}) == stored
    # Three sets of parameters in one range, and each session is compared by its own.
    run_stage(database.writer, small_settings, STAGE, start="2005-02-01", end=END)
    assert hashes(database.writer, "signals_history", "model_runs_history") == before


def test_refused_parameters_name_the_model_and_the_range(prepared, small_settings):
    database = prepared(STAGE)
    change(
        database, """UPDATE models SET parameters = '{"oversold": 99}' WHERE model_name = 'rsi_alpha'"""
    )
    with pytest.raises(BlockedError, match=r"rsi_alpha: ConfigError.*oversold.*99.*from 1\.0 to 45\.0"):
        run_stage(database.writer, small_settings, STAGE)
    assert completed(database.reader, "macd_alpha")[-1] == END


def test_a_paused_model_has_no_task_and_no_vote(prepared, small_settings):
    database = prepared(STAGE)
    change(database, "UPDATE models SET is_active = false WHERE model_name = 'macd_alpha'")
    stage = run_stage(database.writer, small_settings, STAGE)
    names = query(database.reader, "SELECT model_name FROM models WHERE id = ANY(%(ids)s) ORDER BY 1",
                  {"ids": stage.load_registered_models()})  # fmt: skip
    assert [r["model_name"] for r in names] == ["ema_cross_alpha", "rsi_alpha"]
    assert completed(database.reader, "macd_alpha")[-1] == MIDDLE
    run_stage(database.writer, small_settings, "risk_execution")
    rows = query(
        database.reader,
        "SELECT DISTINCT detail -> 'rules' -> 'models' AS models FROM stage_runs "
        "WHERE stage = 'risk_execution' AND session_date > %(d)s",
        {"d": MIDDLE},
    )
    assert [r["models"] for r in rows] == [["ema_cross_alpha", "rsi_alpha"]]
    # Without that vote the weights are those of the other two.
    blended = query(
        database.reader, "SELECT members, missing FROM ensemble_signals WHERE session_date = %(d)s", {"d": END}
    )
    assert blended
    for row in blended:
        assert row["missing"] == ["macd_alpha", "tft"]
        assert {m["model"]: m["weight"] for m in row["members"]} == {"ema_cross_alpha": 0.5, "rsi_alpha": 0.5}
    # Back in service it catches up from where it was.
    change(database, "UPDATE models SET is_active = true WHERE model_name = 'macd_alpha'")
    run_stage(database.writer, small_settings, STAGE)
    assert completed(database.reader, "macd_alpha")[-1] == END


def test_no_active_model_is_not_an_error(prepared, small_settings):
    database = prepared(STAGE)
    change(database, "UPDATE models SET is_active = false")
    for stage in (STAGE, "risk_execution", "performance_testing"):
        run_stage(database.writer, small_settings, stage)
    assert failed_checks(database.reader) == []
    left = "SELECT quantity FROM positions WHERE session_date = %(d)s AND quantity <> 0"
    assert query(database.reader, left, {"d": END}) == []
    report = query(database.reader, "SELECT * FROM performance_reports ORDER BY report_date DESC LIMIT 1")[0]
    assert (str(report["report_date"]), report["models_measured"], report["best_model"]) == (END, 0, None)


BROKEN = {
    "syntax": ("def (", r"trend/newcomer\.py: SyntaxError"),
    "import": (
        "import no_such_package_anywhere",
        r"trend/newcomer\.py: ModuleNotFoundError.*no_such_package",
    ),
    "wrong class": ("class Newcomer: pass", r"trend/newcomer\.py: ConfigError.*exactly one strategy"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_is_named_and_the_others_run(prepared, small_settings, strategies, kind):
    text, message = BROKEN[kind]
    database = prepared(STAGE)
    strategies.write("trend/newcomer.py", text)
    with pytest.raises(BlockedError, match=message):
        run_stage(database.writer, small_settings, STAGE)
    assert all(completed(database.reader, model)[-1] == END for model in (*SHIPPED, ""))


RAISING = {
    "score raises": ({"body": "raise ZeroDivisionError('mine')"}, "newcomer: ZeroDivisionError: mine"),
    "score out of range": (
        {"body": "return Scores(panel['sma_10'])"},
        r"newcomer: ConfigError.*score outside \[-1",
    ),
    "unknown feature": (
        {"feature": "sma_7000"},
        "newcomer: ConfigError.*a feature nobody computes.*sma_7000",
    ),
}


@pytest.mark.parametrize("kind", RAISING)
@pytest.mark.parametrize("due", [True, False])
def test_a_failing_model_is_named_and_catches_up_when_mended(prepared, small_settings, strategies, kind, due):
    how, message = RAISING[kind]
    database = prepared(STAGE if due else "risk_execution")
    strategies.newcomer(**how)
    for _ in range(2):  # it stays an error until somebody acts
        with pytest.raises(BlockedError, match=message):
            run_stage(database.writer, small_settings, STAGE)
    assert all(completed(database.reader, model)[-1] == END for model in (*SHIPPED, ""))
    assert completed(database.reader, "newcomer") == []
    strategies.newcomer()
    run_stage(database.writer, small_settings, STAGE)
    assert completed(database.reader, "newcomer") == completed(database.reader, "")
    failed = query(database.reader, "SELECT * FROM stage_runs WHERE status <> 'completed'")
    assert failed == []


def test_a_model_that_failed_midway_goes_on_from_there(prepared, small_settings, strategies):
    database = prepared(STAGE)
    strategies.newcomer()
    run_stage(database.writer, small_settings, STAGE, end=DUE[2])
    strategies.newcomer(body="raise RuntimeError")
    with pytest.raises(BlockedError, match="newcomer: RuntimeError"):
        run_stage(database.writer, small_settings, STAGE, end=DUE[5])
    assert completed(database.reader, "newcomer")[-1] == DUE[2]
    noted = query(database.reader, "SELECT session_date FROM stage_runs WHERE status = 'failed'")
    assert [str(r["session_date"]) for r in noted] == [DUE[3]]
    strategies.newcomer()
    run_stage(database.writer, small_settings, STAGE)
    assert completed(database.reader, "newcomer") == completed(database.reader, "")


def test_a_task_that_was_killed_is_not_forgotten(prepared, small_settings):
    database = prepared(STAGE)
    stage = open_stage(database.writer, small_settings, STAGE)
    for step in STEPS[STAGE][:3]:
        take_step(stage, step)
    first, *others = stage.load_registered_models()
    for model in others:  # the first one's process dies before it can say anything
        stage.execute_strategies(model)
    stage.store_trading_signals()
    with pytest.raises(BlockedError, match=r"macd_alpha|ema_cross_alpha|rsi_alpha.*came to no end"):
        stage.log_model_metrics()
    assert first


def test_when_no_model_can_run_the_session_stays_open(prepared, small_settings, monkeypatch):
    database = prepared(STAGE)

    def fail(*_args):
        raise RuntimeError("all of them")

    monkeypatch.setattr(predictions, "score_sessions", fail)
    with pytest.raises(BlockedError, match="no active model could run"):
        run_stage(database.writer, small_settings, STAGE)
    assert completed(database.reader, "")[-1] == MIDDLE


def test_a_new_strategy_is_scored_over_history_and_orders_stay(prepared, small_settings, strategies):
    database = prepared("")
    before = hashes(database.writer)
    strategies.newcomer()
    run_stage(database.writer, small_settings, STAGE)
    after = hashes(database.writer)
    assert {t for t in after if after[t] != before[t]} == {"models", "model_runs", "signals", "stage_runs"}
    assert completed(database.reader, "newcomer") == completed(database.reader, "")
    for stage in ("risk_execution", "performance_testing"):
        run_stage(database.writer, small_settings, stage)
        run_stage(database.writer, small_settings, stage, start="2005-02-14", end=END)  # the past without it
    assert hashes(database.writer, *ORDERS, "performance_reports") == {
        t: before[t] for t in (*ORDERS, "performance_reports")
    }
    assert failed_checks(database.reader) == []


def test_a_deleted_strategy_fails_clearly(prepared, small_settings, strategies):
    database = prepared(STAGE)
    strategies.remove("alpha/macd_alpha.py")
    with pytest.raises(BlockedError, match=r"macd_alpha: ConfigError.*cannot import.*is_active = false"):
        run_stage(database.writer, small_settings, STAGE)
    assert completed(database.reader, "rsi_alpha")[-1] == END
    with pytest.raises(BlockedError, match="could not be computed again"):
        run_stage(database.writer, small_settings, STAGE, **on_a_date(MIDDLE))
