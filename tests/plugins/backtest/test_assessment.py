"""The assessment on a real database: everything stored once, one failing alone, edits of the scenarios' file seen."""

from __future__ import annotations

import dataclasses
import datetime as dt

import numpy as np
import pandas as pd
import pytest

from data_layer.storage.database import transaction
from models.backtest.grid import RESULTS
from models.backtest.kernel import CLOSE, HIGH, LOW
from models.backtest.rules import Rules
from models.backtest.scenarios import from_definition
from models.errors import BlockedError, ConfigError, RetryableError
from models.strategies import discovery
from models.strategies.trend.golden_cross import GoldenCross
from plugins.backtest import assessment_run, assessment_steps, scenario_file
from plugins.backtest.assess import assess_files
from plugins.backtest.assess_bars import asked_for, print_results
from plugins.backtest.assessment import assess, lay_out
from plugins.backtest.assessment_run import (
    Asked,
    contenders_from_files,
    prepare,
    rules_for,
    run_here,
    run_shard,
    shards,
)
from plugins.backtest.market import market_from_database
from plugins.backtest.ranking import rank_assessed
from plugins.backtest.scenario_file import read_scenarios
from plugins.backtest.stress import cut, shocked_market
from tests.support.chain import query
from tests.support.models import TRAINED

TABLES = (
    "backtest_results",
    "assessment_returns",
    "assessment_sessions",
    "assessment_scenarios",
    "assessment_errors",
)
THREE = Asked(
    strategies=("buy_and_hold", "golden_cross", "ml_ensemble"),
    scenarios=("full period", "Stagflation", "Geopolitical Crisis", "AI Boom 2023"),
)


def stored(uri, table):
    """The table's rows without surrogate ids, as texts."""
    return sorted(str({k: v for k, v in row.items() if k not in {"run_id", "trial_id", "recorded_at"}})
                  for row in query(uri, f"SELECT * FROM {table}"))  # fmt: skip


@pytest.fixture
def small_market(small_chain):
    return market_from_database(small_chain.reader)


def test_all_is_stored_once_however_often_it_runs(chained, small_settings):
    prepared, found = run_here(chained.writer, small_settings, THREE)
    once = {table: stored(chained.reader, table) for table in TABLES}
    again, _ = run_here(chained.writer, small_settings, THREE)
    assert again.run_id == prepared.run_id
    assert {table: stored(chained.reader, table) for table in TABLES} == once
    assert len(once["backtest_results"]) == 2 * 3 * 3 == (found.sessions > 0).sum()
    assert [r["strategy"] for r in query(chained.reader, "SELECT strategy FROM strategy_trials ORDER BY 1")] == [
        "buy_and_hold", "golden_cross",
    ]  # fmt: skip
    errors = query(chained.reader, "SELECT strategy, error FROM assessment_errors")
    assert [e["strategy"] for e in errors] == ["ml_ensemble"]
    assert "no stored predictions" in errors[0]["error"]
    scenarios = {r["scenario"]: r for r in query(chained.reader, "SELECT * FROM assessment_scenarios")}
    assert "bars held from 2004-01-02 to 2005-12-30" in scenarios["AI Boom 2023"]["skipped_reason"]
    assert scenarios["full period"]["first_session"] == dt.date(2004, 1, 2)
    assert scenarios["Stagflation"]["kind"] == "stress"
    assert from_definition(scenarios["Stagflation"]["definition"]) in read_scenarios()
    assert query(chained.reader, "SELECT count(*) AS n FROM scenarios WHERE in_file")[0]["n"] == 32


def test_shards_store_what_one_process_does(chained, small_chain, copy_database, small_settings):
    other = copy_database(small_chain.name)
    run_here(other.writer, small_settings, THREE)
    row = prepare(chained.writer, small_settings, THREE)
    parts = shards(row.contenders)
    assert parts == [["buy_and_hold"], ["golden_cross"], ["ml_ensemble"]]
    for names in [*parts, parts[1]]:  # a task may run twice
        run_shard(chained.writer, row.run_id, names)
    for table in TABLES:
        assert stored(chained.reader, table) == stored(other.reader, table), table


def test_a_deleted_file_is_an_error_of_its_own_row(chained, small_settings, monkeypatch):
    real = discovery.importlib.import_module

    def gone(name, *more):
        if name == GoldenCross.__module__:
            raise ModuleNotFoundError(f"No module named {name!r}")
        return real(name, *more)

    with transaction(chained.writer) as connection:  # as registration left it
        known = connection.execute(
            "SELECT count(*) AS n FROM models WHERE model_name = 'golden_cross'"
        ).fetchone()
    assert known["n"] == 1
    monkeypatch.setattr(discovery.importlib, "import_module", gone)
    run_here(chained.writer, small_settings, Asked(scenarios=("full period",)))
    errors = {r["strategy"]: r["error"] for r in query(chained.reader, "SELECT * FROM assessment_errors")}
    assert set(errors) == {"golden_cross", "ml_ensemble", *TRAINED}
    assert "No module named" in errors["golden_cross"]
    assert "restore the strategy's file" in errors["golden_cross"]
    ran = query(chained.reader, "SELECT count(DISTINCT trial_id) AS n FROM backtest_results")
    assert ran[0]["n"] == len(discovery.discover_strategies().classes) - 1 - len(TRAINED)


