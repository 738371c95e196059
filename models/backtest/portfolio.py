"""The portfolio: many symbols, one account, by the same steps as the grid's account in one symbol (see kernel).

What many symbols add is an order among them. At the open what is sold comes before what is bought, each in the order
of the symbols, so that sales pay for purchases; a purchase that the cash does not reach for is cut. A symbol without
a bar keeps its last price, and its order expires.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.backtest.kernel import (
    CLOSE, DIVIDEND, GAP, HIGH, LEFT, LOW, OPEN, PAID_OUT, SPLIT, VOLATILITY, VOLUME,
    Account, carry_cash, carry_shares, fill, goal_of, levels, protect, watch,
)  # fmt: skip
from models.backtest.rules import Rules

Series = NDArray[np.float64]
Matrix = NDArray[np.float64]
Index = NDArray[np.int64]
Flags = NDArray[np.bool_]

FIELDS = len(Account._fields)
SHARES = Account._fields.index("shares")
# A trade, from flat to flat: days are indices of sessions; exit_day, exit and reason are NaN while it is held.
TRADE = ("symbol", "side", "entry_day", "exit_day", "shares", "entry", "exit", "profit", "spent", "reason")
ORDER, STOP, GOAL, DELISTING = range(4)  # reasons


@njit(cache=True, nogil=True, error_model="numpy")
def run_portfolio(
    bars: Matrix, rows: Index, first: int, last: int, targets: Matrix, trail: Series, decide: Flags,
    rules: Rules, equity: Series, cash: Series,
) -> tuple[Account, int, Matrix]:  # fmt: skip
    """Trade targets through sessions first..last, both included; the account starts flat, with cash only.

    Args:
        bars: [R, 9] all symbols below each other, see kernel.
        rows: [T, N] row of each symbol's bar of each session, -1 without one.
        first: index of the first session: the first decision is taken at its close.
        last: index of the last one; what is held then is valued at its close.
        targets: [T, N] wanted weight of equity at each close, NaN is 0; with buys_amounts USD to buy more.
        trail: [R] distance of a trailing stop, USD per share; NaN for none.
        decide: [T] True at closes that bring all holdings to their targets (but those rules.band leaves alone).
            All False: a symbol is traded when its own target changes, or its weight leaves the band, as in
            the grid.
        rules: see Rules.
        equity: [last - first + 1], filled with the account's value at each close.
        cash: [last - first + 1], filled with its cash.

    Returns:
        The account (shares is the number of positions held at the end), at how many closes it held any, and
        its trades [count, len(TRADE)] by exit, those still held last.
    """
    symbols = rows.shape[1]
    book = np.zeros((symbols + 1, FIELDS))  # an Account in each row; the last one has the cash of all
    book[symbols, 0] = rules.cash
    book[:, 6] = math.nan  # trailing
    state = np.zeros((symbols, 8))
    log, count, held, loan = np.empty((256, len(TRADE))), 0, 0, 0.0
    scheduled = decide[first : last + 1].any()
    for t in range(first, last + 1):
        if t > first:
            log, count = _trade_open(bars, rows, t, loan, rules, book, state, log, count)
        holds, value = False, 0.0
        for n in range(symbols):
            if book[n, SHARES] == 0.0:
                continue
            row = rows[t, n]
            if row >= 0:
                a = _take(book, n)
                state[n, PRICE] = bars[row, CLOSE]
                if bars[row, GAP] >= LEFT:
                    a = fill(a, -a.shares, bars[row, CLOSE], False, 0.0, 0.0, 0.0, PAID_OUT)
                    log, count = _note(log, count, n, t, a, book, state, bars[row, CLOSE], DELISTING)
                else:
                    a = watch(a, bars[row, HIGH], bars[row, LOW], trail[row])
                    holds = True
                _put(book, n, a)
            else:
                holds = True
            value += book[n, SHARES] * state[n, PRICE]
        value += book[symbols, 0]
        equity[t - first], cash[t - first] = value, book[symbols, 0]
        held += holds
        loan = _decide(rows[t], targets[t], value, scheduled, decide[t], rules, book, state)
    for n in range(symbols):
        if book[n, SHARES] != 0.0:
            log, count = _still_held(log, count, n, book, state)
    return _total(book), held, log[:count]


# Columns of the state: last close held; goal in shares; whether an order waits; its weight; the weight last traded
# to; the side a stop or target has ended; reason of the order, -1 when the last one expired; session of the entry.
PRICE, WISH, WAITS, WANTED, ACTED, ENDED, REASON, ENTERED = range(8)


@njit(cache=True, nogil=True, error_model="numpy")
def _trade_open(
    bars: Matrix, rows: Index, t: int, loan: float, rules: Rules, book: Matrix, state: Matrix, log: Matrix,
    count: int,
) -> tuple[Matrix, int]:  # fmt: skip
    """The night before, the orders at the open, and what rests inside the bar."""
    symbols = rows.shape[1]
    _put(book, symbols, carry_cash(_take(book, symbols), rules))
    worth = 0.0
    for n in range(symbols):
        if book[n, SHARES] == 0.0:
            continue
        row, price = rows[t, n], state[n, PRICE]
        if row >= 0:
            price = bars[row, OPEN]
            a = carry_shares(_take(book, n), state[n, PRICE], price, bars[row, SPLIT], bars[row, DIVIDEND], rules)
            log, count = _note(log, count, n, t, a, book, state, price, ORDER)
            _put(book, n, a)
        worth += book[n, SHARES] * price
    value = max(book[symbols, 0] + worth, 0.0)
    for buys in (False, True):
        for n in range(symbols):
            if state[n, WAITS] == 0.0:
                continue
            row = rows[t, n]
            if row < 0 or bars[row, GAP] % LEFT != 0.0:
                state[n, WAITS], state[n, REASON] = 0.0, -1.0
                continue
            price, volume, sigma = bars[row, OPEN], bars[row, VOLUME], bars[row, VOLATILITY]
            a = _take(book, n)
            if not buys:
                goal = goal_of(a.shares, state[n, WANTED], value, price, rules)
                state[n, WISH] = goal
                if a.shares * goal < 0.0:
                    a = fill(a, -a.shares, price, True, 0.0, volume, sigma, rules)
                    log, count = _note(log, count, n, t, a, book, state, math.nan, int(state[n, REASON]))
                    _put(book, n, a)
            change = state[n, WISH] - a.shares
            if (change > 0.0) == buys:
                a = fill(a, change, price, True, loan * value, volume, sigma, rules)
                log, count = _note(log, count, n, t, a, book, state, math.nan, int(state[n, REASON]))
                _put(book, n, a)
                state[n, ACTED], state[n, WAITS] = state[n, WANTED], 0.0
    if not rules.stops_at_close:
        for n in range(symbols):
            row = rows[t, n]
            if book[n, SHARES] != 0.0 and row >= 0:
                a = _take(book, n)
                stop, _, side = levels(a, rules)
                worst = bars[row, LOW] if side > 0.0 else bars[row, HIGH]
                a, ended = protect(
                    a, bars[row, OPEN], bars[row, HIGH], bars[row, LOW], bars[row, VOLUME], bars[row, VOLATILITY],
                    rules,
                )  # fmt: skip
                if ended != 0.0:
                    state[n, ENDED] = ended
                    reason = STOP if side * worst <= side * stop else GOAL
                    log, count = _note(log, count, n, t, a, book, state, math.nan, reason)
                    _put(book, n, a)
    return log, count


@njit(cache=True, nogil=True, error_model="numpy")
def _decide(
    rows: Index, targets: Series, value: float, scheduled: bool, today: bool, rules: Rules, book: Matrix,
    state: Matrix,
) -> float:  # fmt: skip
    """Take the orders of this close; return what may be owed for them, a fraction of the account's value."""
    net = 0.0
    for n in range(len(rows)):
        wanted = 0.0 if math.isnan(targets[n]) else targets[n]
        net += wanted
        if rows[n] < 0:  # nothing is known of it today
            continue
        late = state[n, REASON] < 0.0
        shares, price = book[n, SHARES], state[n, PRICE]
        state[n, REASON], state[n, WAITS] = ORDER, 0.0
        if rules.buys_amounts:
            state[n, WANTED], state[n, WAITS] = wanted, 1.0 if wanted != 0.0 else 0.0
            continue
        if state[n, ENDED] * wanted > 0.0:  # not again before the target has turned
            continue
        if state[n, ENDED] != 0.0:
            state[n, ENDED] = state[n, ACTED] = 0.0
        if rules.stops_at_close and shares * wanted > 0.0:
            stop, goal, side = levels(_take(book, n), rules)
            if side * price <= side * stop or side * price >= side * goal:
                state[n, ENDED], state[n, WANTED], state[n, WAITS] = side, 0.0, 1.0
                state[n, REASON] = STOP if side * price <= side * stop else GOAL
                continue
        if scheduled and not (today or late):
            continue
        if scheduled or not math.isnan(rules.band):
            weight = shares * price / value if value > 0.0 and shares != 0.0 else 0.0
            band = 0.0 if math.isnan(rules.band) else rules.band
            waits = abs(weight - wanted) > band or (wanted == 0.0 and weight != 0.0)
        else:
            waits = wanted != state[n, ACTED]
        state[n, WANTED], state[n, WAITS] = wanted, 1.0 if waits else 0.0
    return 0.0 if rules.buys_amounts else max(abs(net) - 1.0, 0.0)


