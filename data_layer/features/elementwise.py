"""Formulas of single values, compiled to go over whole arrays in one pass instead of one for each operator.

IEEE's operators in the order written. A pass over a group's array costs about as much as a division, so a formula of
four operators takes a third of numpy's time. (Loops and not numba's ufuncs, of which each takes 50 ms to load.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from data_layer.features.kernels import kernel
from data_layer.features.layout import FloatArray


def over(operation: Callable[..., object], *values: Any) -> FloatArray:
    """The operation on arrays of one shape, the first an array, or on arrays and numbers."""
    out: FloatArray = np.empty_like(values[0])
    operation(*map(_flat, values), out.reshape(-1))
    return out


def lagged(operation: Callable[..., object], *now: FloatArray, before: FloatArray, rows: int) -> FloatArray:
    """The operation on values now and the symbol's value `rows` rows before; NaN on its first `rows` rows."""
    out = np.empty_like(before)
    out[:rows] = np.nan
    past = before[: max(len(before) - rows, 0)]  # perhaps none: then the operation is compiled all the same
    operation(*(_flat(values[rows:]) for values in now), _flat(past), out[rows:].reshape(-1))
    return out


def _flat(values: Any) -> Any:
    return values.reshape(-1) if isinstance(values, np.ndarray) else values


@kernel
def share_of_sum(one: FloatArray, two: FloatArray, out: FloatArray) -> None:
    """One of two amounts in percent of both."""
    for i in range(len(out)):
        out[i] = 100.0 * (one[i] / (one[i] + two[i]))


@kernel
def balance(one: FloatArray, two: FloatArray, out: FloatArray) -> None:
    """One amount less the other in percent of both."""
    for i in range(len(out)):
        out[i] = 100.0 * ((one[i] - two[i]) / (one[i] + two[i]))


@kernel
def imbalance(one: FloatArray, two: FloatArray, out: FloatArray) -> None:
    """How far two amounts are apart, in percent of both."""
    for i in range(len(out)):
        out[i] = 100.0 * (abs(one[i] - two[i]) / (one[i] + two[i]))


@kernel
def place_between(value: FloatArray, floor: FloatArray, top: FloatArray, out: FloatArray) -> None:
    """Where a value lies between two others, 0 to 100."""
    for i in range(len(out)):
        out[i] = 100.0 * ((value[i] - floor[i]) / (top[i] - floor[i]))


@kernel
def depth_between(value: FloatArray, floor: FloatArray, top: FloatArray, out: FloatArray) -> None:
    """How far below the top a value lies, 0 to -100 at the floor."""
    for i in range(len(out)):
        out[i] = -100.0 * ((top[i] - value[i]) / (top[i] - floor[i]))


@kernel
def range_since(high: FloatArray, low: FloatArray, before: FloatArray, out: FloatArray) -> None:
    """Range of a session and the close before it; NaN where one of them is."""
    for i in range(len(out)):
        top = before[i] if before[i] > high[i] else high[i] + before[i] * 0.0
        bottom = before[i] if before[i] < low[i] else low[i] + before[i] * 0.0
        out[i] = top - bottom


@kernel
def distance(one: FloatArray, two: FloatArray, out: FloatArray) -> None:
    """Absolute difference."""
    for i in range(len(out)):
        out[i] = abs(one[i] - two[i])


@kernel
def excess(value: FloatArray, base: FloatArray, out: FloatArray) -> None:
    """How far a value lies above another, as a fraction of that."""
    for i in range(len(out)):
        out[i] = value[i] / base[i] - 1.0


@kernel
def gain(value: FloatArray, base: FloatArray, out: FloatArray) -> None:
    """Difference as a fraction of the base; without the rounding of a ratio near 1."""
    for i in range(len(out)):
        out[i] = (value[i] - base[i]) / base[i]


@kernel
def percent_excess(value: FloatArray, base: FloatArray, out: FloatArray) -> None:
    """How far a value lies above another, in percent of that."""
    for i in range(len(out)):
        out[i] = (value[i] / base[i] - 1.0) * 100.0


@kernel
def percent_of(part: FloatArray, whole: FloatArray, out: FloatArray) -> None:
    """Percentage."""
    for i in range(len(out)):
        out[i] = 100.0 * part[i] / whole[i]


@kernel
def middle(one: FloatArray, two: FloatArray, out: FloatArray) -> None:
    """Mean of two."""
    for i in range(len(out)):
        out[i] = (one[i] + two[i]) / 2.0


@kernel
def mean_of_three(one: FloatArray, two: FloatArray, three: FloatArray, out: FloatArray) -> None:
    """Mean of three."""
    for i in range(len(out)):
        out[i] = (one[i] + two[i] + three[i]) / 3.0


@kernel
def double_less(one: FloatArray, two: FloatArray, out: FloatArray) -> None:
    """Twice the one less the other."""
    for i in range(len(out)):
        out[i] = 2.0 * one[i] - two[i]


@kernel
def triple_less(one: FloatArray, two: FloatArray, three: FloatArray, out: FloatArray) -> None:
    """Three times the one less three times the next plus the third."""
    for i in range(len(out)):
        out[i] = 3.0 * one[i] - 3.0 * two[i] + three[i]


@kernel
def while_known(value: FloatArray, other: FloatArray, out: FloatArray) -> None:
    """The value where the other is a number, else NaN."""
    for i in range(len(out)):
        out[i] = value[i] + other[i] * 0.0


@kernel
def freshness(age: FloatArray, window: float, out: FloatArray) -> None:
    """100 for an age of 0, 0 for one of a whole window."""
    for i in range(len(out)):
        out[i] = 100.0 * (1.0 - age[i] / window)