def test_a_strategy_that_fails_in_the_middle_stands_alone(small_market, monkeypatch):
    contenders = contenders_from_files(("buy_and_hold", "golden_cross"))
    course = lay_out(small_market, [s for s in read_scenarios() if s.name in THREE.scenarios])
    alone = assess(small_market, course, contenders[:1], Rules())
    real, calls = GoldenCross.score, []

    def fails_in_a_stress(self, panel):
        calls.append(panel)
        if len(calls) > 1:
            raise ZeroDivisionError("not under stress")
        return real(self, panel)

    monkeypatch.setattr(GoldenCross, "score", fails_in_a_stress)
    found = assess(small_market, course, contenders, Rules())
    assert found.errors == {"golden_cross": "ZeroDivisionError: not under stress"}
    assert not found.sessions[1].any() and np.isnan(found.values[1]).all()
    np.testing.assert_array_equal(found.values[0], alone.values[0])
    np.testing.assert_array_equal(found.daily[0], alone.daily[0])


def test_daily_returns_are_those_of_the_accounts(small_market):
    course = lay_out(small_market, [s for s in read_scenarios() if s.name == "full period"])
    found = assess(small_market, course, contenders_from_files(("buy_and_hold",)), Rules())
    assert found.accounts[0, 0] == 0 and np.isnan(found.daily[0, 0])
    one = small_market.symbols.index("AAPL")
    alone = market_of(small_market, one)
    single = assess(
        alone, lay_out(alone, course.scenarios), contenders_from_files(("buy_and_hold",)), Rules()
    )
    growth = np.prod(1.0 + single.daily[0][1:])
    assert growth - 1.0 == pytest.approx(single.values[0, 0, 0, RESULTS.index("total_return")], rel=1e-12)


def market_of(market, s):
    """The market of one symbol."""
    rows = slice(market.offsets[s], market.offsets[s + 1])
    return dataclasses.replace(
        market, symbols=(market.symbols[s],), bars=market.bars[rows], row_session=market.row_session[rows],
        offsets=np.array([0, rows.stop - rows.start]), frame=market.frame[rows].reset_index(drop=True),
    )  # fmt: skip


def test_a_stress_never_runs_on_the_bars_as_they_were(small_market):
    scenarios = [s for s in read_scenarios() if s.shock]
    course = lay_out(small_market, scenarios)
    for scenario, place in zip(scenarios, course.places, strict=True):
        shocked = shocked_market(small_market, scenario, place)
        plain = cut(small_market, place.last - len(shocked.sessions) + 1, place.last)
        inside = shocked.row_session > len(shocked.sessions) - 1 - scenario.shock.sessions
        assert (shocked.bars[inside, CLOSE] != plain.bars[inside, CLOSE]).mean() > 0.99
        np.testing.assert_array_equal(shocked.bars[~inside, :7], plain.bars[~inside, :7])
        np.testing.assert_array_equal(shocked.frame["close"], shocked.bars[:, CLOSE])  # what features see
        assert np.all(shocked.bars[:, LOW] <= shocked.bars[:, HIGH])
        assert shocked.benchmark[inside].tolist() != plain.benchmark[inside].tolist()


def test_an_edit_of_the_file_is_picked_up_and_a_bad_line_is_named(
    chained, small_settings, tmp_path, monkeypatch
):
    text = scenario_file.SCENARIOS_FILE.read_text()
    run_here(chained.writer, small_settings, THREE)
    file = tmp_path / "scenarios.toml"
    monkeypatch.setattr(scenario_file, "SCENARIOS_FILE", file)
    file.write_text(
        text.replace('name = "AI Boom 2023"', 'name = "AI Boom"').replace("size = -0.30", "size = -0.40")
    )
    with pytest.raises(ConfigError, match=r"no such scenario.*AI Boom 2023"):
        run_here(chained.writer, small_settings, THREE)
    rows = {r["name"]: r for r in query(chained.reader, "SELECT * FROM scenarios")}
    assert (rows["AI Boom 2023"]["in_file"], rows["AI Boom"]["in_file"]) == (False, True)
    assert rows["Stagflation"]["shock"]["size"] == -0.4
    file.write_text(text.replace("size = -0.30", "size = -30"))
    with pytest.raises(ConfigError, match=r"scenario \d+ \(Stagflation\) is refused \(size=-30\)"):
        prepare(chained.writer, small_settings, Asked())


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (Asked(symbols=("AAPLE",)), r"no bars of this symbol.*AAPLE.*AAPL"),
        (Asked(scenarios=("The Flood",)), r"no such scenario.*The Flood"),
        (Asked(costs={"fees": 1.0}), r"no such cost.*fees.*slippage_bps"),
        (Asked(costs={"slippage_bps": 5000.0}), r"out of range.*slippage_bps.*5000"),
        (Asked(scenarios=("AI Boom 2023",)), r"no scenario is held.*2023-05-25"),
    ],
)
def test_what_cannot_run_says_why(small_chain, small_market, small_settings, asked, message, monkeypatch):
    monkeypatch.setattr(assessment_run, "store_scenarios", lambda *_: None)
    monkeypatch.setattr(assessment_run, "open_run", lambda *_: 1)
    with pytest.raises((ConfigError, BlockedError), match=message):
        prepared = prepare(small_chain.reader, small_settings, asked)
        assess(prepared.market, prepared.course, prepared.contenders, prepared.rules)