@njit(cache=True, nogil=True, error_model="numpy")
def _note(
    log: Matrix, count: int, n: int, t: int, a: Account, book: Matrix, state: Matrix, price: float, reason: int
) -> tuple[Matrix, int]:  # fmt: skip
    """Keep the book of trades for a symbol that goes from what the book says to an account; price NaN: its fill's."""
    before = book[n, SHARES]
    if before == 0.0 and a.shares != 0.0:
        state[n, ENTERED] = t
    if before == 0.0 or a.shares != 0.0:
        return log, count
    if math.isnan(price):
        price = (a.traded - book[n, 14]) / abs(before)
    return _append(log, count, (
        float(n), 1.0 if before > 0.0 else -1.0, state[n, ENTERED], float(t), a.spent / a.entry, a.entry, price,
        a.flow, a.spent, float(reason),
    ))  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def _still_held(log: Matrix, count: int, n: int, book: Matrix, state: Matrix) -> tuple[Matrix, int]:
    a = _take(book, n)
    return _append(log, count, (
        float(n), 1.0 if a.shares > 0.0 else -1.0, state[n, ENTERED], math.nan, a.spent / a.entry, a.entry, math.nan,
        a.flow + a.shares * state[n, PRICE], a.spent, math.nan,
    ))  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def _append(log: Matrix, count: int, trade: tuple[float, ...]) -> tuple[Matrix, int]:
    if count == len(log):
        log = np.concatenate((log, np.empty_like(log)))
    for i in range(len(TRADE)):
        log[count, i] = trade[i]
    return log, count + 1


@njit(cache=True, nogil=True, error_model="numpy")
def _take(book: Matrix, n: int) -> Account:
    """Return a symbol's account, with the cash of all."""
    b = book[n]
    return Account(
        book[len(book) - 1, 0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
        b[14], b[15],
    )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def _put(book: Matrix, n: int, a: Account) -> None:
    for i in range(1, FIELDS):
        book[n, i] = a[i]
    book[len(book) - 1, 0] = a.cash


@njit(cache=True, nogil=True, error_model="numpy")
def _total(book: Matrix) -> Account:
    """Return what all accounts did together; shares is how many hold any."""
    s = book.sum(axis=0)
    positions = 0.0
    for n in range(len(book) - 1):
        positions += book[n, SHARES] != 0.0
    return Account(
        book[len(book) - 1, 0], positions, 0.0, 0.0, 0.0, 0.0, math.nan, s[7], s[8], s[9], s[10], s[11], s[12], s[13],
        s[14], s[15],
    )  # fmt: skip
