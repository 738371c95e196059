"""Every report says what it compares with, as of its session, and the number is that of a plain computation."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest

from models.errors import ConfigError
from plugins.stages.benchmark import EQUAL_WEIGHT
from tests.support.chain import run_stage
from tests.support.files_home import DAY, HALF, LAST, D, open_home
from tests.support.prepared import change

STAGE = "performance_testing"
CHAIN = ("feature_engineering", "model_execution", "risk_execution", STAGE)
REPORTS = "SELECT report_date, report_data -> 'benchmark' AS b FROM performance_reports ORDER BY 1"


def reports(home):
    return dict(home.query(REPORTS))


def plain_returns(home, symbols):
    """Close over close, a split undone and a dividend paid back at the close it went ex on; no factors."""
    closes, actions = {}, {}
    for symbol, day, close in home.query("SELECT symbol, date, close FROM market_data ORDER BY date"):
        closes.setdefault(symbol, []).append((day, close))
    for symbol, day, kind, value in home.query(
        "SELECT symbol, ex_date, action_type, value::float FROM corporate_actions"
    ):
        actions[symbol, day, kind] = value
    found = {}
    for symbol in symbols:
        for (_, before), (day, close) in pairwise(closes[symbol]):
            basis = before / actions.get((symbol, day, "split"), 1.0)
            ex_price = basis - actions.get((symbol, day, "dividend"), 0.0)
            found.setdefault(day, []).append(close / ex_price - 1)
    return {day: math.fsum(values) / len(values) for day, values in found.items()}


def assert_equal(found, expected):
    total = 1.0
    for day in sorted(found):
        value = found[day]["session_return"]
        assert (
            value == pytest.approx(expected[day], rel=1e-12, abs=1e-15) if day in expected else value is None
        )
        total *= 1 + (value or 0)
        assert found[day]["total_return"] == pytest.approx(total - 1, rel=1e-12)


def test_without_one_named_it_is_the_equal_weight_universe(home):
    home.ingest(end=DAY)
    for stage in CHAIN:
        run_stage(home.uri, home.settings, stage)
    found = reports(home)
    assert_equal(found, plain_returns(home, ("AAPL", "IBM", "MSFT")))
    assert {b["name"] for b in found.values()} == {EQUAL_WEIGHT}
    assert {b["members"] for b in found.values()} == {0, 3} and len({b["since"] for b in found.values()}) == 1
    # A report stands on the universe as it was believed then, whatever is stated of it later.
    change(home, "UPDATE trading_universe SET active_to = '2005-01-31' WHERE symbol = 'IBM'")
    run_stage(home.uri, home.settings, STAGE, start="2005-02-01", end=DAY)


def test_a_symbol_among_the_bars(home):
    named = replace(home, settings=replace(home.settings, benchmark="MSFT"))
    named.ingest(end=DAY)
    for stage in CHAIN:
        run_stage(home.uri, named.settings, stage)
    found = {day: b for day, b in reports(home).items() if day > D(HALF)}
    assert {b["name"] for b in found.values()} == {"MSFT"}
    assert {b["since"] for b in found.values()} == {"2005-02-28"}
    assert_equal(found, plain_returns(home, ("MSFT",)))
    # Reports made with another benchmark are compared with that one.
    run_stage(home.uri, replace(home.settings, benchmark="AAPL"), STAGE, start="2005-02-01", end=DAY)


def test_a_missing_bar_of_the_benchmark_empties_no_figure(home):
    named = replace(home.settings, benchmark="MSFT")
    home.ingest(end=DAY)
    for stage in CHAIN[:-1]:
        run_stage(home.uri, home.settings, stage)
    whole = plain_returns(home, ("MSFT",))
    days = sorted(whole)
    at = days.index(D("2005-03-08"))
    change(home, "DELETE FROM market_data WHERE symbol = 'MSFT' AND date = '2005-03-08'")
    for end in (days[at - 1], days[at], days[at + 1], D(DAY)):  # the stored returns of days alone are those of one pass
        run_stage(home.uri, named, STAGE, end=str(end))
    run_stage(home.uri, named, STAGE, start=str(days[at - 3]), end=DAY)
    stored = "SELECT session_date, close_return, open_return, members FROM benchmark_returns ORDER BY 1"
    rows = {day: tuple(rest) for day, *rest in home.query(stored)}
    assert rows[days[at]] == (0.0, 0.0, 0)
    both = (1 + whole[days[at]]) * (1 + whole[days[at + 1]]) - 1
    assert rows[days[at + 1]][0] == pytest.approx(both, rel=1e-12) and rows[days[at + 1]][2] == 1
    figures = """SELECT count(*), count(benchmark_return), count(excess_return), count(alpha), count(beta)
        FROM model_performance WHERE run_date = (SELECT max(run_date) FROM model_performance)"""
    (counted,) = home.query(figures)
    assert len(set(counted)) == 1 and counted[0] > 0


def test_an_unknown_benchmark_is_refused_before_anything_is_fetched(database, tmp_path, market):
    home = open_home(database, tmp_path, market)
    named = replace(home, settings=replace(home.settings, benchmark="SPY"))
    with pytest.raises(ConfigError, match=r"no bars of the benchmark \(BENCHMARK='SPY'\)"):
        named.ingest()
    assert home.query("SELECT count(*) FROM market_data") == [(0,)]


def test_a_benchmark_named_later_without_bars_is_refused(home):
    home.ingest(end=LAST)
    for stage in CHAIN[:-1]:
        run_stage(home.uri, home.settings, stage)
    with pytest.raises(ConfigError, match=r"no bars of the benchmark \(BENCHMARK='SPY'\)"):
        run_stage(home.uri, replace(home.settings, benchmark="SPY"), STAGE)
