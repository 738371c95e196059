"""Cross-row checks: bars that look wrong beside their neighbours. Flagged for people; none is refused.

Each finding says from which session on it could be known (``seen_on``): a move and a split without its fall
are seen at the session itself, a spike that reverts only at the next bar. So what a session's warnings say
never rests on a later bar, and a run over one session finds what a run over all of history finds for it.

Severity ``defect``: the bar contradicts the bars around it, and no true market explains it. ``suspect``: it
happens in truth as well (crashes, takeovers, halts, thin trading), so it is for a person to judge.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from data_layer.quality.neighbours import Bools, Floats, Neighbours, neighbours
from data_layer.quality.thresholds import CrossChecks

COLUMNS = ("symbol", "session_date", "check_name", "severity", "seen_on", "detail")
# How many bars before a session the checks look at: five for a split recorded on a wrong day, and one before.
LOOKBACK = 6
NEARBY = LOOKBACK - 1
PRICES = ("open", "high", "low", "close")
Rows = npt.NDArray[np.int64]


def cross_checks(
    bars: pd.DataFrame, actions: pd.DataFrame, limits: CrossChecks, since: dt.date | None = None
) -> pd.DataFrame:
    """Return what is odd about bars beside their neighbours.

    Args:
        bars: see neighbours; each symbol's bars from ``since`` on and LOOKBACK before them.
        actions: see neighbours.
        limits: the thresholds.
        since: only what was seen at this session or later; None for all.

    Returns:
        COLUMNS, by symbol, session and check; detail is a dict of rounded numbers and texts.
    """
    near = neighbours(bars, actions)
    found: list[tuple[Any, ...]] = []
    with np.errstate(divide="ignore", invalid="ignore"):
        for name, check in CHECKS.items():
            rows, severity, seen, detail = check(near, limits)
            found += [
                (near.symbol(r), near.day(r), name, severity(r), near.day(r + seen), detail(r))
                for r in rows.tolist()
                if since is None or near.day(r + seen) >= since
            ]
    result = pd.DataFrame(found, columns=list(COLUMNS))
    return result.sort_values(["symbol", "session_date", "check_name"], ignore_index=True)


# What a check returns: rows, severity of a row, how many bars later it is seen (0 or 1), detail of a row.
Found = tuple[Rows, Callable[[int], str], int, Callable[[int], dict[str, Any]]]


def _moves(near: Neighbours) -> tuple[Floats, Floats]:
    """Return how far open and close lie from the close to expect, as factors."""
    return near.column("open") / near.expected, near.column("close") / near.expected


def _jump(near: Neighbours, limits: CrossChecks) -> Found:
    _, move = _moves(near)
    rows = np.flatnonzero(np.abs(move - 1) > limits.jump)
    return rows, _suspect, 0, lambda r: _facts(near, r, move=move[r] - 1)


def _spike(near: Neighbours, limits: CrossChecks) -> Found:
    _, move = _moves(near)
    back = near.price_after("close") / near.expected
    reverts = (np.abs(move - 1) > limits.jump) & (np.abs(back - 1) <= limits.spike_return)
    high, low = near.column("high"), near.column("low")
    above = low / np.fmax(near.price_before("high"), near.price_after("high")) - 1
    below = 1 - high / np.fmin(near.price_before("low"), near.price_after("low"))
    # Both neighbours must be there: fmax would take the one that is.
    complete = ~np.isnan(back)
    apart = np.where(complete, np.fmax(above, below), 0.0)
    isolated = apart > limits.isolation
    rows = np.flatnonzero(reverts | isolated)

    def detail(r: int) -> dict[str, Any]:
        facts = _facts(near, r, move=move[r] - 1, after_next=back[r] - 1)
        return {**facts, "apart_from_both": _rounded(max(apart[r], 0.0))}

    return rows, lambda r: "defect" if isolated[r] else "suspect", 1, detail


def _split_shape(near: Neighbours, limits: CrossChecks) -> tuple[Floats, Bools]:
    """Return the nearest split ratio of each move, and whether open and close both lie near it."""
    opened, closed = _moves(near)
    forward = np.array(limits.split_ratios)
    ratios = np.concatenate([forward, 1 / forward[forward >= 2]])  # a 2:3 consolidation is not done
    rows = np.flatnonzero(np.abs(np.log(closed)) > np.log(ratios[ratios > 1].min()) - limits.split_tolerance)
    ratio, shaped = np.full(len(closed), np.nan), np.zeros(len(closed), dtype=np.bool_)
    apart = np.abs(np.log(closed[rows])[:, None] + np.log(ratios)[None, :])
    nearest = ratios[apart.argmin(axis=1)] if len(rows) else np.empty(0)
    ratio[rows] = nearest
    shaped[rows] = (apart.min(axis=1, initial=np.inf) <= limits.split_tolerance) & (
        np.abs(np.log(opened[rows] * nearest)) <= limits.split_tolerance
    )
    return ratio, shaped


def _unrecorded_split(near: Neighbours, limits: CrossChecks) -> Found:
    ratio, shaped = _split_shape(near, limits)
    _, move = _moves(near)
    rows = np.flatnonzero(shaped & (near.split == 1.0))

    def detail(r: int) -> dict[str, Any]:
        facts = _facts(near, r, move=move[r] - 1, ratio=ratio[r])
        for at in range(r - 1, max(r - 1 - NEARBY, -1), -1):
            if not near.same[at + 1]:
                break
            if abs(np.log(near.split[at] / ratio[r])) <= limits.split_tolerance:
                return {**facts, "recorded_on": str(near.day(at))}
        return facts

    return rows, _suspect, 0, detail


def _action_without_jump(near: Neighbours, limits: CrossChecks) -> Found:
    """A split or a large payment after which the price stays nearer to where it was than to where it belongs."""
    _, move = _moves(near)
    raw = near.column("close") / near.plain
    effect = near.expected / near.plain
    size = np.abs(np.log(effect))
    rows = np.flatnonzero(
        (size >= np.log1p(limits.action_effect)) & (np.abs(np.log(raw)) < np.abs(np.log(move)))
    )

    def detail(r: int) -> dict[str, Any]:
        facts = _facts(near, r, move=raw[r] - 1, effect=effect[r] - 1)
        facts |= {"split": _rounded(near.split[r]), "cash": _rounded(near.cash[r])}
        for at in range(r - 1, max(r - 1 - NEARBY, -1), -1):
            if not near.same[at]:
                break
            if abs(np.log(move[at] / effect[r])) <= limits.split_tolerance:
                return {**facts, "moved_on": str(near.day(at))}
        return facts

    # By half or more, nothing but a wrong record explains it.
    return rows, lambda r: "defect" if size[r] >= np.log(1.5) else "suspect", 0, detail


def _zero_volume(near: Neighbours, _: CrossChecks) -> Found:
    """Nothing traded, so the prices are carried forward; with a range the volume itself is wrong."""
    ranged = near.column("high") > near.column("low")
    rows = np.flatnonzero(near.column("volume") == 0)
    return rows, lambda r: "defect" if ranged[r] else "suspect", 0, lambda r: _facts(near, r)


def _stale_repeat(near: Neighbours, _: CrossChecks) -> Found:
    """The bar before once more; with shares traded two equal bars are a copy, without it is no trading."""
    same = near.same & (near.split == 1.0)
    for name in (*PRICES, "volume"):
        same &= near.column(name) == near.before(near.column(name))
    traded = near.column("volume") > 0
    return np.flatnonzero(same), lambda r: "defect" if traded[r] else "suspect", 0, lambda r: _facts(near, r)


def _far_extreme(near: Neighbours, limits: CrossChecks) -> Found:
    """A high or low far from open, close and the close to expect: a bad print, or a flash crash."""
    ends = [near.column("open"), near.column("close"), near.expected]
    high, low = near.column("high"), near.column("low")
    above = high / np.maximum.reduce(ends) - 1
    below = 1 - low / np.minimum.reduce(ends)
    rows = np.flatnonzero(np.fmax(above, below) > limits.far_extreme)
    return rows, _suspect, 0, lambda r: _facts(near, r, high=high[r], low=low[r])


CHECKS: dict[str, Callable[[Neighbours, CrossChecks], Found]] = {
    "action_without_jump": _action_without_jump,
    "far_extreme": _far_extreme,
    "jump": _jump,
    "spike": _spike,
    "stale_repeat": _stale_repeat,
    "unrecorded_split": _unrecorded_split,
    "zero_volume": _zero_volume,
}


def _suspect(_: int) -> str:
    return "suspect"


def _facts(near: Neighbours, row: int, **more: float) -> dict[str, Any]:
    facts = {"close": near.frame["close"].iat[row], "expected": near.expected[row], **more}
    return {name: _rounded(value) for name, value in facts.items() if not np.isnan(value)}


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")
