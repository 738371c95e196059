"""The engine: one account in one symbol, bar by bar; backtests of every kind end up here.

A bar's order of events, the same in a backtest and in the paper account:

1. Overnight: interest on cash, borrowing costs, then a split, then a dividend of the day.
2. At the open: the order decided at the close before, unless a session lies between without a bar (day
   orders expire, and the decision is taken anew).
3. Inside the bar, for what is held then: the stop first, for nobody knows whether the high or the low came
   first; then the target. A stop the open has jumped over fills at the open, a target as well. Stops slip,
   targets do not: they are limit orders.
4. At the close: a share that has left the market with this bar is paid out at its close, without costs.
   The account is valued, a trailing stop moves for the next bar, and the next order is decided. A position
   that a stop or a target has ended is not entered again until the target has turned. An account worth nothing, or
   less, ends what it holds at the next open, and never trades again.

Reversals are two orders: one closes, one opens.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from models.backtest.account import (
    PAID_OUT,
    Account,
    carry_shares,
    earn,
    fill,
    follow,
    growth,
    moved,
    new_account,
    protect,
)
from models.backtest.rules import Rules
from models.backtest.stops import is_reached, levels_of, trail_on
from models.compiled import njit

Series = NDArray[np.float64]
Matrix = NDArray[np.float64]
Index = NDArray[np.int64]

# Columns of the bars: raw prices, actions on the bar of their ex-date. split is new shares per old, 1 for
# none; dividend USD per share after that split; gap is MISSED where a session without a bar lies before, plus
# LEFT on the last bar of a share that has left the market; volatility the daily one known at the close before
# (only root_impact reads it).
OPEN, HIGH, LOW, CLOSE, VOLUME, SPLIT, DIVIDEND, GAP, VOLATILITY = range(9)
MISSED, LEFT = 1.0, 2.0
LEAST = 5e-324  # the least number above 0


@njit(cache=True, nogil=True, error_model="numpy")
def run_account(
    bars: Matrix, first: int, last: int, target: Series, trail: Series, rules: Rules, equity: Series
) -> tuple[Account, int]:
    """Trade a target through bars first..last, both included; the account starts flat, with cash only.

    Args:
        bars: [T, 9] in C order, columns as above.
        first: index of the first bar: the first decision is taken at its close.
        last: index of the last bar; what is held then is valued at its close.
        target: [T] wanted weight at each close, a fraction of equity, negative for short; NaN is 0. With
            buys_amounts: USD to buy more at the next open.
        trail: [T] distance of a trailing stop, USD per share, known at that close; NaN for none.
        rules: see Rules.
        equity: [last - first + 1], filled with the account's value at each close.

    Returns:
        The account at the end, and at how many closes it held a position.
    """
    events, changes = np.empty(len(bars), np.int64), np.empty(len(bars) + 1, np.int64)
    find_events(bars, events)
    find_changes(target, changes)
    return trade(bars, first, last, target, trail, rules, equity, events, changes)


@njit(cache=True, nogil=True, error_model="numpy")
def find_events(bars: Matrix, out: Index) -> None:
    """Fill in for each bar the first one from it on with a split, a dividend or a share that leaves; else their number.

    Of a symbol, found once for all its accounts.
    """
    at = len(bars)
    for t in range(len(bars) - 1, -1, -1):
        if (bars[t, SPLIT] != 1.0) | (bars[t, DIVIDEND] != 0.0) | (bars[t, GAP] >= LEFT):
            at = t
        out[t] = at


@njit(cache=True, nogil=True, error_model="numpy")
def find_changes(target: Series, out: Index) -> None:
    """Fill in for each bar the first one from it on whose target is not that of the bar before; else their number.

    One more for the end; NaN is like nothing, not even NaN. Of a strategy in a symbol, found once for all windows.
    """
    at = len(target)
    out[at] = at
    for t in range(len(target) - 1, 0, -1):
        if target[t] != target[t - 1]:
            at = t
        out[t] = at
    out[0] = 0


@njit(cache=True, nogil=True, error_model="numpy")
def trade(  # noqa: PLR0912, PLR0915  # one bar's order of events, in one place
    bars: Matrix, first: int, last: int, target: Series, trail: Series, rules: Rules, equity: Series,
    events: Index, changes: Index,
) -> tuple[Account, int]:  # fmt: skip
    """Do what ``run_account`` does, with what it finds in bars and target found already; an empty trail is none."""
    trailed = len(trail) > 0
    count = last + 1 - first
    bars, target, trail = bars[first : last + 1], target[first : last + 1], trail[first : last + 1]
    events, changes = events[first : last + 1], changes[first : last + 2]
    account = new_account(rules.cash)
    # What may change at every bar lies here; the account holds the rest and is put together when something happens.
    cash, shares, flow, best, trailing, costs = rules.cash, 0.0, 0.0, 0.0, math.nan, 0.0
    held, t = 0, 0
    order, wanted = False, 0.0  # what the last close decided
    acted, ended = 0.0, 0.0  # the weight last traded to; the side that a stop or a target has ended
    rests, banded, lost = not rules.stops_at_close, not math.isnan(rules.band), False
    while t < count:
        simple = shares == 0.0 or (rests and ended == 0.0 and (shares > 0.0 or cash > 0.0))
        if t > 0 and not order and simple:
            # Most bars: nothing is done and nothing decided. The same as below, for the sake of time only.
            least, most = calm(acted, ended, shares, rules)
            rate, side = growth(cash, rules), 1.0 if shares >= 0.0 else -1.0
            charge = max(-shares, 0.0) * rules.borrow_rate
            earned, charged = cash, 0.0
            fixed, goal = bounds_of(side, account.entry, rules)
            high, guard = side * best, -math.inf if math.isnan(trailing) else side * trailing
            # Until here the target stays what it was; where other ones would do as well, each is looked at.
            same = min(changes[t + 1] - first, count) if target[t] == least == most and not banded else t
            # Unsigned: no index counts from the end, and nobody looks whether it does.
            if shares == 0.0:
                for u in range(np.uint64(t), np.uint64(same)):
                    cash *= rate
                    equity[u] = cash
                t = same
                for u in range(np.uint64(t), np.uint64(count)):
                    if not least <= target[u] <= most:
                        break
                    cash *= rate
                    equity[u] = cash
                    t += 1
            elif side > 0.0 and not banded and cash >= 0.0:
                floor, begun = max(fixed, guard), t
                for u in range(np.uint64(t), np.uint64(min(same, events[t] - first))):
                    top, low = bars[u, HIGH], bars[u, LOW]
                    if (low <= floor) | (top >= goal):
                        break
                    cash *= rate
                    equity[u] = cash + shares * bars[u, CLOSE]
                    high = max(high, top)
                    if trailed and high - trail[u] > guard:  # NaN is no distance, and max would take it
                        guard = high - trail[u]
                        floor = max(fixed, guard)
                    t += 1
                held += t - begun
            else:
                before, floor = bars[t - 1, CLOSE], max(fixed, guard)
                for u in range(np.uint64(t), np.uint64(count)):
                    top, low, close = bars[u, HIGH], bars[u, LOW], bars[u, CLOSE]
                    worst, finest = (low, top) if side > 0.0 else (-top, -low)
                    if (bars[u, SPLIT] != 1.0) | (bars[u, DIVIDEND] != 0.0) | (bars[u, GAP] >= LEFT):
                        break
                    if (worst <= floor) | (finest >= goal):
                        break
                    lent, after = 0.0, cash * rate
                    if side < 0.0:
                        lent = charge * before
                        after -= lent
                    value = after + shares * close
                    off = target[u]
                    if banded:
                        off = abs(shares * close / value - off) if off != 0.0 and value > 0.0 else math.inf
                    if not least <= off <= most or after * cash < 0.0 or value <= 0.0:
                        break
                    cash, before = after, close
                    charged += lent
                    equity[u] = value
                    high = max(high, finest)
                    if trailed and high - trail[u] > guard:  # NaN is no distance, and max would take it
                        guard = high - trail[u]
                        floor = max(fixed, guard)
                    t += 1
                    held += 1
            costs += charged
            if earned < 0.0:
                costs += earned - cash
            flow -= charged
            best, trailing = side * high, side * guard if guard > -math.inf else math.nan
            if t == count:
                break
        high, low, close, gap = bars[t, HIGH], bars[t, LOW], bars[t, CLOSE], bars[t, GAP]
        if t > 0:
            cash, costs = earn(cash, costs, rules)
            if order or shares != 0.0:
                price, volume, sigma = bars[t, OPEN], bars[t, VOLUME], bars[t, VOLATILITY]
                account = moved(account, cash, shares, flow, best, trailing, costs)
                split, dividend = bars[t, SPLIT], bars[t, DIVIDEND]
                if shares < 0.0 or (shares > 0.0 and (split != 1.0 or dividend != 0.0)):
                    account = carry_shares(account, bars[t - 1, CLOSE], price, split, dividend, rules)
                if order and (gap < MISSED or gap == LEFT):
                    account = follow(account, wanted, price, volume, sigma, rules)
                    acted = wanted
                if rests and account.shares != 0.0:
                    ended = 0.0
                    stop, goal, side = levels_of(account.shares, account.entry, account.trailing, rules)
                    if is_reached(side, stop, goal, high, low):
                        account, ended = protect(account, price, high, low, volume, sigma, rules)
                cash, shares, flow, costs = account.cash, account.shares, account.flow, account.costs
                best, trailing = account.best, account.trailing
        if shares != 0.0 and gap >= LEFT:
            account = moved(account, cash, shares, flow, best, trailing, costs)
            account = fill(account, -shares, close, False, 0.0, 0.0, 0.0, PAID_OUT)
            cash, shares, flow, costs = account.cash, account.shares, account.flow, account.costs
        value = cash + shares * close
        equity[t] = value
        if shares != 0.0:
            held += 1
            best, trailing = trail_on(shares, best, trailing, high, low, trail[t] if trailed else math.nan)
        wanted = 0.0 if math.isnan(target[t]) else target[t]
        t += 1
        lost = lost or value <= 0.0
        if lost:
            order, wanted = shares != 0.0, 0.0
            continue
        if rules.buys_amounts:
            order = wanted != 0.0
            continue
        if ended * wanted > 0.0:  # not again before the target has turned; what found no bar to leave at leaves now
            order, wanted = shares != 0.0, 0.0
            continue
        if ended != 0.0:
            ended = acted = 0.0
        if not rests and shares * wanted > 0.0:
            stop, goal, side = levels_of(shares, account.entry, trailing, rules)
            if is_reached(side, stop, goal, close, close):
                ended, wanted, order = side, 0.0, True
                continue
        if banded:
            weight = shares * close / value if value > 0.0 else 0.0
            order = abs(weight - wanted) > rules.band or (wanted == 0.0) != (weight == 0.0)
        else:
            order = wanted != acted
    account = moved(account, cash, shares, flow, best, trailing, costs)
    return account, held


@njit(cache=True, nogil=True, error_model="numpy")
def calm(acted: float, ended: float, shares: float, rules: Rules) -> tuple[float, float]:
    """Return between which targets a close gives no order (NaN lies between none); with a band, how far off weights."""
    if rules.buys_amounts:
        return 0.0, 0.0
    if ended != 0.0:
        return (LEAST, math.inf) if ended > 0.0 else (-math.inf, -LEAST)
    if not math.isnan(rules.band):
        return (-rules.band, rules.band) if shares != 0.0 else (0.0, 0.0)
    return acted, acted


@njit(cache=True, nogil=True, error_model="numpy")
def bounds_of(side: float, entry: float, rules: Rules) -> tuple[float, float]:
    """Return the fixed stop and the target times the side, infinite without one: the worse is always the lower."""
    stop, goal = -math.inf, math.inf
    if not math.isnan(rules.stop_loss):
        stop = side * entry * (1.0 - side * rules.stop_loss)
    if not math.isnan(rules.take_profit):
        goal = side * entry * (1.0 + side * rules.take_profit)
    return stop, goal
