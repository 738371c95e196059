"""What rules with memory share: states that last until a level, and decisions that stand for a period."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.compiled import njit
from models.panel import Dates, Matrix

Blocks = NDArray[np.int64]  # [T] ascending; sessions with the same number belong together
Cells = NDArray[np.bool_]  # [T, N]
MONDAY = np.datetime64("1970-01-05")


def months(sessions: Dates) -> Blocks:
    """Return the calendar month of each session."""
    return sessions.astype("datetime64[M]").astype(np.int64)


def weekday_blocks(sessions: Dates, length: int) -> Blocks:
    """Return the block of each session, a block being so many weekdays, counted from a fixed Monday.

    Counting weekdays, holidays included, makes the dates hang on the calendar alone: neither on where the
    held history starts nor on a list of holidays.
    """
    return np.busday_count(MONDAY, sessions) // length


@njit(cache=True)
def firsts(known: Cells, blocks: Blocks) -> Cells:
    """Return where each symbol decides: at the first session of a block for which it is known.

    The block of the first row is left out: where it began lies before the panel, so a decision there would
    depend on where history starts.
    """
    decides = np.zeros(known.shape, dtype=np.bool_)
    if len(blocks) == 0:
        return decides
    done = np.full(known.shape[1], blocks[0])
    for t in range(len(blocks)):
        for n in range(known.shape[1]):
            if known[t, n] and done[n] != blocks[t]:
                decides[t, n] = True
                done[n] = blocks[t]
    return decides


@njit(cache=True)
def held(values: Matrix, decides: Cells) -> Matrix:
    """Return each symbol's value of its last decision; NaN before the first."""
    out = np.empty(values.shape)
    last = np.full(values.shape[1], np.nan)
    for t in range(values.shape[0]):
        for n in range(values.shape[1]):
            if decides[t, n]:
                last[n] = values[t, n]
            out[t, n] = last[n]
    return out


@njit(cache=True)
def reversion(values: Matrix, low: float, high: float, leave_long: float, leave_short: float) -> Matrix:
    """Return +1 from below low until at least leave_long, -1 from above high until at most leave_short, else 0.

    A NaN leaves the state as it was and is NaN itself. A value beyond the other side's level turns the state
    at once.
    """
    out = np.empty(values.shape)
    state = np.zeros(values.shape[1])
    for t in range(values.shape[0]):
        for n in range(values.shape[1]):
            value = values[t, n]
            if np.isnan(value):
                out[t, n] = np.nan
                continue
            if value < low:
                state[n] = 1.0
            elif value > high:
                state[n] = -1.0
            elif (state[n] > 0.0 and value >= leave_long) or (state[n] < 0.0 and value <= leave_short):
                state[n] = 0.0
            out[t, n] = state[n]
    return out
