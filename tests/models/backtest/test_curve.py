"""Measures of a curve against empyrical-reloaded."""

from __future__ import annotations

import empyrical
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.backtest.curve import MEASURES, measure_curve

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
def test_equal_to_empyrical(pairs, rate):
    moves, market = np.array(pairs).T
    equity = 1000.0 * np.cumprod(np.r_[1.0, 1.0 + moves])
    returns = equity[1:] / equity[:-1] - 1.0
    ours = measured(equity, np.r_[np.nan, market], rate)
    for name, value in oracle(returns, market, rate).items():
        if np.ptp(returns) < 1e-9 or np.ptp(market) < 1e-6:
            continue  # without a deviation ratios are rounding errors on both sides
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
