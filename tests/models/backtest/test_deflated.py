"""The papers' own numbers, scipy's moments, and what must hold for every sample."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from models.backtest.deflated import (
    Moments,
    deflated_sharpe,
    expected_maximum_sharpe,
    moments,
    probabilistic_sharpe,
    trials_variance,
)
from models.errors import ConfigError

# Bailey & López de Prado (2014), "A numerical example": five years of daily returns, annual Sharpe ratio 2.5.
DAILY = 2.5 / math.sqrt(250)
SPREAD = 0.5 / 250  # variance of the trials' annual Sharpe ratios: 1/2
OBSERVED = Moments(DAILY, -3.0, 10.0, 1250)


def test_the_deflated_ratio_of_the_paper():
    assert expected_maximum_sharpe(100, SPREAD) == pytest.approx(0.1132, abs=5e-5)
    assert deflated_sharpe(OBSERVED, 100, SPREAD) == pytest.approx(0.9004, abs=5e-5)
    assert deflated_sharpe(OBSERVED, 46, SPREAD) == pytest.approx(0.9505, abs=5e-5)
    normal = Moments(DAILY, 0.0, 3.0, 1250)
    assert deflated_sharpe(normal, 88, SPREAD) == pytest.approx(0.9505, abs=5e-5)


def test_the_probabilistic_ratio_of_the_paper():
    # Bailey & López de Prado (2012): two years of monthly returns, as if normal and with their true shape.
    assert probabilistic_sharpe(Moments(0.458, 0.0, 3.0, 24)) == pytest.approx(0.982, abs=5e-4)
    assert probabilistic_sharpe(Moments(0.458, -2.448, 10.164, 24)) == pytest.approx(0.913, abs=5e-4)


def test_moments_are_scipys():
    returns = np.random.default_rng(3).standard_t(4, 900) * 0.01 + 0.0004
    found = moments(returns, rate=0.0001)
    assert found.sharpe == pytest.approx((returns.mean() - 0.0001) / returns.std(ddof=1), rel=1e-12)
    assert found.skewness == pytest.approx(stats.skew(returns), rel=1e-9)
    assert found.kurtosis == pytest.approx(stats.kurtosis(returns, fisher=False), rel=1e-9)
    assert found.sessions == 900


def test_the_expected_maximum_is_that_of_drawn_trials():
    drawn = np.random.default_rng(5).normal(0.0, 0.1, (4000, 50)).max(axis=1).mean()
    assert expected_maximum_sharpe(50, 0.01) == pytest.approx(drawn, rel=0.02)


def test_one_trial_owes_nothing_to_choice():
    assert expected_maximum_sharpe(1, math.nan) == 0.0
    assert deflated_sharpe(OBSERVED, 1, math.nan) == probabilistic_sharpe(OBSERVED)


def test_what_is_not_known_stays_unknown():
    assert math.isnan(moments(np.zeros(100)).sharpe)
    assert math.isnan(moments(np.full(100, 0.001)).sharpe)
    assert math.isnan(moments(np.array([0.01])).sharpe)
    assert math.isnan(probabilistic_sharpe(Moments(math.nan, 0.0, 3.0, 100)))
    assert math.isnan(deflated_sharpe(OBSERVED, 2, math.nan))
    assert math.isnan(trials_variance([0.1, math.nan]))
    assert trials_variance([0.1, math.nan, 0.3]) == pytest.approx(0.02)


@pytest.mark.parametrize(("trials", "variance"), [(0, 0.1), (-3, 0.1), (5, -0.1)])
def test_impossible_trials_are_refused(trials, variance):
    with pytest.raises(ConfigError):
        expected_maximum_sharpe(trials, variance)


@given(
    trials=st.integers(2, 10**8), more=st.integers(1, 10**8), variance=st.floats(1e-8, 1.0),
    sharpe=st.floats(-1, 1), skewness=st.floats(-3, 3), extra=st.floats(0, 20), sessions=st.integers(2, 10_000),
)  # fmt: skip
def test_more_trials_never_raise_it(trials, more, variance, sharpe, skewness, extra, sessions):
    observed = Moments(sharpe, skewness, 1.0 + skewness**2 + extra, sessions)
    few, many = (deflated_sharpe(observed, n, variance) for n in (trials, trials + more))
    assert 0.0 <= many <= few <= 1.0
    assert few <= probabilistic_sharpe(observed)
    assert expected_maximum_sharpe(trials + more, variance) > expected_maximum_sharpe(trials, variance)


@given(st.lists(st.floats(-0.2, 0.2), min_size=2, max_size=60), st.floats(0.1, 10))
def test_leverage_does_not_change_it(values, leverage):
    returns = np.array(values)
    plain, scaled = moments(returns), moments(returns * leverage)
    if math.isnan(plain.sharpe) or math.isnan(scaled.sharpe):
        return
    assert scaled[:3] == pytest.approx(plain[:3], rel=1e-6, abs=1e-9)
