"""The account's exits are the engine's: the same fills on years of real bars, and soundness on any bars.

Both are told to hold the same shares after each open: the account sizes an order at the close it is decided
on, in whole shares sent before the open, the engine at the open itself, so the engine gets its target as the
weight that gives the account's shares there. With 90 % of equity at a full score both can pay for them. What
then may differ is the account's rounding: of an entry against it to a tick of 0.0001 USD, of a level to the
nearest tick, of a fill against it to a tick, so a fill by an exit is at most three ticks away.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_layer.features.adjustment import forward_factors
from data_layer.features.compute import compute
from models.backtest.kernel import run_account
from models.backtest.rules import Rules
from models.exits import Vote
from models.strategies.base import Panel
from models.strategies.mean_reversion.mean_reversion import MeanReversion
from models.strategies.trend.golden_cross import GoldenCross
from models.strategies.trend.trend_following import TrendFollowing
from tests.support.bars import real_bars
from tests.support.trading_days import CALENDAR, RULES, Account, Bar, make_days

TICK = 0.0001
COSTS = {"commission_per_share": "0.005", "commission_minimum": "1.00", "slippage_bps": "5"}


@pytest.fixture(scope="module")
def real():
    """Nine years of a share with a split and a dividend a quarter."""
    rows = real_bars("MSFT", "2000-03-01", "2008-12-31")
    actions = [
        (r.symbol, r.date, kind, value)
        for r in rows.itertuples()
        for kind, value in (("split", r.split_ratio), ("dividend", r.dividend))
        if value != (1.0 if kind == "split" else 0.0)
    ]
    actions = pd.DataFrame(actions, columns=["symbol", "ex_date", "action_type", "value"])
    return rows, forward_factors(rows.drop(columns=["dividend", "split_ratio"]), actions)


def opinions(strategy, adjusted):
    panel = Panel.from_frame(compute(adjusted, strategy.features), strategy.features)
    scores = strategy.signals(panel)
    names = ("score", "stop_loss", "take_profit", "trailing_stop_usd")
    values = np.column_stack([getattr(scores, name)[:, 0] for name in names])
    votes = [
        None if np.isnan(row[0]) else Vote(*(None if np.isnan(v) else v for v in row))
        for row in values.tolist()
    ]
    trail = strategy.trail(panel)
    return votes, np.full(len(values), np.nan) if trail is None else trail[:, 0]


def engine(bars, votes, trail, rules, wanted):
    """Run the engine bar by bar on the same wanted shares; returns shares and value traded, both by bar."""
    target, shares, traded = np.zeros(len(bars)), [0.0], [0.0]
    account, before = None, 0.0
    for t in range(1, len(bars)):
        score = votes[t - 1].score if votes[t - 1] else 0.0
        cash, held = (account.cash, account.shares) if account else (rules.cash, 0.0)
        opened, split, dividend = bars[t, 0], bars[t, 5], bars[t, 6]
        value = cash + held * split * (opened + dividend)
        # Where the account wants none although there is a score, the engine must know so by itself.
        whole = wanted[t - 1] + 0.9 * np.sign(wanted[t - 1])  # is cut to what is wanted
        target[t - 1] = whole * opened / value if wanted[t - 1] else score
        account, _ = run_account(bars, 0, t, target, trail, rules, np.empty(t + 1))
        shares.append(account.shares)
        traded.append(account.traded - before)
        before = account.traded
    return np.array(shares), np.array(traded)


@pytest.mark.parametrize("strategy", [GoldenCross(), MeanReversion(), TrendFollowing()], ids=lambda s: s.name)
@pytest.mark.parametrize("mode", ["resting", "at_close"])
def test_the_accounts_fills_are_the_engines(real, strategy, mode):
    rows, adjusted = real
    votes, trail = opinions(strategy, adjusted)
    votes = [
        v and Vote(float(np.sign(v.score)), v.stop_loss, v.take_profit, v.trailing_stop_usd) for v in votes
    ]
    assert [d for d in CALENDAR if d <= rows["date"].iloc[-1]] == list(rows["date"])
    days = [
        Bar((r.open, r.high, r.low, r.close), vote, r.split_ratio, r.dividend)
        for r, vote in zip(rows.itertuples(), votes, strict=True)
    ]
    done = Account().take(
        make_days(
            days, "MSFT", portfolio={**RULES["portfolio"], "full_score_weight": 0.9}, initial_cash="100000",
            exits=mode, **COSTS,
        )
    )
    aims = {t.session_date: t.target_quantity for t in done.done.targets}
    rules = Rules(band=0.0, stops_at_close=mode == "at_close", **strategy.rules())
    columns = rows[["open", "high", "low", "close", "volume", "split_ratio", "dividend"]].to_numpy(float)
    bars = np.ascontiguousarray(np.column_stack([columns, np.zeros(len(rows)), np.full(len(rows), 0.02)]))
    shares, traded = engine(bars, votes, trail, rules, [aims.get(d, 0) for d in rows["date"]])
    assert np.flatnonzero(shares != done.held()).tolist() == []
    value, quantity = np.zeros(len(rows)), np.zeros(len(rows))
    for at, _, size, price in done.fills():
        value[at] += size * price
        quantity[at] += size
    assert (np.abs(value - traded) <= 3 * TICK * quantity + 1e-6).all()
    kinds = {o.order_type for o in done.done.hit.values()}
    reasons = {t.reason.partition(" ")[0] for t in done.done.targets}
    stated = {
        "golden_cross": {"stop"},
        "mean_reversion": {"stop", "limit"},
        "trend_following": {"stop", "trailing_stop"},
    }
    assert stated[strategy.name] <= (kinds if mode == "resting" else reasons)
    assert len(done.done.hit) >= 5 or mode == "at_close"


fractions = st.none() | st.sampled_from([0.01, 0.03, 0.1, 0.5])
sessions = st.lists(
    st.tuples(
        st.lists(st.floats(-0.15, 0.15), min_size=4, max_size=4),
        st.sampled_from([-1.0, -0.5, 0.0, 0.3, 1.0]), fractions, fractions,
        st.none() | st.sampled_from([0.5, 3.0]), st.sampled_from([1.0] * 8 + [2.0, 0.3]),
        st.sampled_from([True] * 6 + [False]),
    ), min_size=3, max_size=25,
)  # fmt: skip


@given(sessions, st.sampled_from(["resting", "at_close"]))
def test_exits_only_ever_reduce_and_the_books_stay_balanced(drawn, mode):
    close, bars = 50.0, []
    for moves, score, stop, take, trail, split, trades in drawn:
        prices = [round(close / split * (1 + m), 2) for m in moves]
        opened, close = prices[0], prices[1] if trades else close / split
        bar = (opened, max(prices), min(prices), prices[1]) if trades else None
        bars.append(Bar(bar, Vote(score, stop, take, trail), split))
    account = Account()
    for day in make_days(bars, exits=mode, **COSTS):
        before = {s: p.quantity for s, p in account.state.book.positions.items()}
        account.take([day])
        held = account.state.book.positions["A"].quantity if "A" in account.state.book.positions else 0
        for order in account.state.resting.get("A", ()):
            assert order.quantity * (1 if order.side == "sell" else -1) == held
        for fill in account.done.fills:
            if fill.session_date == day.session and fill.client_order_id in account.done.hit:
                assert held == 0, before
        assert set(account.state.exits) == {s for s, p in account.state.book.positions.items() if p.quantity}
    done = account.done
    legs = pd.DataFrame([(e.transaction_key, e.ledger_account, e.amount_usd) for e in done.ledger])
    assert (legs.groupby(0)[2].sum() == 0).all()
    assert legs[legs[1] == "cash"][2].sum() == account.state.book.cash
    ended = {c.client_order_id for c in done.cancelled} | set(done.hit)
    resting = {o.client_order_id for orders in account.state.resting.values() for o in orders}
    assert len(done.cancelled) + len(done.hit) == len(ended) and not ended & resting
    assert {o.client_order_id for o in done.placed} == ended | resting
    assert mode == "resting" or not done.placed
