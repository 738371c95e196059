"""The equal-weight universe: a mean of those who belong and traded, and of nobody else."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from models.backtest.benchmark import equal_weight_returns, single_returns

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


def test_one_instrument_loses_no_return_where_a_bar_is_missing():
    days = [dt.date(2024, 1, day) for day in (2, 3, 4, 5, 8, 9)]
    prices = np.array([NAN, 10.0, NAN, NAN, 6.0, 6.3])  # a split of 2 for 1 went ex while no bar came
    steps = np.array([NAN, 1.0, NAN, NAN, 2.0, 1.0])
    returns = single_returns(days, prices, steps, dt.timedelta(days=15))
    assert np.isnan(returns[:2]).all()
    assert returns[2:].tolist() == [0.0, 0.0, 6.0 / 10.0 * 2.0 - 1.0, 6.3 / 6.0 - 1.0]
    assert np.prod(1 + returns[2:]) == pytest.approx(6.3 * 2 / 10)


def test_a_last_price_out_of_reach_is_none():
    days = [dt.date(2024, 1, day) for day in (2, 17, 18, 19)]
    prices, steps = np.array([10.0, NAN, NAN, 11.0]), np.ones(4)
    returns = single_returns(days, prices, steps, dt.timedelta(days=15))
    assert returns[1] == 0.0 and np.isnan(returns[[0, 2, 3]]).all()
