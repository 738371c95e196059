"""The portfolio: one symbol in it is the grid's account, and many keep one account's books."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.backtest.book import DELISTING, GOAL, ORDER, STOP
from models.backtest.kernel import DIVIDEND, GAP, LEFT, SPLIT, run_account
from models.backtest.portfolio import run_portfolio
from models.backtest.rules import Rules
from tests.models.backtest.test_kernel import FREE, flat, make_bars


def run(symbols, targets, rules=FREE, decide=None, trail=None, rows=None, bands=None):
    """Run bars of symbols ([T, 9] each) against targets [T, N]."""
    bars = np.ascontiguousarray(np.vstack(symbols))
    sessions = len(targets)
    if rows is None:
        rows = np.arange(len(bars)).reshape(len(symbols), sessions).T
    trail = np.full(len(bars), np.nan) if trail is None else trail
    decide = np.zeros(sessions, bool) if decide is None else np.asarray(decide)
    equity, cash = np.empty(sessions), np.empty(sessions)
    account, held, trades = run_portfolio(
        bars, np.ascontiguousarray(rows), 0, sessions - 1, np.asarray(targets, float),
        np.full(np.shape(targets), rules.band) if bands is None else np.asarray(bands, float), trail, decide, rules,
        equity, cash,
    )  # fmt: skip
    return account, held, trades, equity, cash


@st.composite
def worlds(draw):
    """Bars that move, now and then with a split, a dividend, a gap, with targets, trails and rules."""
    seed = draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    sessions = draw(st.integers(2, 60))
    wild = draw(st.sampled_from([0.03, 0.03, 0.4]))  # with which a short, or a loan, may lose all and more
    close = 50.0 * np.exp(np.cumsum(random.normal(0, wild, sessions)))
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
    target = np.repeat(random.choice([0.0, 1.0, -1.0, 0.4, 0.03, math.nan], sessions), 3)[:sessions] * leverage
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


def two(first, second):
    """Two symbols side by side, each from (open, high, low, close) rows."""
    return [make_bars(first), make_bars(second)]


def test_sales_pay_for_purchases_at_the_same_open():
    bars = two(flat(10.0, 4), flat(20.0, 4))
    account, held, trades, equity, cash = run(bars, [[0, 1], [1, 0], [1, 0], [1, 0]])
    assert equity.tolist() == [1000] * 4 and cash.tolist() == [1000, 0, 0, 0]
    assert account.trades == 1 and account.shares == 1 and held == 3
    assert trades[:, 0].tolist() == [1, 0] and trades[0, 2:5].tolist() == [1, 2, 50]


def test_a_purchase_the_cash_does_not_reach_is_cut():
    rules = FREE._replace(commission_per_order=10.0)
    _, _, trades, equity, cash = run(two(flat(10.0, 3), flat(10.0, 3)), [[0.5, 0.5]] * 3, rules)
    assert trades[:, 4].tolist() == [50, 48] and cash[-1] == 0 and equity[-1] == 980


def test_rebalancing_brings_weights_back_on_its_days_only():
    doubled = [*flat(10.0, 2), *flat(20.0, 4)]
    _, _, _, _, still = run(two(doubled, flat(10.0, 6)), [[0.5, 0.5]] * 6)
    assert still[-1] == 0
    decide = [True, False, False, True, False, False]
    bars = two(doubled, flat(10.0, 6))
    account, _, trades, equity, _ = run(bars, [[0.5, 0.5]] * 6, decide=decide)
    assert equity.tolist() == [1000, 1000, 1500, 1500, 1500, 1500]
    assert account.trades == 0 and account.traded == 1000 + 250 + 250
    assert trades[:, 4].tolist() == [50, 75]  # half of 1500 in each: 37.5 of the first were left, 75 of the second


def test_a_band_of_each_weight_leaves_what_is_held_alone_and_nothing_that_is_not():
    prices = [*flat(10.0, 3), *flat(11.0, 3)]  # the first one's weight goes from 0.04 to 0.0438
    for wide, traded in ((0.05, 40.0), (0.003, 40.0 + 3.84)):
        bands = np.tile([wide, 0.5], (6, 1))
        for decide in (None, [True] * 6):
            account, *_ = run(two(prices, flat(10.0, 6)), [[0.04, 0.0]] * 6, decide=decide, bands=bands)
            assert account.shares == 1 and account.traded == pytest.approx(traded)


def test_an_order_expires_without_a_bar_and_is_taken_anew():
    bars = two(flat(10.0, 4), flat(10.0, 4))
    rows = np.arange(8).reshape(2, 4).T.copy()
    rows[1, 1] = -1
    bars[1][2, GAP] = 1.0
    for decide in (None, [True, False, False, False]):
        _, _, trades, _, cash = run(bars, [[0.5, 0.5]] * 4, decide=decide, rows=rows)
        assert cash.tolist() == [1000, 500, 500, 0] and trades[:, 2].tolist() == [1, 3]


def test_a_share_that_leaves_is_paid_out_at_its_last_price_without_costs():
    rules = FREE._replace(commission_per_order=5.0, slippage_bps=10.0)
    gone, stays = make_bars([*flat(10.0, 2), (10, 10, 4, 5)]), make_bars(flat(10.0, 5))
    gone[-1, GAP] = LEFT
    rows = np.full((5, 2), -1)
    rows[:3, 0], rows[:, 1] = np.arange(3), np.arange(3, 8)
    account, _, trades, equity, cash = run([gone, stays], [[0.5, 0.0]] * 5, rules, rows=rows)
    assert trades[0, 3] == 2 and trades[0, 6] == 5 and trades[0, 9] == DELISTING
    assert trades[0, 7] == pytest.approx(50 * (5 - 10.01) - 5)  # the commission and slippage of the purchase
    assert cash[-1] == equity[-1] == equity[2] and account.shares == 0


def test_why_a_trade_ended_is_kept():
    path = [*flat(10, 2), (10, 10, 8, 9), *flat(9, 2), (9, 12, 9, 12), *flat(9, 1)]
    rules = FREE._replace(stop_loss=0.1, take_profit=0.2)
    _, _, trades, _, _ = run([make_bars(path)], [[1], [1], [0], [1], [1], [1], [0]], rules)
    assert trades[:, 9].tolist() == [STOP, GOAL]
    _, _, trades, _, _ = run([make_bars(flat(10.0, 4))], [[1], [0], [0], [0]])
    assert trades[:, 9].tolist() == [ORDER]


@st.composite
def many(draw):
    """Several symbols with gaps and late starts, weights within 1 in sum, any schedule."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sessions, symbols = draw(st.integers(3, 40)), draw(st.integers(1, 5))
    bars = []
    for _ in range(symbols):
        close = 20.0 * np.exp(np.cumsum(random.normal(0, 0.03, sessions)))
        open_ = close * np.exp(random.normal(0, 0.02, sessions))
        spread = 1 + random.uniform(0, 0.02, sessions)
        high, low = np.maximum(open_, close) * spread, np.minimum(open_, close) / spread
        block = make_bars(np.column_stack([open_, high, low, close]))
        block[1:, DIVIDEND] = np.where(random.random(sessions - 1) < 0.05, 0.2, 0.0)
        block[1:, SPLIT] = np.where(random.random(sessions - 1) < 0.05, 2.0, 1.0)
        bars.append(block)
    rows = np.arange(symbols * sessions).reshape(symbols, sessions).T.copy()
    rows[random.random(rows.shape) < 0.05] = -1
    raw = np.repeat(random.random((sessions, symbols)), 4, axis=0)[:sessions]
    raw[raw < 0.4] = 0.0
    targets = raw / np.maximum(raw.sum(axis=1, keepdims=True), 1.0)
    decide = random.random(sessions) < draw(st.sampled_from([0.0, 0.2, 1.0]))
    return bars, targets, decide, rows


