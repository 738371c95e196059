"""Which kind of market each session was in, told from what was known at its close.

The rule, in this order:

1. ``high_volatility``: the index's deviation over the last month lies above nine tenths of all such
   deviations before it (a year of them at least).
2. ``bull`` or ``bear``: over the last half year the index gained, or lost, 5 % or more.
3. ``sideways``: neither.

A change counts once it has stood for a week, so that a label does not flicker. Before there is half a year
of index there is no label.
"""

from __future__ import annotations

import bisect
import math

import numpy as np
from numpy.typing import NDArray

from models.errors import ConfigError

Series = NDArray[np.float64]
Labels = NDArray[np.int8]

REGIMES = ("bull", "bear", "sideways", "high_volatility")
NONE = -1
BULL, BEAR, SIDEWAYS, HIGH_VOLATILITY = range(4)

TREND_SESSIONS = 126  # half a year: shorter calls every correction a bear market, longer misses 2020
TREND_RETURN = 0.05  # about the equity premium of the span: less is no direction
VOLATILITY_SESSIONS = 21  # a month
VOLATILITY_QUANTILE = 0.9  # turbulent by the market's own standard, whatever its level
VOLATILITY_HISTORY = 252  # a year of them before any is called high
CONFIRMATION = 5  # sessions
SHORTEST = 42  # sessions of a stretch worth testing in: two months


def label_regimes(returns: Series) -> Labels:
    """Return each session's regime as an index into REGIMES, NONE before there is one.

    Args:
        returns: [T] the index's simple returns from the close before; NaN (the first, no bar) counts as 0.

    Returns:
        [T]; entry t depends on returns up to t only.

    Raises:
        ConfigError: for a return at or below -1: no index falls to nothing.
    """
    moved = np.nan_to_num(returns, nan=0.0)
    if np.any(moved <= -1.0):
        raise ConfigError("not an index's return", stage="regimes", key="return", value=float(moved.min()),
                          remedy="give simple returns as fractions")  # fmt: skip
    steps = np.log1p(moved)
    trend = np.expm1(_rolling_sum(steps, TREND_SESSIONS))
    raw = np.full(len(steps), SIDEWAYS, np.int8)
    raw[trend >= TREND_RETURN] = BULL
    raw[trend <= -TREND_RETURN] = BEAR
    raw[_is_turbulent(steps)] = HIGH_VOLATILITY
    raw[: TREND_SESSIONS - 1] = NONE
    return _confirmed(raw)


def spans(labels: Labels, regime: int) -> list[tuple[int, int]]:
    """Return first and last session of every unbroken stretch of a regime, ascending."""
    inside = np.concatenate([[False], labels == regime, [False]])
    edges = np.flatnonzero(inside[1:] != inside[:-1])
    return [(int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def longest_span(labels: Labels, regime: int) -> tuple[int, int] | None:
    """Return the longest stretch of a regime, the later of two as long; None below SHORTEST sessions."""
    found = spans(labels, regime)
    first, last = max(found, key=lambda span: (span[1] - span[0], span[1]), default=(0, -1))
    return (first, last) if last - first + 1 >= SHORTEST else None


def prevailing(labels: Labels, first: int, last: int) -> str | None:
    """Return the regime that most sessions of a window were in, None where none has a label."""
    inside = labels[first : last + 1]
    counts = np.bincount(inside[inside >= 0], minlength=len(REGIMES))
    return REGIMES[int(counts.argmax())] if counts.any() else None


def _rolling_sum(values: Series, length: int) -> Series:
    """Sum of the last so many values; NaN before there are enough."""
    out = np.full(len(values), np.nan)
    if len(values) >= length:
        out[length - 1 :] = np.lib.stride_tricks.sliding_window_view(values, length).sum(axis=1)
    return out


def _is_turbulent(steps: Series) -> NDArray[np.bool_]:
    """Whether each month's deviation exceeds the quantile of those before it."""
    out = np.zeros(len(steps), np.bool_)
    if len(steps) < VOLATILITY_SESSIONS:
        return out
    deviations = np.lib.stride_tricks.sliding_window_view(steps, VOLATILITY_SESSIONS).std(axis=1)
    before: list[float] = []
    for t, value in enumerate(deviations.tolist(), start=VOLATILITY_SESSIONS - 1):
        if len(before) >= VOLATILITY_HISTORY:
            out[t] = value > before[math.ceil(VOLATILITY_QUANTILE * len(before)) - 1]
        bisect.insort(before, value)
    return out


def _confirmed(raw: Labels) -> Labels:
    """Let a label change once the new one has stood for CONFIRMATION sessions."""
    out = raw.copy()
    current, stood = NONE, 0
    for t, label in enumerate(raw.tolist()):
        stood = stood + 1 if t and label == raw[t - 1] else 1
        if current == NONE or stood >= CONFIRMATION:
            current = label
        out[t] = current
    return out
