"""Measures of a curve against empyrical-reloaded."""

from __future__ import annotations

import math

import empyrical
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.backtest.curve import MEASURES, _select, measure_curve
from models.backtest.metrics import METRICS, summary

RATE = 0.02 / 252


def measured(equity, benchmark=None, rate=RATE):
    equity = np.asarray(equity, dtype=float)
    market = np.full(len(equity), np.nan) if benchmark is None else np.asarray(benchmark, dtype=float)
    out = np.empty(len(MEASURES))
    measure_curve(equity, market, rate, np.empty(max(len(equity) - 1, 1)), out)
    return dict(zip(MEASURES, out, strict=True))


def oracle(returns, market, rate=RATE):
    return {
        "total_return": empyrical.cum_returns_final(returns),
        "annual_return": empyrical.annual_return(returns),
        "volatility": empyrical.annual_volatility(returns),
        "sharpe_ratio": empyrical.sharpe_ratio(returns, rate),
        "sortino_ratio": empyrical.sortino_ratio(returns, rate),
        "calmar_ratio": empyrical.calmar_ratio(returns),
        "max_drawdown": empyrical.max_drawdown(returns),
        "value_at_risk": empyrical.value_at_risk(returns),
        "conditional_value_at_risk": empyrical.conditional_value_at_risk(returns),
        "tail_ratio": empyrical.tail_ratio(returns),
        "beta": empyrical.beta(returns, market, rate),
        "alpha": empyrical.alpha(returns, market, rate),
    }


@settings(deadline=None)  # the first call compiles
@given(
    st.lists(st.tuples(st.floats(-0.3, 0.3), st.floats(-0.2, 0.2)), min_size=2, max_size=300),
    st.sampled_from([0.0, RATE]),
)
@example([(0.25, 0.0), (-2.2e-16, 0.125)], 0.0)
def test_equal_to_empyrical(pairs, rate):
    moves, market = np.array(pairs).T
    equity = 1000.0 * np.cumprod(np.r_[1.0, 1.0 + moves])
    returns = equity[1:] / equity[:-1] - 1.0
    ours = measured(equity, np.r_[np.nan, market], rate)
    theirs = oracle(returns, market, rate)
    # Over next to nothing a ratio is a rounding error on both sides.
    over = {"calmar_ratio": theirs["max_drawdown"], "tail_ratio": theirs["value_at_risk"],
            "sortino_ratio": np.minimum(returns - rate, 0.0).min()}  # fmt: skip
    for name, value in theirs.items():
        if np.ptp(returns) < 1e-9 or np.ptp(market) < 1e-6 or abs(over.get(name, 1.0)) < 1e-6:
            continue
        if np.isfinite(value):
            assert ours[name] == pytest.approx(value, rel=1e-7, abs=1e-9), name


def test_longest_stretch_below_a_peak():
    assert measured([10, 9, 8, 10, 9, 9, 9, 11, 10])["drawdown_sessions"] == 3


@pytest.mark.parametrize("equity", [[100.0], [100.0, 100.0], [100.0, 100.0, 100.0]])
def test_a_flat_curve_has_no_ratios(equity):
    ours = measured(equity)
    assert np.isnan(ours["sharpe_ratio"]) and np.isnan(ours["calmar_ratio"]) and np.isnan(ours["beta"])
    assert len(equity) == 1 or ours["total_return"] == 0.0


def test_what_is_lost_stays_lost():
    ours = measured([100.0, 50.0, 0.0, 0.0])
    assert ours["total_return"] == -1.0 and ours["max_drawdown"] == -1.0


@settings(deadline=None)
@given(st.lists(st.floats(-0.3, 0.3), min_size=2, max_size=300), st.sampled_from([0.0, 0.02]))
def test_a_backtest_and_the_daily_report_measure_alike(moves, yearly):
    returns = np.round(moves, 6)  # below, a ratio over it is a rounding error on both sides
    rate = (1.0 + yearly) ** (1.0 / 252.0) - 1.0
    curve = measured(np.cumprod(np.r_[1.0, 1.0 + returns]), rate=rate)
    daily = summary(returns, yearly)
    shared = set(METRICS) & set(MEASURES)
    assert shared == set(METRICS) - {"profit_factor"}  # of trades in a backtest, of sessions in a report
    for name in shared:
        if name == "sharpe_ratio" and np.ptp(returns) < 1e-9:
            continue  # without a deviation both are rounding errors
        assert curve[name] == pytest.approx(daily[name], rel=1e-7, abs=1e-9, nan_ok=True), name


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0]) | st.floats(-3, 3), min_size=1, max_size=200), st.data())
def test_the_kth_smallest_lies_in_its_place(values, data):
    k = data.draw(st.integers(0, len(values) - 1))
    left = np.array(values)
    _select(left, 0, len(left) - 1, k)
    ordered = np.sort(values)
    assert left[k] == ordered[k] and (np.sort(left) == ordered).all()
    assert left[:k].max(initial=-9.0) <= left[k] <= left[k + 1 :].min(initial=9.0)


def test_a_flat_curve_and_one_with_a_gap_in_it_come_to_an_end():
    for value in (0.0, math.nan):
        _select(np.full(5000, value), 0, 4999, 250)
