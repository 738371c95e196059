import math
import warnings

import empyrical
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.backtest.metrics import METRICS, expanding_metrics, summary

RATE = 0.02
DAILY_RATE = 1.02 ** (1 / 252) - 1


def returns_of(count=700, seed=3):
    return np.random.default_rng(seed).normal(0.0004, 0.012, count)


def test_equals_empyrical_at_every_prefix():
    returns = returns_of()
    found = expanding_metrics(returns, RATE)
    for t in [*range(1, 40), *range(40, 700, 23)]:
        prefix = returns[: t + 1]
        expected = {
            "total_return": empyrical.cum_returns_final(prefix),
            "volatility": empyrical.annual_volatility(prefix),
            "sharpe_ratio": empyrical.sharpe_ratio(prefix, risk_free=DAILY_RATE),
            "max_drawdown": empyrical.max_drawdown(prefix),
        }
        for name, value in expected.items():
            assert found[name][t] == pytest.approx(value, rel=1e-10, abs=1e-12), (name, t)


def test_profit_factor_is_gains_over_losses():
    returns = returns_of()
    expected = returns[returns > 0].sum() / -returns[returns < 0].sum()
    assert summary(returns)["profit_factor"] == pytest.approx(expected, rel=1e-12)


def test_undefined_is_nan_and_nothing_else():
    def rows(*returns):
        return {n: v.tolist() for n, v in expanding_metrics(np.array(returns), RATE).items()}

    nan = math.nan
    np.testing.assert_array_equal(list(rows(nan, nan).values()), [[nan, nan]] * 5)
    one = rows(0.01)
    assert one["total_return"] == [pytest.approx(0.01)] and one["max_drawdown"] == [0.0]
    assert all(math.isnan(one[n][0]) for n in ("volatility", "sharpe_ratio", "profit_factor"))
    constant = rows(0.01, 0.01, 0.01)
    assert constant["volatility"][1:] == [0.0, 0.0]
    assert all(map(math.isnan, constant["sharpe_ratio"] + constant["profit_factor"]))
    assert rows(-0.01, -0.02)["profit_factor"] == [0.0, 0.0]
    assert rows(-0.5, 0.1)["max_drawdown"] == [-0.5, -0.5]  # the start counts as a peak
    assert all(math.isnan(v) for v in summary(np.array([])).values())


def test_a_session_without_an_observation_changes_nothing():
    returns = returns_of(50)
    holes = np.insert(returns, [0, 20, 20, 50], math.nan)
    whole, found = expanding_metrics(returns, RATE), expanding_metrics(holes, RATE)
    for name in METRICS:
        assert found[name][~np.isnan(holes)].tobytes() == whole[name].tobytes()
        np.testing.assert_array_equal(found[name][21:23], whole[name][[19, 19]])
        assert math.isnan(found[name][0])


@given(st.lists(st.floats(-0.9, 2.0) | st.just(math.nan), min_size=1, max_size=40), st.data())
def test_later_returns_move_no_earlier_byte(values, data):
    cut = data.draw(st.integers(0, len(values)))
    other = np.array(values[:cut] + data.draw(st.lists(st.floats(-1, 9), max_size=10)))
    a, b = expanding_metrics(np.array(values), RATE), expanding_metrics(other, RATE)
    for name in METRICS:
        assert a[name][:cut].tobytes() == b[name][:cut].tobytes()


def test_summary_is_the_last_row():
    returns = returns_of(100)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        last = {name: values[-1] for name, values in expanding_metrics(returns, RATE).items()}
    assert summary(returns, RATE) == last
