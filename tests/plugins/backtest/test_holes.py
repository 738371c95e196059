"""Bars with holes: what they are compared with covers the same sessions; a stress they prevent is skipped alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from data_layer.sessions import is_session
from models.backtest.curve import MEASURES, measure_curve
from models.backtest.grid import RESULTS
from models.backtest.kernel import CLOSE
from models.backtest.rules import Rules
from models.backtest.scenarios import Scenario, Shock
from models.strategies.allocation.buy_and_hold import BuyAndHold
from plugins.backtest.assessment import assess, lay_out
from plugins.backtest.assessment_run import contenders_from_files
from plugins.backtest.market import market_from_file
from plugins.backtest.single import run_single

SESSIONS = 600
EVERY = np.ones(SESSIONS, bool)
WHOLE = Scenario("whole", "historical", "whole", "all there is")
FALL = Scenario("fall", "stress", "stress", "prices fall", shock=Shock(42, -0.3))


def path(seed):
    return 50.0 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0.0, 0.01, SESSIONS)))


def without(*sessions):
    held = EVERY.copy()
    held[list(sessions)] = False
    return held


@pytest.fixture
def market_of(tmp_path):
    """Read a market of closes, by symbol with which of its bars there are, from a file."""

    def read(closes, symbols=None, benchmark=""):
        days = [day.date() for day in pd.bdate_range("2012-01-03", periods=700) if is_session(day.date())][:SESSIONS]
        parts = [
            pd.DataFrame({"symbol": name, "date": days, "open": close, "high": close * 1.01, "low": close * 0.99,
                          "close": close, "volume": 1000})[held]
            for name, (close, held) in closes.items()
        ]  # fmt: skip
        pd.concat(parts).to_parquet(tmp_path / "bars.parquet")
        return market_from_file(tmp_path / "bars.parquet", symbols, benchmark=benchmark)

    return read


def assessed(market, *scenarios):
    return assess(market, lay_out(market, scenarios), contenders_from_files(("buy_and_hold",)), Rules())


def test_a_benchmark_over_a_hole_stands_at_its_last_close_and_loses_no_move(market_of):
    fallen = np.where(np.arange(SESSIONS) > 300, 0.7, 1.0) * path(1)
    market = market_of({"A": (path(2), EVERY), "SPY": (fallen, without(301))}, ["A"], "SPY")
    assert market.index[301] == 0.0
    assert market.index[302] == pytest.approx(fallen[302] / fallen[300] - 1.0)
    assert np.prod(1.0 + market.index[1:]) == pytest.approx(fallen[-1] / fallen[0])
    found = dict(zip(RESULTS, assessed(market, WHOLE).values[0, 0, 0], strict=True))
    assert np.isfinite([found["alpha"], found["beta"]]).all()
    course = lay_out(market, [WHOLE])
    assert course.labels[306] != course.labels[300]  # a fall by a third turns the market


def test_a_benchmark_says_nothing_of_sessions_before_its_first_bar_and_after_its_last(market_of):
    market = market_of({"A": (path(2), EVERY), "SPY": (path(1), without(0, 1, 599))}, ["A"], "SPY")
    assert np.flatnonzero(np.isnan(market.index)).tolist() == [0, 1, 2, 599]


def test_sessions_without_a_bar_of_the_symbols_keep_the_index(market_of):
    closes = {"A": (path(1), EVERY), "B": (path(2), EVERY), "C": (path(3), without(300))}
    np.testing.assert_array_equal(market_of(closes, ["C"]).index, market_of(closes).index)


def test_a_symbol_with_holes_is_compared_over_its_own_sessions(market_of):
    own = np.arange(SESSIONS) % 5 < 3
    market = market_of({"A": (path(1), own), "B": (path(2), EVERY), "SPY": (path(1), EVERY)}, benchmark="SPY")
    some, every = slice(*market.offsets[:2]), slice(*market.offsets[1:3])
    np.testing.assert_array_equal(market.benchmark[every], market.index)
    close, out = market.bars[some, CLOSE], np.empty(len(MEASURES))
    measure_curve(close, market.benchmark[some], 0.0, np.empty(len(close)), out)
    assert out[MEASURES.index("beta")] == pytest.approx(1.0, abs=1e-9)
    assert out[MEASURES.index("alpha")] == pytest.approx(0.0, abs=1e-9)
    grid = assessed(market, WHOLE).values[0, :, 0]
    for measured, single in zip(grid, run_single(market, BuyAndHold(), Rules()), strict=True):
        for name in ("alpha", "beta"):
            assert single.measures[name] == pytest.approx(measured[RESULTS.index(name)], rel=1e-9, abs=1e-12)


def test_where_the_benchmark_says_nothing_a_span_over_it_says_nothing(market_of):
    market = market_of({"A": (path(1), without(2)), "SPY": (path(1), without(0, 1))}, ["A"], "SPY")
    assert np.isnan(market.benchmark[:3]).all() and np.isfinite(market.benchmark[3:]).all()


@pytest.mark.parametrize("held", [without(SESSIONS - 40), np.arange(SESSIONS) < 300], ids=["hole", "delisted"])
def test_a_stress_without_a_symbol_to_make_its_index_of_is_skipped_and_the_others_run(market_of, held):
    market = market_of({"A": (path(1), EVERY), "C": (path(2), held)}, ["C"])
    course = lay_out(market, [WHOLE, FALL])
    days = market.sessions[[-43, -1]]
    assert course.places[1].skipped == (
        f"no symbol has a bar in every session from {days[0]} to {days[1]}, as a shock's index needs"
    )
    assert course.symbols == (1, 0) and course.regimes[1] is None
    found = assessed(market, WHOLE, FALL)
    assert [scenario.name for scenario in found.ran] == ["whole"]
    assert np.isfinite(found.values[0, 0, 0, RESULTS.index("total_return")])


def test_a_hole_in_one_symbol_keeps_no_other_from_a_stress(market_of):
    market = market_of({"A": (path(1), EVERY), "C": (path(2), without(SESSIONS - 40))})
    found = assessed(market, FALL)
    assert found.sessions[0, :, 0].tolist() == [43, 42]
