"""The New York exchanges' regular holidays: which days will be sessions, as anybody knows beforehand."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache

import numpy as np
from dateutil.easter import easter
from numpy.typing import NDArray

from models.panel import Dates

JUNETEENTH_SINCE = 2022
KING_SINCE = 1998
Days = NDArray[np.datetime64]


def holidays(first: int, last: int) -> Dates:
    """Return the weekdays on which the exchanges stay shut by rule in the years first to last, ascending.

    Unscheduled closures (storms, mourning) are left out: nobody knew of them the week before. Source: NYSE
    Rule 7.2; a holiday on Saturday moves to Friday but for New Year's Day, one on Sunday to Monday.
    """
    days: list[dt.date] = []
    for year in range(first, last + 1):
        fixed = [dt.date(year, 7, 4), dt.date(year, 12, 25)]
        fixed += [dt.date(year, 6, 19)] if year >= JUNETEENTH_SINCE else []
        days += [d - dt.timedelta(days=1) if d.weekday() == 5 else d for d in fixed]
        days.append(dt.date(year, 1, 1))
        floating = [(2, 0, 3), (9, 0, 1), (11, 3, 4)]  # Presidents, Labor, Thanksgiving
        floating += [(1, 0, 3)] if year >= KING_SINCE else []
        days += [_nth(year, *rule) for rule in floating]
        june = dt.date(year, 6, 1)
        days.append(june - dt.timedelta(days=june.weekday() or 7))  # Memorial Day, the last Monday of May
        days.append(easter(year) - dt.timedelta(days=2))
    moved = [d + dt.timedelta(days=1) if d.weekday() == 6 else d for d in days]
    return np.array(sorted(moved), dtype="datetime64[D]")


def next_days(sessions: Dates, steps: int) -> Days:
    """Return the days that will be sessions after each session.

    Args:
        sessions: [S] days.
        steps: how many.

    Returns:
        [S, steps] datetime64[D]; depends on the session's own date alone.
    """
    return np.busday_offset(
        sessions.astype("datetime64[D]")[:, None],
        np.arange(1, steps + 1),
        roll="backward",
        busdaycal=_calendar(),
    )


def days_since_previous(days: Days) -> NDArray[np.int64]:
    """Return the calendar days from the session before to each day: 1, or more over weekends and holidays."""
    days = days.astype("datetime64[D]")
    before = np.busday_offset(days, -1, roll="forward", busdaycal=_calendar())
    return np.asarray((days - before).astype(np.int64))


def is_month_end(days: Days) -> NDArray[np.bool_]:
    """Return whether each day is the last session of its month."""
    days = days.astype("datetime64[D]")
    after = np.busday_offset(days, 1, roll="backward", busdaycal=_calendar())
    return np.asarray(after.astype("datetime64[M]") != days.astype("datetime64[M]"))


def _nth(year: int, month: int, weekday: int, count: int) -> dt.date:
    first = dt.date(year, month, 1)
    return first + dt.timedelta(days=(weekday - first.weekday()) % 7 + 7 * (count - 1))


@lru_cache(maxsize=1)
def _calendar() -> np.busdaycalendar:
    return np.busdaycalendar(holidays=holidays(1962, 2100))
