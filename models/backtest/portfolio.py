"""The portfolio: many symbols, one account, by the same steps as the grid's account in one symbol (see kernel).

What many symbols add is an order among them. At the open what is sold comes before what is bought, each in the order
of the symbols, so that sales pay for purchases; a purchase that the cash does not reach for is cut. A symbol without
a bar keeps its last price, and its order expires.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from models.backtest.account import (
    PAID_OUT,
    Account,
    carry_cash,
    carry_shares,
    fill,
    goal_of,
    judged,
    levels,
    protect,
    watch,
)
from models.backtest.book import (
    ACTED,
    DELISTING,
    ENDED,
    FIELDS,
    GOAL,
    ORDER,
    PRICE,
    REASON,
    SHARES,
    STOP,
    TRADE,
    WAITS,
    WANTED,
    WISH,
    note,
    put,
    still_held,
    take,
    total,
)  # fmt: skip
from models.backtest.kernel import CLOSE, DIVIDEND, GAP, HIGH, LEFT, LOW, OPEN, SPLIT, VOLATILITY, VOLUME
from models.backtest.rules import Rules
from models.compiled import njit

Series = NDArray[np.float64]
Matrix = NDArray[np.float64]
Index = NDArray[np.int64]
Flags = NDArray[np.bool_]


@njit(cache=True, nogil=True, error_model="numpy")
def run_portfolio(
    bars: Matrix, rows: Index, first: int, last: int, targets: Matrix, bands: Matrix, trail: Series,
    decide: Flags, rules: Rules, equity: Series, cash: Series,
) -> tuple[Account, int, Matrix]:  # fmt: skip
    """Trade targets through sessions first..last, both included; the account starts flat, with cash only.

    Args:
        bars: [R, 9] all symbols below each other, see kernel.
        rows: [T, N] row of each symbol's bar of each session, -1 without one.
        first: index of the first session: the first decision is taken at its close.
        last: index of the last one; what is held then is valued at its close.
        targets: [T, N] wanted weight of equity at each close, NaN is 0; with buys_amounts USD to buy more.
        bands: [T, N] by how much a weight held may be off, in place of rules.band; NaN everywhere without one.
        trail: [R] distance of a trailing stop, USD per share; NaN for none.
        decide: [T] True at closes that bring all holdings to their targets (but those their band leaves alone).
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
    scheduled, lost = bool(decide[first : last + 1].any()), False
    for t in range(first, last + 1):
        if t > first:
            log, count, value = _carry_all(bars, rows, t, rules, book, state, log, count)
            log, count = _trade_open(bars, rows, t, loan * value, value, rules, book, state, log, count)
            if not rules.stops_at_close:
                log, count = _protect_all(bars, rows, t, rules, book, state, log, count)
        holds, value = False, 0.0
        for n in range(symbols):
            if book[n, SHARES] == 0.0:
                continue
            row = rows[t, n]
            if row >= 0:
                a = take(book, n)
                state[n, PRICE] = bars[row, CLOSE]
                if bars[row, GAP] >= LEFT:
                    a = fill(a, -a.shares, bars[row, CLOSE], False, 0.0, 0.0, 0.0, PAID_OUT)
                    log, count = note(log, count, n, t, a, book, state, bars[row, CLOSE], DELISTING)
                else:
                    a = watch(a, bars[row, HIGH], bars[row, LOW], trail[row])
                    holds = True
                put(book, n, a)
            else:
                holds = True
            value += book[n, SHARES] * state[n, PRICE]
        value += book[symbols, 0]
        equity[t - first], cash[t - first] = value, book[symbols, 0]
        held += holds
        lost = lost or value <= 0.0
        if lost:
            _end_all(rows[t], book, state)
            loan = 0.0
            continue
        loan = _decide(rows[t], targets[t], bands[t], value, scheduled, bool(decide[t]), rules, book, state)
    for n in range(symbols):
        if book[n, SHARES] != 0.0:
            log, count = still_held(log, count, n, book, state)
    return total(book), held, log[:count]


@njit(cache=True, nogil=True, error_model="numpy")
def _carry_all(
    bars: Matrix, rows: Index, t: int, rules: Rules, book: Matrix, state: Matrix, log: Matrix, count: int
) -> tuple[Matrix, int, float]:  # fmt: skip
    """The night before; also return what the account is worth at the open, not below 0."""
    symbols = rows.shape[1]
    put(book, symbols, carry_cash(take(book, symbols), rules))
    worth = 0.0
    for n in range(symbols):
        if book[n, SHARES] == 0.0:
            continue
        row, price = rows[t, n], state[n, PRICE]
        if row >= 0:
            price = bars[row, OPEN]
            a = carry_shares(
                take(book, n), state[n, PRICE], price, bars[row, SPLIT], bars[row, DIVIDEND], rules
            )
            log, count = note(log, count, n, t, a, book, state, price, ORDER)
            put(book, n, a)
        worth += book[n, SHARES] * price
    return log, count, max(book[symbols, 0] + worth, 0.0)


