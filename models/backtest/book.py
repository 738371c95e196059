"""The portfolio's books: an account per symbol with one cash, what waits to be done, and the trades that ended."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from models.backtest.account import Account
from models.compiled import njit

Matrix = NDArray[np.float64]

FIELDS = len(Account._fields)
SHARES = Account._fields.index("shares")
# A trade, from flat to flat: days are indices of sessions; exit_day, exit and reason are NaN while it is held.
TRADE = ("symbol", "side", "entry_day", "exit_day", "shares", "entry", "exit", "profit", "spent", "reason")
ORDER, STOP, GOAL, DELISTING = range(4)  # reasons
# Columns of the state: last close held; goal in shares; whether an order waits; its weight; the weight last traded
# to; the side a stop or target has ended; reason of the order, -1 when the last one expired; session of the entry.
PRICE, WISH, WAITS, WANTED, ACTED, ENDED, REASON, ENTERED = range(8)


@njit(cache=True, nogil=True, error_model="numpy")
def note(
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
def still_held(log: Matrix, count: int, n: int, book: Matrix, state: Matrix) -> tuple[Matrix, int]:
    """Add a trade that is not at its end, valued at the last close."""
    a = take(book, n)
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
def take(book: Matrix, n: int) -> Account:
    """Return a symbol's account, with the cash of all."""
    b = book[n]
    return Account(
        book[len(book) - 1, 0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
        b[14], b[15],
    )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def put(book: Matrix, n: int, a: Account) -> None:
    """Write a symbol's account, and the cash of all, into the book."""
    for i in range(1, FIELDS):
        book[n, i] = a[i]
    book[len(book) - 1, 0] = a.cash


@njit(cache=True, nogil=True, error_model="numpy")
def total(book: Matrix) -> Account:
    """Return what all accounts did together; shares is how many hold any."""
    s = book.sum(axis=0)
    positions = 0.0
    for n in range(len(book) - 1):
        positions += book[n, SHARES] != 0.0
    return Account(
        book[len(book) - 1, 0], positions, 0.0, 0.0, 0.0, 0.0, math.nan, s[7], s[8], s[9], s[10], s[11], s[12], s[13],
        s[14], s[15],
    )  # fmt: skip
