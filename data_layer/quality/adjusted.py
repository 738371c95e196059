"""Adjusted closes rebuilt from raw closes and actions, against a vendor's own: a check of the actions."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from data_layer.features.adjustment import forward_factors
from data_layer.quality.neighbours import Neighbours, neighbours

COLUMNS = ("symbol", "worst", "within", "first_date", "cause_date", "cause")
NEARBY = 5  # sessions around a step in which the price's move, or the recorded action, is looked for
NEAR = 0.05  # log distance at which two ratios are the same event with an ordinary day's move on top

SAME = 0.005  # two ratios given to four digits are the same


def compare_adjusted(
    bars: pd.DataFrame,
    actions: pd.DataFrame,
    vendor: pd.DataFrame,
    quarantined: Collection[tuple[str, str]],
    tolerance: float,
) -> pd.DataFrame:
    """Rebuild adjusted closes and say where and why a vendor's differ.

    Both series start from the last close they share and go backwards, as a vendor's do; ours divides by the
    factors of forward_factors (CRSP's). A symbol agrees when no session differs by more than the tolerance.

    Args:
        bars: symbol, date, open, high, low, close, volume (raw).
        actions: symbol, ex_date, action_type, value, as accepted.
        vendor: symbol, date, adjusted_close (USD, above 0).
        quarantined: symbol and ISO date of the actions that were refused.
        tolerance: fraction.

    Returns:
        One row per symbol: worst (largest difference, fraction), within, and for one that differs the first
        date, going backwards, from which on it does, the date of the largest single step and its likely cause.
    """
    near = neighbours(bars, actions)
    known = actions[actions["symbol"].isin(near.frame["symbol"].unique())]
    factor = forward_factors(near.frame, known)["return_factor"].to_numpy(np.float64)
    close = near.column("close")
    theirs = near.frame[["symbol", "date"]].merge(vendor, "left", ["symbol", "date"])["adjusted_close"]
    adjusted = theirs.to_numpy(np.float64)
    ours_step = factor / near.before(factor)
    theirs_step = (adjusted / close) / near.before(adjusted / close)
    ratio = pd.Series(np.log(adjusted / (close * factor)))
    symbol = near.frame["symbol"]
    apart = pd.Series(np.expm1(ratio - ratio.groupby(symbol).transform("last"))).abs()
    steps = pd.Series(np.abs(np.log(theirs_step / ours_step))).fillna(0.0)
    found: list[tuple[object, float, bool, str | None, str | None, str]] = []
    for name, rows in apart.groupby(symbol).indices.items():
        worst = float(apart.iloc[rows].max())
        if worst <= tolerance:
            found.append((name, worst, True, None, None, ""))
            continue
        # The step into the newest session that differs lies between it and the next one, which agrees.
        breaks = rows[np.flatnonzero(apart.iloc[rows] > tolerance)[-1]] + 1
        at = rows[int(steps.iloc[rows].argmax())]
        small = float(steps.iloc[at]) < tolerance / 2
        cause = "many small differences add up" if small else _cause(
            near, at, float(ours_step[at]), float(theirs_step[at]), quarantined
        )  # fmt: skip
        found.append((name, worst, False, str(near.day(breaks)), str(near.day(at)), cause))
    return pd.DataFrame(found, columns=list(COLUMNS)).sort_values("symbol", ignore_index=True)


def _cause(
    near: Neighbours, at: int, ours: float, theirs: float, quarantined: Collection[tuple[str, str]]
) -> str:
    split, cash, before = near.split[at], near.cash[at], near.plain[at]
    close = near.column("close")[at]
    if (near.symbol(at), str(near.day(at))) in quarantined:
        return f"the action recorded on this day is in quarantine; the vendor counts a factor of {theirs:.4g}"
    if not cash:
        if split == 1:
            return _unrecorded(near, at, theirs)
        return f"a split of {split:.4g}, which the vendor counts as {theirs:.4g}"
    paid = f"{cash:.4g} paid on a close of {before:.4g}"
    # Some vendors divide a payment by the ex-date's close; after a large one, or a price that does not fall by
    # it, that is another factor than CRSP's, which divides by the close before.
    left = theirs / (split * (1 + cash / close))
    if abs(left - 1) < SAME:
        fell = f", and the price went from {before / split:.4g} to {close:.4g}"
        return (
            f"{paid}{fell}: the vendor divides it by the close after, a factor of {theirs:.4g} for {ours:.4g}"
        )
    if split == 1 and min(abs(left - r) for r in (0.5, 1 / 3, 0.25, 0.2, 0.1, 2, 3, 4, 5)) < SAME:
        return f"{paid}: a split of {left:.4g} of the same day is not recorded"
    return f"{paid}: the vendor counts a factor of {theirs:.4g} for {ours:.4g}"


def _unrecorded(near: Neighbours, at: int, theirs: float) -> str:
    last = min(at + NEARBY + 1, len(near.frame))
    for later in range(at, last):
        if later > at and not near.same[later]:
            break
        if abs(np.log(near.split[later] / theirs)) <= NEAR:
            day = near.day(later)
            return f"the vendor applies the split recorded on {day} {later - at} session(s) too early"
        move = near.column("close")[later] / near.plain[later]
        if abs(np.log(move * theirs)) <= NEAR and near.split[later] == 1:
            return f"a split of {theirs:.4g} is not recorded; the price moves on {near.day(later)}"
    return f"no action is recorded; the vendor counts a factor of {theirs:.4g}"
