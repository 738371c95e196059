"""The equal-weight universe: a mean of those who belong and traded, and of nobody else."""

from __future__ import annotations

import numpy as np

from models.backtest.benchmark import equal_weight_returns

NAN = np.nan


def test_the_mean_is_over_members_with_two_bars():
    prices = np.array([[10.0, 20.0, NAN], [11.0, 19.0, 5.0], [11.0, NAN, 6.0], [NAN, NAN, NAN]])
    members = np.array([[1, 1, 1], [1, 1, 1], [0, 1, 1], [1, 1, 1]], bool)
    returns, number = equal_weight_returns(prices, np.ones(prices.shape), members)
    assert number.tolist() == [0, 2, 1, 0]
    assert np.isnan(returns[[0, 3]]).all()
    assert returns[1:3].tolist() == [(11 / 10 - 1 + 19 / 20 - 1) / 2, 6.0 / 5.0 - 1]


def test_nothing_at_all():
    returns, number = equal_weight_returns(*(np.empty((0, 0), kind) for kind in (float, float, bool)))
    assert len(returns) == len(number) == 0
