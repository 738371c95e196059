"""Stops and targets of a position, as plain numbers: the kernel asks for them at every bar."""

from __future__ import annotations

import math

from models.backtest.rules import Rules
from models.compiled import njit


@njit(cache=True, nogil=True, error_model="numpy")
def levels_of(shares: float, entry: float, trailing: float, rules: Rules) -> tuple[float, float, float]:
    """Return the prices of the stop and of the target of a position, NaN without one, and its side."""
    side = 1.0 if shares > 0.0 else -1.0
    stop = entry * (1.0 - side * rules.stop_loss)
    if not math.isnan(trailing) and not side * stop > side * trailing:
        stop = trailing
    return stop, entry * (1.0 + side * rules.take_profit), side


@njit(cache=True, nogil=True, error_model="numpy")
def is_reached(side: float, stop: float, goal: float, high: float, low: float) -> bool:
    """Return whether prices from low to high touch the stop or the target of a position of that side."""
    worst, finest = (low, high) if side > 0.0 else (high, low)
    return side * worst <= side * stop or side * finest >= side * goal


@njit(cache=True, nogil=True, error_model="numpy")
def trail_on(
    shares: float, best: float, trailing: float, high: float, low: float, distance: float
) -> tuple[float, float]:
    """Return the best price of a position after a bar, and its trailing stop, which never gives way."""
    if shares > 0.0:
        best = max(best, high)
        if not math.isnan(distance) and not trailing >= best - distance:
            trailing = best - distance
    else:
        best = min(best, low)
        if not math.isnan(distance) and not trailing <= best + distance:
            trailing = best + distance
    return best, trailing
