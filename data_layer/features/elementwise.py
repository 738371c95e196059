"""Formulas of single values, compiled to go over whole arrays in one pass instead of one for each operator.

They are numpy ufuncs: any shapes that go together, float64, IEEE's operators in the order written. A pass over a
group's array costs about as much as a division, so a formula of four operators takes a third of numpy's time.
"""

# numba has no types of its own:
# mypy: disallow-untyped-calls=False
from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numba import vectorize

from data_layer.features.layout import FloatArray

of_one = vectorize(["f8(f8)"], cache=True)
of_two = vectorize(["f8(f8, f8)"], cache=True)
of_three = vectorize(["f8(f8, f8, f8)"], cache=True)


def lagged(
    operation: Callable[..., FloatArray], *now: FloatArray, before: FloatArray, rows: int
) -> FloatArray:
    """The operation on values now and the symbol's value `rows` rows before; NaN on its first `rows` rows."""
    out = np.empty_like(before)
    out[:rows] = np.nan
    if rows < len(before):
        operation(*(values[rows:] for values in now), before[: len(before) - rows], out[rows:])
    return out


@of_two
def share_of_sum(one: float, two: float) -> float:
    """One of two amounts in percent of both."""
    return 100.0 * (one / (one + two))


@of_two
def balance(one: float, two: float) -> float:
    """One amount less the other in percent of both."""
    return 100.0 * ((one - two) / (one + two))


@of_two
def imbalance(one: float, two: float) -> float:
    """How far two amounts are apart, in percent of both."""
    return 100.0 * (abs(one - two) / (one + two))


@of_three
def place_between(value: float, floor: float, top: float) -> float:
    """Where a value lies between two others, 0 to 100."""
    return 100.0 * ((value - floor) / (top - floor))


@of_three
def depth_between(value: float, floor: float, top: float) -> float:
    """How far below the top a value lies, 0 to -100 at the floor."""
    return -100.0 * ((top - value) / (top - floor))


@of_three
def range_since(high: float, low: float, before: float) -> float:
    """Range of a session and the close before it; NaN where one of them is."""
    top = before if before > high else high + before * 0.0
    bottom = before if before < low else low + before * 0.0
    return top - bottom


@of_two
def distance(one: float, two: float) -> float:
    """Absolute difference."""
    return abs(one - two)


@of_two
def excess(value: float, base: float) -> float:
    """How far a value lies above another, as a fraction of that."""
    return value / base - 1.0


@of_two
def gain(value: float, base: float) -> float:
    """Difference as a fraction of the base; without the rounding of a ratio near 1."""
    return (value - base) / base


@of_two
def percent_excess(value: float, base: float) -> float:
    """How far a value lies above another, in percent of that."""
    return (value / base - 1.0) * 100.0


@of_two
def percent_of(part: float, whole: float) -> float:
    """Percentage."""
    return 100.0 * part / whole


@of_two
def middle(one: float, two: float) -> float:
    """Mean of two."""
    return (one + two) / 2.0


@of_three
def mean_of_three(one: float, two: float, three: float) -> float:
    """Mean of three."""
    return (one + two + three) / 3.0


@of_two
def double_less(one: float, two: float) -> float:
    """Twice the one less the other."""
    return 2.0 * one - two


@of_three
def triple_less(one: float, two: float, three: float) -> float:
    """Three times the one less three times the next plus the third."""
    return 3.0 * one - 3.0 * two + three


@of_two
def while_known(value: float, other: float) -> float:
    """The value where the other is a number, else NaN."""
    return value + other * 0.0


@of_two
def freshness(age: float, window: float) -> float:
    """100 for an age of 0, 0 for one of a whole window."""
    return 100.0 * (1.0 - age / window)
