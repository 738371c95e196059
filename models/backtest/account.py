"""An account in one symbol, and the steps that change it: interest, actions, orders, stops and fills."""

from __future__ import annotations

import math
from typing import NamedTuple

from models.backtest.costs import affordable, commission, slippage, whole
from models.backtest.rules import Rules
from models.backtest.stops import is_reached, levels_of, trail_on
from models.compiled import njit

TINY = 1e-12  # shares: a fraction below it is rounding, not a holding
# Being paid out for a share that left is no order: nobody takes a commission.
PAID_OUT = Rules(commission_per_share=0.0, commission_minimum=0.0)


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
def growth(cash: float, rules: Rules) -> float:
    """Return what a night makes of a dollar of cash, or of a dollar owed."""
    return 1.0 + (rules.cash_rate if cash >= 0.0 else rules.borrow_rate)


@njit(cache=True, nogil=True, error_model="numpy")
def new_account(cash: float) -> Account:
    """Return an account with cash and nothing else."""
    return Account(
        cash, 0.0, 0.0, 0.0, 0.0, 0.0, math.nan, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def carry_cash(a: Account, rules: Rules) -> Account:
    """Interest on the cash of a night, or on what is owed; the account's, not the trade's."""
    cash, costs = earn(a.cash, a.costs, rules)
    return moved(a, cash, a.shares, a.flow, a.best, a.trailing, costs)


@njit(cache=True, nogil=True, error_model="numpy")
def earn(cash: float, costs: float, rules: Rules) -> tuple[float, float]:
    """Return cash and costs after a night."""
    after = cash * growth(cash, rules)
    return after, costs if cash >= 0.0 else costs + (cash - after)


@njit(cache=True, nogil=True, error_model="numpy")
def moved(
    a: Account, cash: float, shares: float, flow: float, best: float, trailing: float, costs: float
) -> Account:
    """Return the account with what may change at every bar."""
    return Account(
        cash, shares, a.entry, a.spent, flow, best, trailing, a.trades, a.wins, a.losses, a.won, a.lost,
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


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def follow(
    a: Account, wanted: float, price: float, volume: float, sigma: float, rules: Rules
) -> Account:
    """Fill the order of the close before at the open: towards the wanted weight, as far as the money goes."""
    value = max(a.cash + a.shares * price, 0.0)
    goal = goal_of(a.shares, wanted, value, price, rules)
    loan = 0.0 if rules.buys_amounts else max(abs(wanted) - 1.0, 0.0) * value
    if a.shares * goal < 0.0:
        a = fill(a, -a.shares, price, True, 0.0, volume, sigma, rules)
    return fill_here(a, goal - a.shares, price, True, loan, volume, sigma, rules)


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
    return fill_here(a, change, at, slips, loan, volume, sigma, rules)


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def fill_here(
    a: Account, change: float, at: float, slips: bool, loan: float, volume: float, sigma: float, rules: Rules
) -> Account:
    """Do what ``fill`` does in the midst of its caller: handing an account over takes longer than most fills."""
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
    return moved(a, a.cash, a.shares, a.flow, best, trailing, a.costs)
