"""The parity of the last sessions: no false difference, however bars are missing, and none overlooked."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.backtest.signal_parity import recent_parity
from models.backtest.signal_performance import Market
from models.backtest.signal_portfolio import walk_portfolio

SESSIONS, SYMBOLS = 40, 6


def drawn(seed, missing):
    rng = np.random.default_rng(seed)
    opens = 20 * np.exp(np.cumsum(rng.normal(0, 0.02, (SESSIONS, SYMBOLS)), axis=0))
    opens[rng.random(opens.shape) < missing] = np.nan
    steps = np.where(rng.random(opens.shape) < 0.02, 2.0, 1.0)
    weights = np.where(rng.random(opens.shape) < 0.3, np.nan, rng.normal(0, 0.2, opens.shape))
    weights[:3] = np.nan  # the first signal comes later
    names = tuple(f"S{n}" for n in range(SYMBOLS))
    days = np.datetime64("2020-01-01") + np.arange(SESSIONS)
    return Market(days, names, opens, steps), weights, np.full(opens.shape, 0.0005)


def measured(market, weights, cost):
    return walk_portfolio(market.opens, market.steps, weights, cost, market.symbols)[0]["net_return"]


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.02, 0.2, 0.6]), st.integers(1, 45))
def test_what_was_measured_over_all_sessions_is_what_the_last_ones_give(seed, missing, sessions):
    market, weights, cost = drawn(seed, missing)
    found = recent_parity(market, weights, cost, measured(market, weights, cost), sessions)
    assert found["sessions_apart"] == 0 and found["first_apart"] is None
    assert found["engine_return"] == pytest.approx(found["measured_return"], abs=1e-12)
    assert found["sessions"] <= sessions
    if not missing:  # before row 4 it had not traded
        assert found["sessions"] == min(sessions, SESSIONS - 4)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 20))
def test_one_that_was_measured_otherwise_is_named(seed, back):
    market, weights, cost = drawn(seed, 0.0)
    stored = measured(market, weights, cost)
    stored[-back] += 1e-6
    found = recent_parity(market, weights, cost, stored, 20)
    assert (found["sessions"], found["sessions_apart"]) == (20, 1)
    assert found["first_apart"] == str(market.sessions[-back])


def test_nothing_to_compare():
    market, weights, cost = drawn(1, 0.0)
    for stored in (np.full(SESSIONS, np.nan), np.zeros(0)):
        found = recent_parity(market, weights, cost, stored, 20)
        assert found == {"sessions": 0, "sessions_apart": 0, "measured_return": 0.0, "engine_return": 0.0,
                         "first_apart": None}  # fmt: skip
    short = Market(market.sessions[:2], market.symbols, market.opens[:2], market.steps[:2])
    assert recent_parity(short, weights[:2], cost[:2], np.zeros(2), 20)["sessions"] == 0
    one = Market(market.sessions[:1], market.symbols, market.opens[:1], market.steps[:1])
    assert recent_parity(one, weights[:1], cost[:1], np.zeros(1), 20)["sessions"] == 0
