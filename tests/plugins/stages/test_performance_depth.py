"""Going on session by session gives the rows of one pass; reports follow their schema; alerts open and close."""

from __future__ import annotations

import json
import threading

import pandas as pd
import pytest
from jsonschema import Draft202012Validator

from data_layer.settings import ROOT
from data_layer.storage.alerts import open_alert
from data_layer.storage.database import transaction
from plugins.stages.performance_alerts import raise_and_close
from plugins.stages.reporting import changes, rank, told_apart
from tests.support.chain import query, run_stage
from tests.support.files_home import D
from tests.support.prepared import DUE, END, MIDDLE, change, hashes, prepared

__all__ = ["prepared"]
STAGE = "performance_testing"
TABLES = (
    "model_performance", "model_performance_windows", "model_sessions", "performance_states", "benchmark_returns",
    "performance_reports",
)  # fmt: skip


def test_session_by_session_or_at_once_or_from_the_beginning(prepared, small_settings):
    """A split goes ex in between; MSFT's bars stop for a while, so that trades wait and holdings stand."""
    homes = [prepared(STAGE) for _ in range(3)]
    for home in homes:
        change(
            home,
            "DELETE FROM market_data WHERE symbol = 'MSFT' AND date BETWEEN %(a)s AND %(b)s",
            {"a": DUE[2], "b": DUE[6]},
        )
    for day in DUE:
        run_stage(homes[0].writer, small_settings, STAGE, end=day)
    change(homes[1], "DELETE FROM performance_states")  # from the beginning, and all nine at once
    run_stage(homes[1].writer, small_settings, STAGE)
    for day in DUE:  # from the beginning, each time
        change(homes[2], "DELETE FROM performance_states")
        run_stage(homes[2].writer, small_settings, STAGE, end=day)
    found = [hashes(home.writer, *TABLES) for home in homes]
    assert found[0] == found[1] == found[2]
    after = "SELECT count(*) AS n FROM model_performance_windows WHERE run_date > %(d)s"
    assert query(homes[0].reader, after, {"d": MIDDLE}) == [{"n": 3 * 3 * len(DUE)}]
    # And what was measured going on is what a verifying run measures from the beginning.
    run_stage(homes[0].writer, small_settings, STAGE, start=DUE[0], end=END)
    assert hashes(homes[0].writer, *TABLES) == found[0]


def test_a_session_looks_at_its_window_only(prepared, small_settings):
    """Rows from before the window are gone: they would be missed by whoever looked at them."""
    home = prepared(STAGE)
    run_stage(home.writer, small_settings, STAGE, end=DUE[0])
    expected = query(home.reader, "SELECT min(keep_from) AS d FROM performance_states")[0]["d"]
    assert D("2005-01-01") < expected < D(DUE[0])
    whole = prepared(STAGE)
    run_stage(whole.writer, small_settings, STAGE)
    change(home, "ALTER TABLE signals DISABLE TRIGGER ALL")
    change(home, "DELETE FROM signals WHERE session_date < %(d)s", {"d": expected})
    run_stage(home.writer, small_settings, STAGE)
    assert hashes(home.writer, "model_performance") == hashes(whole.writer, "model_performance")


OLD_BAR = """
    INSERT INTO market_data_history SELECT d.*, (SELECT known_at - interval '1 hour' FROM stage_runs
        WHERE stage = 'model_execution' AND model = '' AND session_date = %(known)s), d.batch_id
    FROM market_data d WHERE symbol = 'AAPL' AND date = %(day)s"""
LATE_BAR = """
    UPDATE market_data SET open = low, known_at = (SELECT known_at - interval '1 hour' FROM stage_runs
        WHERE stage = 'model_execution' AND model = '' AND session_date = %(known)s)
    WHERE symbol = 'AAPL' AND date = %(day)s"""


def restate_signals(home, settings):
    """Features of an old week turn out to have been wrong."""
    week = "symbol = 'AAPL' AND date BETWEEN '2005-02-14' AND '2005-02-18'"
    for values in (
        "array_replace(values, values[1], values[1] * 3)", "ARRAY(SELECT v * 0.9::real FROM unnest(values) v)"
    ):  # fmt: skip
        change(home, f"UPDATE feature_values SET values = {values} WHERE {week}")
    run_stage(home.writer, settings, "model_execution", start="2005-02-14", end="2005-02-18", restate=True)