def test_bars_that_changed_meanwhile_stop_the_shards(chained, small_settings):
    run_id = prepare(chained.writer, small_settings, THREE).run_id
    with transaction(chained.owner) as connection:
        connection.execute(
            "UPDATE market_data SET high = high + 1 WHERE symbol = 'MSFT' AND date = '2005-03-01'"
        )
    with pytest.raises(RetryableError, match=r"bars have changed since the run began"):
        run_shard(chained.writer, run_id, ["buy_and_hold"])


def test_the_steps_of_the_dag_rank_what_ran(chained, small_settings, monkeypatch):
    monkeypatch.setattr(assessment_steps, "load_settings", lambda: small_settings)
    form = {
        "strategies": ["buy_and_hold", "golden_cross", "gone"],
        "scenarios": ["full period"],
        "slippage_bps": 7,
    }
    dealt = assessment_steps.prepare_assessment(chained.writer, form, dt.datetime(2005, 6, 30, tzinfo=dt.UTC))
    for shard in dealt:
        assessment_steps.assess_shard(chained.writer, **shard)
    counts = assessment_steps.rank_strategies(chained.writer, dealt)
    assert (counts["errors"], counts["trials"]) == (1, 2)
    ranked = query(chained.reader, "SELECT count(*) AS n FROM strategy_rankings")[0]["n"]
    assert ranked == counts["rankings"] > 0
    run = query(chained.reader, "SELECT * FROM backtest_runs")[0]
    assert (run["form"], run["last_session"]) == ("assessment", dt.date(2005, 6, 30))
    assert run["parameters"]["rules"]["slippage_bps"] == 7
    only = assessment_steps.prepare_assessment(chained.writer, {**form, "strategies": ["gone"]})
    assessment_steps.assess_shard(chained.writer, **only[0])
    with pytest.raises(BlockedError, match=r"no strategy could run.*no such strategy.*gone"):
        assessment_steps.rank_strategies(chained.writer, only)


def test_files_in_files_out(small_chain, small_market, tmp_path, capsys):
    frame = query(small_chain.reader, "SELECT symbol, date, open, high, low, close, volume FROM market_data")
    pd.DataFrame(frame).to_parquet(tmp_path / "bars.parquet")
    assessed = assess_files({
        "FILES": str(tmp_path / "bars.parquet"), "OUT": str(tmp_path / "out.parquet"), "SYMBOLS": "AAPL MSFT",
        "STRATEGIES": "buy_and_hold,golden_cross", "SCENARIOS": "full period, Stagflation", "COSTS": "slippage_bps=3",
    })  # fmt: skip
    print_results(*assessed[:3])
    lines = rank_assessed(*assessed)
    out = pd.read_parquet(tmp_path / "out.parquet")
    assert list(out.columns) == ["strategy", "symbol", "scenario", "sessions", *RESULTS]
    assert len(out) == 2 * 2 * 2
    assert lines[0].startswith("Survivors only")
    printed = capsys.readouterr().out
    assert "8 backtests: 2 strategies, 2 symbols, 2 scenarios (0 skipped)" in printed
    assert "stress, on bars with a shock that never was: Stagflation" in printed
    with pytest.raises(ConfigError, match=r"cost without a number.*slippage_bps"):
        asked_for({"COSTS": "slippage_bps"})


def test_costs_come_from_the_paper_account(small_settings):
    rules = rules_for(small_settings, {"commission_bps": 2.0})
    assert (rules.cash, rules.slippage_bps, rules.commission_bps) == (100_000.0, 5.0, 2.0)
    assert not rules.stops_at_close
    assert rules_for(dataclasses.replace(small_settings, stops_at_close=True), {}).stops_at_close
    assert (1 + rules.cash_rate) ** 252 - 1 == pytest.approx(0.02)
