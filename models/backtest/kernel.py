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
   that a stop or a target has ended is not entered again until the target has turned.

Reversals are two orders: one closes, one opens.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.backtest.costs import affordable, commission, slippage, whole
from models.backtest.rules import Rules
from models.backtest.stops import is_reached, levels_of, trail_on

Series = NDArray[np.float64]
Matrix = NDArray[np.float64]
TINY = 1e-12  # shares: a fraction below it is rounding, not a holding
# Being paid out for a share that left is no order: nobody takes a commission.
PAID_OUT = Rules(commission_per_share=0.0, commission_minimum=0.0)

# Columns of the bars: raw prices, actions on the bar of their ex-date. split is new shares per old, 1 for
# none; dividend USD per share after that split; gap is MISSED where a session without a bar lies before, plus
# LEFT on the last bar of a share that has left the market; volatility the daily one known at the close before
# (only root_impact reads it).
OPEN, HIGH, LOW, CLOSE, VOLUME, SPLIT, DIVIDEND, GAP, VOLATILITY = range(9)
MISSED, LEFT = 1.0, 2.0


class Account(NamedTuple):
    """What an account holds and has done; money in USD, all floats. Compiled steps return a new one.

    A trade runs from flat to flat; its profit holds all its fills, costs and dividends (interest is the account's).
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
def run_account(  # noqa: PLR0912, PLR0915  # one bar's order of events, in one place
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
    account = new_account(rules.cash)
    # What may change at every bar lies here; the account holds the rest and is put together when something happens.
    cash, shares, best, trailing, costs = rules.cash, 0.0, 0.0, math.nan, 0.0
    stop, goal, side = math.nan, math.nan, 0.0
    held = 0
    order, wanted = False, 0.0  # what the last close decided
    acted, ended = 0.0, 0.0  # the weight last traded to; the side that a stop or a target has ended
    rests, banded = not rules.stops_at_close, not math.isnan(rules.band)
    for t in range(first, last + 1):
        high, low, close, gap = bars[t, HIGH], bars[t, LOW], bars[t, CLOSE], bars[t, GAP]
        if t > first:
            cash, costs = _earn(cash, costs, rules)
            carries = shares < 0.0 or (shares > 0.0 and (bars[t, SPLIT] != 1.0 or bars[t, DIVIDEND] != 0.0))
            follows = order and (gap < MISSED or gap == LEFT)
            if carries or follows or (rests and shares != 0.0 and is_reached(side, stop, goal, high, low)):
                price, volume, sigma = bars[t, OPEN], bars[t, VOLUME], bars[t, VOLATILITY]
                account = _with(account, cash, shares, best, trailing, costs)
                if carries:
                    account = carry_shares(
                        account, bars[t - 1, CLOSE], price, bars[t, SPLIT], bars[t, DIVIDEND], rules
                    )
                if follows:
                    account = _follow(account, wanted, price, volume, sigma, rules)
                    acted = wanted
                if rests and account.shares != 0.0:
                    account, ended = protect(account, price, high, low, volume, sigma, rules)
                cash, shares, costs = account.cash, account.shares, account.costs
                best, trailing = account.best, account.trailing
        if shares != 0.0 and gap >= LEFT:
            account = _with(account, cash, shares, best, trailing, costs)
            account = fill(account, -shares, close, False, 0.0, 0.0, 0.0, PAID_OUT)
            cash, shares, costs = account.cash, account.shares, account.costs
        value = cash + shares * close
        equity[t - first] = value
        if shares != 0.0:
            held += 1
            best, trailing = trail_on(shares, best, trailing, high, low, trail[t])
            stop, goal, side = levels_of(shares, account.entry, trailing, rules)
        wanted = 0.0 if math.isnan(target[t]) else target[t]
        if rules.buys_amounts:
            order = wanted != 0.0
            continue
        if ended * wanted > 0.0:  # not again before the target has turned; what found no bar to leave at leaves now
            order, wanted = shares != 0.0, 0.0
            continue
        if ended != 0.0:
            ended = acted = 0.0
        if not rests and shares * wanted > 0.0 and is_reached(side, stop, goal, close, close):
            ended, wanted, order = side, 0.0, True
            continue
        if banded:
            weight = shares * close / value if value > 0.0 else 0.0
            order = abs(weight - wanted) > rules.band or (wanted == 0.0 and weight != 0.0)
        else:
            order = wanted != acted
    account = _with(account, cash, shares, best, trailing, costs)
    return account, held


@njit(cache=True, nogil=True, error_model="numpy")
def new_account(cash: float) -> Account:
    """Return an account with cash and nothing else."""
    return Account(
        cash, 0.0, 0.0, 0.0, 0.0, 0.0, math.nan, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def carry_cash(a: Account, rules: Rules) -> Account:
    """Interest on the cash of a night, or on what is owed; the account's, not the trade's."""
    cash, costs = _earn(a.cash, a.costs, rules)
    return _with(a, cash, a.shares, a.best, a.trailing, costs)


@njit(cache=True, nogil=True, error_model="numpy")
def _earn(cash: float, costs: float, rules: Rules) -> tuple[float, float]:
    if cash >= 0.0:
        return cash + cash * rules.cash_rate, costs
    cost = -cash * rules.borrow_rate
    return cash - cost, costs + cost


@njit(cache=True, nogil=True, error_model="numpy")
def _with(a: Account, cash: float, shares: float, best: float, trailing: float, costs: float) -> Account:
    """Return the account with what may change at every bar."""
    return Account(
        cash, shares, a.entry, a.spent, a.flow, best, trailing, a.trades, a.wins, a.losses, a.won, a.lost,
        a.win_return, a.loss_return, a.traded, costs,
    )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def carry_shares(
    a: Account, before: float, price: float, split: float, dividend: float, rules: Rules
) -> Account:
    """Borrow what is sold short for a night, then a split, then a dividend."""
    cost, paid = max(-a.shares, 0.0) * before * rules.borrow_rate, 0.0
    shares, entry, best, trailing = a.shares, a.entry, a.best, a.trailing
    rest = 0.0  # what a split leaves below one share
    if split != 1.0:
        shares, entry, best, trailing = shares * split, entry / split, best / split, trailing / split
        if rules.whole_shares:  # the fraction is paid out
            rest = shares - whole(shares)
            if rest != shares:
                paid += rest * price
                shares -= rest
                rest = 0.0
    paid += (shares - rest) * dividend
    a = Account(
        a.cash + paid - cost, shares, entry, a.spent, a.flow + paid - cost, best, trailing,
        a.trades, a.wins, a.losses, a.won, a.lost, a.win_return, a.loss_return, a.traded, a.costs + cost,
    )  # fmt: skip
    # A holding that is less than a share now is at an end, and so is its trade.
    return fill(a, -rest, price, False, 0.0, 0.0, 0.0, PAID_OUT)


@njit(cache=True, nogil=True, error_model="numpy")
def goal_of(shares: float, wanted: float, value: float, price: float, rules: Rules) -> float:
    """Return how many shares an order is to end with; wanted is a weight of the value, or USD to buy more."""
    weight = wanted * (1.0 - rules.cash_buffer)
    goal = shares + wanted / price if rules.buys_amounts else weight * value / price
    return whole(goal) if rules.whole_shares else goal


@njit(cache=True, nogil=True, error_model="numpy")
def _follow(
    a: Account, wanted: float, price: float, volume: float, sigma: float, rules: Rules
) -> Account:
    """Fill the order of the close before at the open: towards the wanted weight, as far as the money goes."""
    value = max(a.cash + a.shares * price, 0.0)
    goal = goal_of(a.shares, wanted, value, price, rules)
    loan = 0.0 if rules.buys_amounts else max(abs(wanted) - 1.0, 0.0) * value
    if a.shares * goal < 0.0:
        a = fill(a, -a.shares, price, True, 0.0, volume, sigma, rules)
    return fill(a, goal - a.shares, price, True, loan, volume, sigma, rules)


@njit(cache=True, nogil=True, error_model="numpy")
def levels(a: Account, rules: Rules) -> tuple[float, float, float]:
    """Return the prices of the stop and of the target of what is held, NaN without one, and its side."""
    return levels_of(a.shares, a.entry, a.trailing, rules)


@njit(cache=True, nogil=True, error_model="numpy")
def judged(a: Account, close: float, rules: Rules) -> float:
    """Return the side of a position that its stop or target ends by the close, 0 where they rest inside the bar."""
    if not rules.stops_at_close or a.shares == 0.0:
        return 0.0
    stop, goal, side = levels(a, rules)
    return side if is_reached(side, stop, goal, close, close) else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def protect(
    a: Account, price: float, high: float, low: float, volume: float, sigma: float, rules: Rules
) -> tuple[Account, float]:
    """Fill a stop or target inside the bar; also return the side of the position it ended, 0 for none."""
    stop, goal, side = levels(a, rules)
    worst, finest = (low, high) if side > 0.0 else (high, low)
    if side * worst <= side * stop:
        at = price if side * price <= side * stop else stop
        return fill(a, -a.shares, at, True, 0.0, volume, sigma, rules), side
    if side * finest >= side * goal:
        at = price if side * price >= side * goal else goal
        return fill(a, -a.shares, at, False, 0.0, volume, sigma, rules), side
    return a, 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def fill(
    a: Account, change: float, at: float, slips: bool, loan: float, volume: float, sigma: float, rules: Rules
) -> Account:
    """Buy (change > 0) or sell shares at a price; a buy that opens or adds uses cash and the loan at most."""
    if abs(change) <= TINY:
        return a
    slip = slippage(rules, abs(change), volume, sigma) if slips else 0.0
    price = at * (1.0 + slip) if change > 0.0 else at * (1.0 - slip)
    if change > 0.0 and a.shares >= 0.0:
        change = min(change, affordable(rules, a.cash + loan, price))
        if change <= TINY:
            return a
    value = abs(change) * price
    fee = commission(rules, abs(change), value)
    if change < 0.0 < a.shares and value < fee and a.cash + loan + value < fee:
        return a  # nothing could pay the commission
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
def watch(a: Account, high: float, low: float, distance: float) -> Account:
    """Move the trailing stop, which never gives way."""
    best, trailing = trail_on(a.shares, a.best, a.trailing, high, low, distance)
    return _with(a, a.cash, a.shares, best, trailing, a.costs)
