"""The portfolio: one symbol in it is the grid's account, and many keep one account's books."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.backtest.kernel import DIVIDEND, GAP, LEFT, SPLIT, run_account
from models.backtest.portfolio import run_portfolio
from models.backtest.rules import Rules
from tests.models.backtest.test_kernel import FREE, make_bars


def run(symbols, targets, rules=FREE, decide=None, trail=None, rows=None):
    """Run bars of symbols ([T, 9] each) against targets [T, N]."""
    bars = np.ascontiguousarray(np.vstack(symbols))
    sessions = len(targets)
    if rows is None:
        rows = np.arange(len(bars)).reshape(len(symbols), sessions).T
    trail = np.full(len(bars), np.nan) if trail is None else trail
    decide = np.zeros(sessions, bool) if decide is None else np.asarray(decide)
    equity, cash = np.empty(sessions), np.empty(sessions)
    account, held, trades = run_portfolio(
        bars, np.ascontiguousarray(rows), 0, sessions - 1, np.asarray(targets, float), trail, decide, rules, equity,
        cash,
    )  # fmt: skip
    return account, held, trades, equity, cash


@st.composite
def worlds(draw):
    """Bars that move, now and then with a split, a dividend, a gap, with targets, trails and rules."""
    seed = draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    sessions = draw(st.integers(2, 60))
    close = 50.0 * np.exp(np.cumsum(random.normal(0, 0.03, sessions)))
    open_ = close * np.exp(random.normal(0, 0.02, sessions))
    high = np.maximum(open_, close) * (1 + random.uniform(0, 0.02, sessions))
    low = np.minimum(open_, close) * (1 - random.uniform(0, 0.02, sessions))
    bars = make_bars(np.column_stack([open_, high, low, close]))
    bars[1:, SPLIT] = np.where(
        random.random(sessions - 1) < 0.05, random.choice([2.0, 0.5, 1.5, 0.01], sessions - 1), 1.0
    )
    bars[1:, DIVIDEND] = np.where(random.random(sessions - 1) < 0.05, 0.3, 0.0)
    bars[1:, GAP] = random.random(sessions - 1) < 0.05
    if draw(st.booleans()):
        bars[-1, GAP] += LEFT
    leverage = draw(st.sampled_from([1.0, 1.5]))
    target = np.repeat(random.choice([0.0, 1.0, -1.0, 0.4, math.nan], sessions), 3)[:sessions] * leverage
    rules = Rules(
        cash=draw(st.sampled_from([300.0, 100_000.0])),
        stop_loss=draw(st.sampled_from([math.nan, 0.02, 0.05])),
        take_profit=draw(st.sampled_from([math.nan, 0.05])),
        band=draw(st.sampled_from([math.nan, 0.05])),
        cash_buffer=draw(st.sampled_from([0.0, 0.1])),
        cash_rate=draw(st.sampled_from([0.0, 1e-4])),
        borrow_rate=draw(st.sampled_from([0.0, 1e-4])),
        commission_per_order=draw(st.sampled_from([0.0, 2.0])),
        commission_bps=draw(st.sampled_from([0.0, 3.0])),
        root_impact=draw(st.sampled_from([0.0, 0.5])),
        volume_impact=draw(st.sampled_from([0.0, 0.1])),
        whole_shares=draw(st.booleans()),
        stops_at_close=draw(st.booleans()),
        buys_amounts=draw(st.booleans()),
    )
    if rules.buys_amounts:
        target = np.where(np.nan_to_num(target) > 0, 100.0, 0.0)
    trail = (
        np.where(random.random(sessions) < 0.5, 2.0, np.nan)
        if draw(st.booleans())
        else np.full(sessions, np.nan)
    )
    return bars, target, trail, rules


@settings(max_examples=300, deadline=None)
@given(worlds())
def test_a_portfolio_of_one_symbol_is_the_grids_account(world):
    bars, target, trail, rules = world
    equity = np.empty(len(bars))
    alone, held = run_account(bars, 0, len(bars) - 1, target, trail, rules, equity)
    account, holds, trades, values, _ = run([bars], target[:, None], rules, trail=trail)
    np.testing.assert_allclose(values, equity, rtol=1e-12)
    np.testing.assert_allclose(account.cash, alone.cash, rtol=1e-9, atol=1e-6)
    assert holds == held and account.trades == alone.trades and account.wins == alone.wins
    np.testing.assert_allclose(account[8:], alone[8:], rtol=1e-9, atol=1e-7)
    assert bool(account.shares) == (alone.shares != 0.0)
    done = trades[~np.isnan(trades[:, 3])]
    assert len(done) == alone.trades
    np.testing.assert_allclose(done[:, 7].sum(), alone.won - alone.lost, rtol=1e-9, atol=1e-6)
