"""Shocks: the index goes the stated way, bars stay bars, and none is as it was."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.backtest.kernel import CLOSE, DIVIDEND, HIGH, LOW, OPEN, SPLIT, VOLUME
from models.backtest.scenarios import Shock
from models.backtest.shocks import betas, path_of, shock_bars, shocked_index
from models.errors import DataQualityError

SHOCKS = st.builds(
    Shock,
    sessions=st.integers(3, 40),
    size=st.sampled_from([-0.6, -0.2, -0.01, 0.05, 0.5]),
    path=st.lists(st.floats(0.1, 1.2), min_size=1, max_size=3).map(tuple),
    volatility=st.floats(0.5, 3.0),
    volume=st.floats(0.0, 5.0),
    noise=st.floats(0.0, 0.03),
    seed=st.integers(0, 99),
)


def market(sessions: int, symbols: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Bars of a random market with a split and a dividend, 20 sessions before the stretch; rows of the stretch."""
    rng = np.random.default_rng(seed)
    length = sessions + 20
    bars = np.zeros((symbols * length, 9))
    close = 50 * np.exp(np.cumsum(rng.normal(0, 0.02, (symbols, length)), axis=1))
    opening = close * np.exp(rng.normal(0, 0.01, close.shape))
    split = np.ones(close.shape)
    split[0, length - 2] = 2.0
    close[0, length - 2 :] /= 2.0
    opening[0, length - 2 :] /= 2.0
    bars[:, OPEN], bars[:, CLOSE], bars[:, SPLIT] = opening.ravel(), close.ravel(), split.ravel()
    bars[:, HIGH] = np.maximum(opening, close).ravel() * (1 + rng.uniform(0, 0.02, close.size))
    bars[:, LOW] = np.minimum(opening, close).ravel() * (1 - rng.uniform(0, 0.02, close.size))
    bars[:, VOLUME] = rng.integers(0, 10_000, close.size)
    bars[length - 1, DIVIDEND] = 0.5
    rows = np.arange(symbols) * length + np.arange(length - sessions - 1, length)[:, None]
    return bars, rows


def index_of(bars, rows):
    """Equal-weight buy and hold of all, from closes and splits."""
    factor = bars[rows, SPLIT].copy()
    factor[0] = 1.0
    price = bars[rows, CLOSE] * np.cumprod(factor, axis=0)
    return (price / price[0]).mean(axis=1)


@given(shock=SHOCKS, seed=st.integers(0, 50))
@settings(max_examples=40, deadline=None)
def test_the_index_goes_as_stated_and_bars_stay_bars(shock, seed):
    bars, rows = market(shock.sessions, seed=seed)
    exposure = np.array([0.4, 1.0, 1.7, -0.5])
    before = bars.copy()
    out = shock_bars(bars, rows, shock, exposure, np.arange(4))
    np.testing.assert_array_equal(bars, before)
    np.testing.assert_allclose(index_of(out, rows), shocked_index(index_of(bars, rows), shock), rtol=1e-10)
    assert np.all(out[:, LOW] <= np.minimum(out[:, OPEN], out[:, CLOSE]) * (1 + 1e-12))
    assert np.all(out[:, HIGH] >= np.maximum(out[:, OPEN], out[:, CLOSE]) * (1 - 1e-12))
    assert np.all(out[:, LOW] > 0)
    assert np.all(out[:, VOLUME] >= 0)
    inside = np.zeros(len(bars), bool)
    inside[rows[1:].ravel()] = True
    np.testing.assert_array_equal(out[~inside], bars[~inside])
    np.testing.assert_array_equal(out, shock_bars(bars, rows, shock, exposure, np.arange(4)))
    assert np.all((out[rows[1:], CLOSE] != bars[rows[1:], CLOSE]).any(axis=0))  # every symbol's


@given(shock=SHOCKS)
@settings(max_examples=20, deadline=None)
def test_without_volatility_the_path_is_the_size_times_the_path(shock):
    plain = Shock(shock.sessions, shock.size, shock.path)
    index = np.linspace(1.0, 1.3, shock.sessions + 1)
    np.testing.assert_allclose(
        shocked_index(index, plain) / index - 1.0, shock.size * path_of(plain), atol=1e-12
    )
    assert path_of(plain)[-1] == pytest.approx(shock.path[-1])


def test_sizes_follow_the_exposures():
    bars, rows = market(30)
    out = shock_bars(bars, rows, Shock(30, -0.3), np.array([0.0, 0.5, 1.0, 2.0]), np.arange(4))
    moved = out[rows[-1], CLOSE] / bars[rows[-1], CLOSE]
    assert np.all(np.diff(moved) < 0)
    np.testing.assert_allclose(np.log(moved[2] / moved[1]), 0.5 * np.log(0.7))
    np.testing.assert_allclose(out[rows[-1][0], DIVIDEND] / bars[rows[-1][0], DIVIDEND], moved[0])