def correct_a_bar(home, settings):
    """An open from within every window, corrected between the second session due and the third."""
    day = {"known": DUE[2], "day": "2005-02-16"}
    assert change(home, OLD_BAR, day) == change(home, LATE_BAR, day) == 1


@pytest.mark.parametrize("past_changes", [restate_signals, correct_a_bar])
def test_a_changed_past_is_measured_anew(prepared, small_settings, past_changes):
    homes = [prepared(STAGE) for _ in range(2)]
    for home in homes:
        past_changes(home, small_settings)
    for day in DUE[:4]:
        run_stage(homes[0].writer, small_settings, STAGE, end=day)
        change(homes[1], "DELETE FROM performance_states")
        run_stage(homes[1].writer, small_settings, STAGE, end=day)
    assert hashes(homes[0].writer, *TABLES) == hashes(homes[1].writer, *TABLES)


def test_twice_at_once_is_once(prepared, small_settings):
    home, alone = prepared(STAGE), prepared(STAGE)
    run_stage(alone.writer, small_settings, STAGE)
    failures = []

    def work():
        try:
            run_stage(home.writer, small_settings, STAGE)
        except Exception as error:
            failures.append(error)

    both = [threading.Thread(target=work) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert not failures
    assert hashes(home.writer, *TABLES) == hashes(alone.writer, *TABLES)


def test_reports_follow_their_schema(prepared):
    schema = json.loads((ROOT / "include/schemas/performance_report.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    check = Draft202012Validator(schema)
    reports = [r["report_data"] for r in query(prepared("").reader, "SELECT report_data FROM performance_reports")]
    assert len(reports) > 280
    for report in reports:
        check.validate(report)
    assert {c["kind"] for r in reports for c in r["changes"]} >= {"rank", "warning came"}
    broken = reports[-1] | {"ranking": [reports[-1]["ranking"][0] | {"sharpe_ratio": "high"}]}
    assert list(check.iter_errors(broken))


def alerts(home):
    rows = query(home.reader, "SELECT kind, subject, closed_at IS NULL AS open FROM alerts ORDER BY kind, subject")
    return [(r["kind"], r["subject"], r["open"]) for r in rows]


@pytest.mark.parametrize("gone", ["date > '2005-02-20'", "true"], ids=["stopped", "never came"])
def test_alerts_open_once_and_close(prepared, gone):
    home = prepared("")
    change(home, "TRUNCATE alerts, alert_notifications")
    losing = """
        UPDATE model_performance_windows SET excess_return = %(behind)s, sessions = 63 WHERE window_sessions = 63
        AND run_date = %(d)s AND model_id = (SELECT id FROM models WHERE model_name = 'macd_alpha')"""
    falling = """
        UPDATE model_performance_windows SET max_drawdown = %(fallen)s WHERE window_sessions = 252
        AND run_date = %(d)s AND model_id = (SELECT id FROM models WHERE model_name = 'rsi_alpha')"""
    below = "UPDATE risk_snapshots SET drawdown = %(below)s WHERE session_date = %(d)s"
    switch = "UPDATE kill_switch SET engaged = %(on)s, reason = 'too much {risk}'"
    change(home, f"DELETE FROM market_data WHERE symbol = 'MSFT' AND {gone}")
    calm = "UPDATE model_performance_windows SET excess_return = 0, max_drawdown = 0 WHERE run_date = %(d)s"
    change(home, calm, {"d": END})
    change(home, losing, {"behind": -0.11, "d": END})
    change(home, falling, {"fallen": -0.21, "d": END})
    change(home, below, {"below": 0.051, "d": END})
    change(home, switch, {"on": True})
    account = query(home.reader, "SELECT account_id AS a FROM kill_switch")[0]["a"]
    kinds = [
        ("account_drawdown", account), ("kill_switch", account), ("model_drawdown", "rsi_alpha"),
        ("model_underperformance", "macd_alpha"), ("stale_data", "MSFT"),
    ]  # fmt: skip
    for _ in range(2):
        with transaction(home.writer) as connection:
            assert set(raise_and_close(connection, D(END)).values()) == {1}
        assert alerts(home) == [(*kind, True) for kind in kinds]
    change(home, losing, {"behind": -0.10, "d": END})  # at the threshold is not beyond it
    change(home, falling, {"fallen": -0.20, "d": END})
    change(home, below, {"below": 0.05, "d": END})
    change(home, switch, {"on": False})
    change(home, "ALTER TABLE trading_universe DISABLE TRIGGER USER")  # as if it had been known in time
    change(home, "UPDATE trading_universe SET active_to = '2005-02-18' WHERE symbol = 'MSFT'")
    with transaction(home.writer) as connection:
        assert set(raise_and_close(connection, D(END)).values()) == {0}
    assert alerts(home) == [(*kind, False) for kind in kinds]


def test_underperformance_stays_as_it_is_while_the_benchmark_is_not_known(prepared):
    home = prepared("")
    change(home, "TRUNCATE alerts, alert_notifications")
    excess = """
        UPDATE model_performance_windows SET excess_return = %(e)s, max_drawdown = 0, sessions = 63
        WHERE run_date = %(d)s AND model_id IN (SELECT id FROM models WHERE model_name = ANY(%(m)s))"""

    def judged():
        with transaction(home.writer) as connection:
            raise_and_close(connection, D(END))
        return [(subject, is_open) for kind, subject, is_open in alerts(home) if kind == "model_underperformance"]

    both = ["macd_alpha", "rsi_alpha"]
    everyone = [row["n"] for row in query(home.reader, "SELECT model_name AS n FROM models")]
    change(home, excess, {"e": 0.0, "d": END, "m": everyone})
    change(home, excess, {"e": -0.2, "d": END, "m": both[:1]})
    assert judged() == [("macd_alpha", True)]
    change(home, excess, {"e": None, "d": END, "m": both})
    assert judged() == [("macd_alpha", True)]
    change(home, excess, {"e": 0.0, "d": END, "m": both})
    assert judged() == [("macd_alpha", False)]


def test_what_blocks_a_model_is_over_when_the_model_is_paused(prepared):
    home = prepared("")
    change(home, "TRUNCATE alerts, alert_notifications")
    change(home, "UPDATE models SET is_active = false WHERE model_name = 'rsi_alpha'")
    with transaction(home.writer) as connection:
        for model in ("macd_alpha", "rsi_alpha"):
            open_alert(connection, "model_blocked", model, "no version is in use")
        raise_and_close(connection, D(END))
    blocked = [alert for alert in alerts(home) if alert[0] == "model_blocked"]
    assert blocked == [("model_blocked", "macd_alpha", True), ("model_blocked", "rsi_alpha", False)]


def test_strategies_that_cannot_be_told_apart_share_a_rank():
    rows = pd.date_range("2024-01-02", periods=252)
    noise = pd.DataFrame({f"m{n}": pd.Series(range(252)).mul(7 + n).mod(11).sub(5) / 1000 for n in range(3)})
    noise["better"] = noise["m0"] + 0.01
    noise["young"] = noise["m1"].where(noise.index > 200)
    noise["idle"] = 0.0
    noise.index = rows
    ranks = told_apart(noise)
    assert ranks["better"] == 1 and {ranks[f"m{n}"] for n in range(3)} == {2}
    assert "young" not in ranks and "idle" not in ranks
    assert told_apart(noise.iloc[:50]) == {}


def test_a_ranking_and_what_changed():
    models = [{"model_name": n, "sharpe_ratio": s} for n, s in (("a", 0.1), ("b", 2.0), ("c", None), ("d", 1.0))]
    found = rank(models, {"a": 1, "b": 1, "d": 3})
    assert [(m["model_name"], m["rank"], m["shared_by"]) for m in found] == [
        ("b", 1, 2), ("a", 1, 2), ("d", 3, 1), ("c", None, None)
    ]  # fmt: skip
    assert [m["rank"] for m in rank(models, {})] == [1, 1, 1, None]
    newcomer = {"model_name": "e", "sharpe_ratio": 9.0}
    assert [m["rank"] for m in rank([*models, newcomer], {"a": 1, "b": 1, "d": 3})] == [1, 1, 3, None, None]
    before = {"report_data": {"ranking": [{"model_name": "a", "rank": 2}, {"model_name": "x", "rank": 1}]},
              "warnings": ["old"]}  # fmt: skip
    assert changes(None, found, ["new"]) == []
    told = [(c["kind"], c["subject"], c["before"], c["after"]) for c in changes(before, found, ["new"])]
    assert told == [
        ("model came", "b", None, 1), ("model came", "d", None, 3), ("model came", "c", None, None),
        ("model left", "x", 1, None), ("rank", "a", 2, 1), ("warning came", "new", None, None),
        ("warning went", "old", None, None),
    ]  # fmt: skip
