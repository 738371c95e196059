"""Where a scenario lies in the bars held, and which rows of each symbol belong to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.backtest.regimes import REGIMES, SHORTEST, Labels, longest_span
from models.backtest.scenarios import Scenario

Dates = NDArray[np.datetime64]
Index = NDArray[np.int64]

SLACK = np.timedelta64(5, "D")  # a weekend and two holidays: a window may begin on a day without a session
FEWEST = 5  # sessions: below a week there is nothing to measure


@dataclass(frozen=True)
class Place:
    """First and last session of a scenario, both included; or, with a reason, that it is not held."""

    first: int = -1
    last: int = -1
    skipped: str = ""


def place(scenario: Scenario, sessions: Dates, labels: Labels) -> Place:
    """Find the scenario in the sessions held.

    historical: its dates, held from end to end; all of it without dates. stress: its sessions from its start
    date where they are all held, else the latest ones, and one more before them. regime: the longest stretch.

    Args:
        scenario: what to find.
        sessions: [T] ascending.
        labels: [T] their regimes.
    """
    if not len(sessions):
        return Place(skipped="no bars are held")
    if scenario.shock is not None:
        return _place_stress(scenario, sessions)
    if scenario.regime is not None:
        found = longest_span(labels, REGIMES.index(scenario.regime))
        return (
            Place(*found)
            if found
            else Place(skipped=f"no {scenario.regime} stretch of {SHORTEST} sessions is held")
        )
    if scenario.start is None or scenario.end is None:
        return _long_enough(0, len(sessions) - 1)
    start, end = np.datetime64(scenario.start, "D"), np.datetime64(scenario.end, "D")
    if sessions[0] > start + SLACK or sessions[-1] < end - SLACK:
        return Place(
            skipped=f"it lasts from {start} to {end}, the bars held from {sessions[0]} to {sessions[-1]}"
        )
    first, beyond = np.searchsorted(sessions, [start, end + np.timedelta64(1, "D")])
    return _long_enough(int(first), int(beyond) - 1)


def _place_stress(scenario: Scenario, sessions: Dates) -> Place:
    length = scenario.shock.sessions if scenario.shock else 0
    if len(sessions) < length + 1:
        return Place(skipped=f"it lasts {length} sessions after a first one, {len(sessions)} are held")
    if scenario.start is not None:
        first = int(np.searchsorted(sessions, np.datetime64(scenario.start, "D")))
        is_held = first >= 1 and sessions[first - 1] >= np.datetime64(scenario.start, "D") - SLACK
        if is_held and first + length <= len(sessions):
            return _long_enough(first - 1, first + length - 1)
    return _long_enough(len(sessions) - length - 1, len(sessions) - 1)


def _long_enough(first: int, last: int) -> Place:
    held = last - first + 1
    return (
        Place(first, last)
        if held >= FEWEST
        else Place(skipped=f"{held} sessions of it are held, {FEWEST} are the least")
    )


def window_rows(
    places: Sequence[Place], offsets: Index, row_session: Index, *, whole: NDArray[np.bool_]
) -> Index:
    """Return the grid's windows [S, W, 2]: first and last row in each place, counted from the symbol's first.

    A symbol takes part in a window when it has a bar within its first five sessions, so that all of a
    scenario's results are about the same market, and at least FEWEST bars in it; one that ends inside (a
    delisting) stays in, up to its last bar. Where it takes no part, -1.

    Args:
        places: [W]; a skipped one has no rows.
        offsets: [S + 1] where each symbol's rows begin.
        row_session: [R] each row's session.
        whole: [W] true for windows of all that a symbol has, whenever it came.
    """
    out = np.full((len(offsets) - 1, len(places), 2), -1, np.int64)
    firsts = np.array([p.first for p in places], np.int64)
    lasts = np.array([p.last for p in places], np.int64)
    for s in range(len(offsets) - 1):
        own = row_session[offsets[s] : offsets[s + 1]]
        first = np.searchsorted(own, firsts)
        last = np.searchsorted(own, lasts, side="right") - 1
        enough = (last - first + 1 >= FEWEST) & (firsts >= 0)
        began = own[np.minimum(first, len(own) - 1)] if len(own) else firsts
        taken = enough & (whole | (began < firsts + 5))
        out[s, taken, 0], out[s, taken, 1] = first[taken], last[taken]
    return out