def test_another_seed_makes_other_bars_and_a_symbols_noise_is_its_own():
    bars, rows = market(30)
    ones = np.ones(4)

    def closes(seed, keys):
        return np.log(shock_bars(bars, rows, Shock(30, -0.3, noise=0.02, seed=seed), ones, keys)[rows, CLOSE])

    assert not np.array_equal(closes(1, np.arange(4)), closes(2, np.arange(4)))
    one, two = closes(1, np.array([7, 8, 9, 10])), closes(1, np.array([7, 8, 5, 6]))
    np.testing.assert_allclose(one[:, 0] - one[:, 1], two[:, 0] - two[:, 1])  # up to the common scaling


def test_volatility_widens_the_swings():
    bars, rows = market(40)
    ones, keys = np.ones(4), np.arange(4)
    calm, wild = (shock_bars(bars, rows, Shock(40, -0.1, volatility=v), ones, keys) for v in (1.0, 2.5))
    steps = [np.diff(np.log(index_of(each, rows))).std() for each in (calm, wild)]
    assert steps[1] > 2 * steps[0]
    reach = [np.log(each[rows[1:], HIGH] / each[rows[1:], LOW]).mean() for each in (calm, wild)]
    assert reach[1] > 1.5 * reach[0]


def test_a_symbol_without_every_bar_moves_along():
    bars, rows = market(30)
    rows = rows.copy()
    rows[:10, 3] = -1
    rows[15, 2] = -1
    shock = Shock(30, -0.3)
    out = shock_bars(bars, rows, shock, np.ones(4), np.arange(4))
    through = rows[:, :2]
    np.testing.assert_allclose(index_of(out, through), shocked_index(index_of(bars, through), shock))
    assert out[rows[-1, 3], CLOSE] / bars[rows[-1, 3], CLOSE] == pytest.approx(0.7, rel=1e-9)
    rows[5] = -1
    with pytest.raises(DataQualityError, match="no symbol trades through"):
        shock_bars(bars, rows, shock, np.ones(4), np.arange(4))


def test_volatility_reaches_a_symbol_with_a_hole_as_it_does_its_twin():
    bars, rows = market(60, symbols=3)
    bars[rows[:, 2]] = bars[rows[:, 1]]
    rows = rows.copy()
    hole = rows[25, 2]
    rows[25, 2] = -1
    out = shock_bars(bars, rows, Shock(60, -0.1, volatility=3.0), np.ones(3), np.arange(3))
    there = rows[:, 2] >= 0
    np.testing.assert_allclose(out[rows[there, 2], CLOSE], out[rows[there, 1], CLOSE], rtol=1e-12)
    np.testing.assert_array_equal(out[hole], bars[hole])  # a row of another day, left alone


def test_volatility_reaches_who_comes_or_leaves_inside_between_its_own_ends():
    bars, rows = market(60)
    short = rows.copy()
    short[:15, 1] = -1
    short[40:, 2] = -1
    short[:, 3] = -1
    shocks = [Shock(60, -0.1, volatility=v) for v in (1.0, 3.0)]
    calm, wild = (shock_bars(bars, short, shock, np.ones(4), np.arange(4)) for shock in shocks)
    for n, own in ((1, slice(15, 61)), (2, slice(0, 40))):
        log = np.log(bars[rows[own, n], CLOSE])
        off = log - np.linspace(log[0], log[-1], len(log))
        moved = np.log(wild[rows[own, n], CLOSE] / calm[rows[own, n], CLOSE])
        np.testing.assert_allclose(moved, 2.0 * off, atol=1e-12)  # the index is symbol 0: no common scaling
    np.testing.assert_array_equal(wild[rows[:, 3]], bars[rows[:, 3]])


def test_betas_are_measured_and_bounded():
    rng = np.random.default_rng(1)
    market_return = rng.normal(0, 0.01, 300)
    true = np.array([0.5, 1.0, 1.5])
    returns = market_return[:, None] * true + rng.normal(0, 0.0005, (300, 3))
    np.testing.assert_allclose(betas(returns), true, atol=0.02)
    returns[:, 0] *= -100
    assert betas(np.column_stack([returns[:, 1], returns[:, 2], np.full(300, np.nan)]))[2] == 1.0
    assert np.all((betas(returns) >= 0.2) & (betas(returns) <= 3.0))