@njit(cache=True, nogil=True, error_model="numpy")
def _trade_open(
    bars: Matrix, rows: Index, t: int, loan: float, value: float, rules: Rules, book: Matrix, state: Matrix,
    log: Matrix, count: int,
) -> tuple[Matrix, int]:  # fmt: skip
    """Fill the orders of the close before: what is sold, then what is bought with the cash and the loan, USD."""
    for buys in (False, True):
        for n in range(rows.shape[1]):
            if state[n, WAITS] == 0.0:
                continue
            row = rows[t, n]
            if row < 0 or bars[row, GAP] % LEFT != 0.0:
                state[n, WAITS], state[n, REASON] = 0.0, -1.0 - state[n, REASON]
                continue
            price, volume, sigma = bars[row, OPEN], bars[row, VOLUME], bars[row, VOLATILITY]
            a = take(book, n)
            if not buys:
                goal = goal_of(a.shares, state[n, WANTED], value, price, rules)
                state[n, WISH] = goal
                if a.shares * goal < 0.0:
                    a = fill(a, -a.shares, price, True, 0.0, volume, sigma, rules)
                    log, count = note(log, count, n, t, a, book, state, math.nan, int(state[n, REASON]))
                    put(book, n, a)
            change = state[n, WISH] - a.shares
            if (change > 0.0) == buys:
                a = fill(a, change, price, True, loan, volume, sigma, rules)
                log, count = note(log, count, n, t, a, book, state, math.nan, int(state[n, REASON]))
                put(book, n, a)
                state[n, ACTED], state[n, WAITS] = state[n, WANTED], 0.0
    return log, count


@njit(cache=True, nogil=True, error_model="numpy")
def _protect_all(
    bars: Matrix, rows: Index, t: int, rules: Rules, book: Matrix, state: Matrix, log: Matrix, count: int
) -> tuple[Matrix, int]:  # fmt: skip
    """Stops and targets that rest inside the bar."""
    for n in range(rows.shape[1]):
        row = rows[t, n]
        if book[n, SHARES] != 0.0 and row >= 0:
            a = take(book, n)
            stop, _, side = levels(a, rules)
            worst = bars[row, LOW] if side > 0.0 else bars[row, HIGH]
            a, ended = protect(
                a, bars[row, OPEN], bars[row, HIGH], bars[row, LOW], bars[row, VOLUME], bars[row, VOLATILITY],
                rules,
            )  # fmt: skip
            if ended != 0.0:
                state[n, ENDED] = ended
                reason = STOP if side * worst <= side * stop else GOAL
                log, count = note(log, count, n, t, a, book, state, math.nan, reason)
                put(book, n, a)
    return log, count


@njit(cache=True, nogil=True, error_model="numpy")
def _decide(
    rows: Index, targets: Series, bands: Series, value: float, scheduled: bool, today: bool, rules: Rules,
    book: Matrix, state: Matrix,
) -> float:  # fmt: skip
    """Take the orders of this close; return what may be owed for them, a fraction of the account's value."""
    net = 0.0
    for n in range(len(rows)):
        wanted = 0.0 if math.isnan(targets[n]) else targets[n]
        net += wanted
        if rows[n] < 0:  # nothing is known of it today
            continue
        before = state[n, REASON]
        late = before < 0.0
        shares, price = book[n, SHARES], state[n, PRICE]
        state[n, REASON], state[n, WAITS] = ORDER, 0.0
        if rules.buys_amounts:
            state[n, WANTED], state[n, WAITS] = wanted, 1.0 if wanted != 0.0 else 0.0
            continue
        if state[n, ENDED] * wanted > 0.0:  # not again before the target has turned
            if book[n, SHARES] != 0.0:  # there was no bar to leave at
                state[n, WANTED], state[n, WAITS], state[n, REASON] = 0.0, 1.0, -1.0 - before if late else before
            continue
        if state[n, ENDED] != 0.0:
            state[n, ENDED] = state[n, ACTED] = 0.0
        a = take(book, n)
        side = judged(a, price, rules)
        if side * wanted > 0.0:
            state[n, ENDED], state[n, WANTED], state[n, WAITS] = side, 0.0, 1.0
            state[n, REASON] = STOP if side * price <= side * levels(a, rules)[0] else GOAL
            continue
        if scheduled and not (today or late):
            continue
        if scheduled or not math.isnan(bands[n]):
            weight = shares * price / value if value > 0.0 and shares != 0.0 else 0.0
            band = 0.0 if math.isnan(bands[n]) else bands[n]
            waits = abs(weight - wanted) > band or (wanted == 0.0) != (weight == 0.0)
        else:
            waits = wanted != state[n, ACTED]
        state[n, WANTED], state[n, WAITS] = wanted, 1.0 if waits else 0.0
    return 0.0 if rules.buys_amounts else max(abs(net) - 1.0, 0.0)


@njit(cache=True, nogil=True, error_model="numpy")
def _end_all(rows: Index, book: Matrix, state: Matrix) -> None:
    """Take the orders of an account that has lost all: whatever has a bar is closed at the next open."""
    for n in range(len(rows)):
        if rows[n] >= 0:
            state[n, WANTED], state[n, REASON] = 0.0, ORDER
            state[n, WAITS] = 1.0 if book[n, SHARES] != 0.0 else 0.0