@settings(max_examples=100, deadline=None)
@given(many(), st.booleans(), st.sampled_from([math.nan, 0.03]))
def test_cash_stays_above_zero_and_equity_is_cash_and_positions_at_every_close(world, whole, stop):
    bars, targets, decide, rows = world
    rules = Rules(cash=5_000.0, whole_shares=whole, stop_loss=stop)
    *_, curve, cash = run(bars, targets, rules, decide, rows=rows)
    assert (cash >= -1e-6).all()
    for days in range(2, len(targets) + 1, 7):  # the account of the first days is the account at their end
        account, _, trades, equity, cash = run(bars, targets[:days], rules, decide[:days], rows=rows[:days])
        # What all trades made, valued at the close, is what the account made: nothing is lost or invented.
        np.testing.assert_allclose(equity[-1] - 5_000.0, trades[:, 7].sum(), atol=1e-6)
        assert account.cash == cash[-1] and np.isnan(trades[:, 3]).sum() == account.shares
        if not decide.any():
            np.testing.assert_array_equal(equity, curve[:days])


@settings(max_examples=60, deadline=None)
@given(many(), st.floats(0.01, 100.0))
def test_scaling_prices_changes_no_return(world, factor):
    bars, targets, decide, rows = world
    rules = FREE._replace(commission_bps=10.0, slippage_bps=5.0, stop_loss=0.05)
    *_, equity, _ = run(bars, targets, rules, decide, rows=rows)
    for block in bars:
        block[:, :4] *= factor
        block[:, DIVIDEND] *= factor
    *_, scaled, _ = run(bars, targets, rules, decide, rows=rows)
    np.testing.assert_allclose(scaled, equity, rtol=1e-9)


@settings(max_examples=60, deadline=None)
@given(many(), st.floats(1.0, 100.0))
def test_costs_only_lower_equity(world, bps):
    """In what is bought once and held, with cash to spare: there a cheaper fill leads to no other decision."""
    bars, targets, _, _ = world
    once = np.tile(targets[0] / 2.0, (len(targets), 1))
    *_, free, _ = run(bars, once)
    *_, costly, _ = run(bars, once, FREE._replace(commission_bps=bps, slippage_bps=bps, commission_per_order=1.0))
    assert (costly <= free).all() and (once[0].max() == 0 or costly[-1] < free[-1])
