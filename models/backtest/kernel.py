"""The engine: one account in one symbol, bar by bar; backtests of every kind end up here.

A bar's order of events, the same in a backtest and in the paper account:

1. Overnight: interest on cash, borrowing costs, then a split, then a dividend of the day.
2. At the open: the order decided at the close before, unless a session lies between without a bar (day
   orders expire, and the decision is taken anew).
3. Inside the bar, for what is held then: the stop first, for nobody knows whether the high or the low came
   first; then the target. A stop the open has jumped over fills at the open, a target as well. Stops slip,
   targets do not: they are limit orders.
4. At the close: the account is valued, a trailing stop moves for the next bar, and the next order is
   decided. A position that a stop or a target has ended is not entered again until the target has turned.

Reversals are two orders: one closes, one opens.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.backtest.rules import Rules

Series = NDArray[np.float64]
Matrix = NDArray[np.float64]
TINY = 1e-12  # shares: a fraction below it is rounding, not a holding

# Columns of the bars: raw prices, actions on the bar of their ex-date. split is new shares per old, 1 for
# none; dividend USD per share after that split; gap 1 where a session without a bar lies before; volatility
# the daily one known at that close (only root_impact reads it).
OPEN, HIGH, LOW, CLOSE, VOLUME, SPLIT, DIVIDEND, GAP, VOLATILITY = range(9)


class Account(NamedTuple):
    """What an account holds and has done; money in USD, all floats. Compiled steps return a new one.

    A trade runs from flat to flat; its profit holds all its fills, costs and dividends.
    """

    cash: float
    shares: float = 0.0
    entry: float = 0.0  # average price of what is held
    spent: float = 0.0  # put into the trade
    flow: float = 0.0  # cash of the trade so far
    best: float = 0.0  # highest high since the entry, lowest low of a short
    trailing: float = math.nan  # price of the trailing stop
    trades: float = 0.0
    wins: float = 0.0
    losses: float = 0.0
    won: float = 0.0  # sum of profits
    lost: float = 0.0  # sum of losses, >= 0
    win_return: float = 0.0  # sums of profit over money put in
    loss_return: float = 0.0
    traded: float = 0.0  # value of all fills
    costs: float = 0.0  # commissions, slippage, interest on what was borrowed


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
    account = _new_account(rules.cash)
    held = 0
    order, wanted = False, 0.0  # what the last close decided
    acted, ended = 0.0, 0.0  # the weight last traded to; the side that a stop or a target has ended
    for t in range(first, last + 1):
        high, low, close, volume, sigma = (
            bars[t, HIGH], bars[t, LOW], bars[t, CLOSE], bars[t, VOLUME], bars[t, VOLATILITY],
        )  # fmt: skip
        if t > first:
            price = bars[t, OPEN]
            account = _overnight(account, bars[t - 1, CLOSE], price, bars[t, SPLIT], bars[t, DIVIDEND], rules)
            if order and bars[t, GAP] == 0.0:
                account = _follow(account, wanted, price, volume, sigma, rules)
                acted = wanted
            if account.shares != 0.0 and not rules.stops_at_close:
                account, ended = _protect(account, price, high, low, volume, sigma, rules)
        value = account.cash + account.shares * close
        equity[t - first] = value
        if account.shares != 0.0:
            held += 1
            account = _watch(account, high, low, trail[t])
        wanted = 0.0 if math.isnan(target[t]) else target[t]
        if rules.buys_amounts:
            order = wanted != 0.0
            continue
        if ended * wanted > 0.0:  # not again before the target has turned
            order = False
            continue
        if ended != 0.0:
            ended = acted = 0.0
        if rules.stops_at_close and account.shares * wanted > 0.0:
            stop, goal, side = _levels(account, rules)
            if side * close <= side * stop or side * close >= side * goal:
                ended, wanted, order = side, 0.0, True
                continue
        if math.isnan(rules.band):
            order = wanted != acted
        else:
            weight = account.shares * close / value if value > 0.0 else 0.0
            order = abs(weight - wanted) > rules.band or (wanted == 0.0 and weight != 0.0)
    return account, held


@njit(cache=True, nogil=True, error_model="numpy")
def _new_account(cash: float) -> Account:
    return Account(
        cash, 0.0, 0.0, 0.0, 0.0, 0.0, math.nan, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def _overnight(
    a: Account, before: float, price: float, split: float, dividend: float, rules: Rules
) -> Account:
    """Interest, then a split, then a dividend."""
    owed = max(-a.cash, 0.0) + max(-a.shares, 0.0) * before
    cost, paid = owed * rules.borrow_rate, 0.0
    interest = max(a.cash, 0.0) * rules.cash_rate
    shares, entry, best, trailing = a.shares, a.entry, a.best, a.trailing
    if split != 1.0:
        shares, entry, best, trailing = shares * split, entry / split, best / split, trailing / split
        if rules.whole_shares:  # the fraction is paid out
            whole = _whole(shares)
            paid += (shares - whole) * price
            shares = whole
    paid += shares * dividend
    return Account(
        a.cash + interest + paid - cost, shares, entry, a.spent, a.flow + paid - cost, best, trailing,
        a.trades, a.wins, a.losses, a.won, a.lost, a.win_return, a.loss_return, a.traded, a.costs + cost,
    )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def _follow(
    a: Account, wanted: float, price: float, volume: float, sigma: float, rules: Rules
) -> Account:
    """Fill the order of the close before at the open: towards the wanted weight, as far as the money goes."""
    value = max(a.cash + a.shares * price, 0.0)
    if rules.buys_amounts:
        goal = a.shares + wanted / price
        loan = 0.0
    else:
        goal = wanted * (1.0 - rules.cash_buffer) * value / price
        loan = max(abs(wanted) - 1.0, 0.0) * value
    if rules.whole_shares:
        goal = _whole(goal)
    if a.shares * goal < 0.0:
        a = _fill(a, -a.shares, price, True, 0.0, volume, sigma, rules)
    return _fill(a, goal - a.shares, price, True, loan, volume, sigma, rules)


@njit(cache=True, nogil=True, error_model="numpy")
def _levels(a: Account, rules: Rules) -> tuple[float, float, float]:
    """Return the prices of the stop and of the target of what is held, NaN without one, and its side."""
    side = 1.0 if a.shares > 0.0 else -1.0
    stop = a.entry * (1.0 - side * rules.stop_loss)
    if not math.isnan(a.trailing) and not side * stop > side * a.trailing:
        stop = a.trailing
    return stop, a.entry * (1.0 + side * rules.take_profit), side


@njit(cache=True, nogil=True, error_model="numpy")
def _protect(
    a: Account, price: float, high: float, low: float, volume: float, sigma: float, rules: Rules
) -> tuple[Account, float]:
    """Fill a stop or target inside the bar; also return the side of the position it ended, 0 for none."""
    stop, goal, side = _levels(a, rules)
    worst, finest = (low, high) if side > 0.0 else (high, low)
    if side * worst <= side * stop:
        at = price if side * price <= side * stop else stop
        return _fill(a, -a.shares, at, True, 0.0, volume, sigma, rules), side
    if side * finest >= side * goal:
        at = price if side * price >= side * goal else goal
        return _fill(a, -a.shares, at, False, 0.0, volume, sigma, rules), side
    return a, 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _fill(
    a: Account, change: float, at: float, slips: bool, loan: float, volume: float, sigma: float, rules: Rules
) -> Account:
    """Buy (change > 0) or sell shares at a price; a buy that opens or adds uses cash and the loan at most."""
    if abs(change) <= TINY:
        return a
    slip = _slip(rules, abs(change), volume, sigma) if slips else 0.0
    price = at * (1.0 + slip) if change > 0.0 else at * (1.0 - slip)
    if change > 0.0 and a.shares >= 0.0:
        change = min(change, _affordable(rules, a.cash + loan, price))
        if change <= TINY:
            return a
    value = abs(change) * price
    fee = _commission(rules, abs(change), value)
    shares = a.shares + change
    entry, spent, flow, best, trailing = a.entry, a.spent, a.flow, a.best, a.trailing
    trades, wins, losses = a.trades, a.wins, a.losses
    won, lost, win_return, loss_return = a.won, a.lost, a.win_return, a.loss_return
    if a.shares == 0.0:
        entry, spent, flow, best, trailing = price, value, 0.0, price, math.nan
    elif abs(shares) > abs(a.shares):
        entry = (entry * abs(a.shares) + value) / abs(shares)
        spent += value
    flow -= change * price + fee
    if abs(shares) <= TINY:
        shares = 0.0
        trades += 1.0
        if flow > 0.0:
            wins, won, win_return = wins + 1.0, won + flow, win_return + flow / spent
        elif flow < 0.0:
            losses, lost, loss_return = losses + 1.0, lost - flow, loss_return + flow / spent
    return Account(
        a.cash - change * price - fee, shares, entry, spent, flow, best, trailing, trades, wins, losses,
        won, lost, win_return, loss_return, a.traded + value, a.costs + fee + abs(change) * abs(price - at),
    )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def _watch(a: Account, high: float, low: float, distance: float) -> Account:
    """Move the trailing stop, which never gives way."""
    best, trailing = a.best, a.trailing
    if a.shares > 0.0:
        best = max(best, high)
        if not math.isnan(distance) and not trailing >= best - distance:
            trailing = best - distance
    else:
        best = min(best, low)
        if not math.isnan(distance) and not trailing <= best + distance:
            trailing = best + distance
    return Account(
        a.cash, a.shares, a.entry, a.spent, a.flow, best, trailing, a.trades, a.wins, a.losses, a.won, a.lost,
        a.win_return, a.loss_return, a.traded, a.costs,
    )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def _whole(shares: float) -> float:
    """Cut towards zero; what a rounding error keeps from being whole is whole."""
    return math.floor(shares + 1e-9) if shares >= 0.0 else math.ceil(shares - 1e-9)


@njit(cache=True, nogil=True, error_model="numpy")
def _commission(rules: Rules, shares: float, value: float) -> float:
    return (
        max(rules.commission_per_share * shares, rules.commission_minimum)
        + rules.commission_per_order
        + rules.commission_bps * 1e-4 * value
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _slip(rules: Rules, shares: float, volume: float, sigma: float) -> float:
    slip = rules.slippage_bps * 1e-4
    if rules.volume_impact > 0.0 or rules.root_impact > 0.0:
        share = shares / volume if volume > 0.0 else 1.0
        slip += rules.volume_impact * share * share
        if sigma > 0.0:
            slip += rules.root_impact * sigma * math.sqrt(share)
    return min(slip, 0.99)


@njit(cache=True, nogil=True, error_model="numpy")
def _affordable(rules: Rules, money: float, price: float) -> float:
    """Return how many shares the money buys, commission paid."""
    rest = money - rules.commission_per_order
    each = price * (1.0 + rules.commission_bps * 1e-4)
    shares = min(rest / (each + rules.commission_per_share), (rest - rules.commission_minimum) / each)
    if rules.whole_shares:
        shares = float(math.floor(shares))
    return max(shares, 0.0)
