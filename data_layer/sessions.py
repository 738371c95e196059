"""The exchange's sessions: which days trade, when they open and close. Nothing else knows a calendar."""

from __future__ import annotations

import csv
import datetime as dt
import os
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_layer.settings import ROOT, parse_date
from models.errors import ConfigError

EXCHANGE = "XNYS"
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
# Daily bars of US stocks that anybody sells begin later than this.
FIRST_DAY = dt.date(1962, 1, 2)
# The package would end a year after today, and what is a session would hang on when it was asked.
LAST_DAY = dt.date(2050, 12, 31)
# Days on which the exchange stayed shut at short notice; a calendar package knows them only in its next version.
OVERRIDES = ROOT / "include" / "calendar_overrides.csv"
# The package takes a second to build the calendar; it is kept beside the compiled modules, and thrown away with them.
# Another version of the package, which may know of other holidays, builds its own.
CACHE = Path(__file__).resolve().parent / "__pycache__"


def closures(path: Path = OVERRIDES) -> dict[dt.date, str]:
    """Return the days without trading that a person has stated, with the reason.

    Raises:
        ConfigError: when a line is not a date and a reason, or a day stands twice.
    """
    found: dict[dt.date, str] = {}
    with path.open(newline="") as lines:
        for row in csv.DictReader(lines):
            day = parse_date((row.get("date") or "").strip(" "), key=path.name, stage="sessions")
            reason = (row.get("reason") or "").strip(" ")
            if not reason or day in found or None in row:
                raise ConfigError(
                    "a closure needs one line with its date and reason",
                    stage="sessions",
                    key=path.name,
                    value=str(day),
                    remedy="write date,reason and put a reason with a comma in quotes",
                )
            found[day] = reason
    return found


@dataclass(frozen=True)
class _Table:
    """Sessions and their UTC opens and closes, ascending."""

    days: list[dt.date]
    opens: NDArray[np.int64]  # seconds since EPOCH: 40,000 instants with a zone would take a while to make
    closes: NDArray[np.int64]


@lru_cache(maxsize=1)
def _table() -> _Table:
    days, *instants = _kept(CACHE / f"{EXCHANGE}-{FIRST_DAY}-{LAST_DAY}-{version('exchange_calendars')}.npy")
    open_days = ~np.isin(days, np.array(list(closures()), "datetime64[s]"))
    opens, closes = (column[open_days].astype("datetime64[s]").astype(np.int64) for column in instants)
    return _Table(days[open_days].astype("datetime64[D]").tolist(), opens, closes)


def _instant(seconds: np.int64) -> dt.datetime:
    return EPOCH + dt.timedelta(seconds=int(seconds))


def _kept(path: Path) -> NDArray[np.datetime64]:
    """Return [3, N] sessions with their opens and closes (UTC, to the second), from the cache or from the package."""
    with suppress(OSError, ValueError, EOFError):  # not there, or not whole
        kept: NDArray[np.datetime64] = np.load(path, allow_pickle=False)
        if kept.ndim == 2 and len(kept) == 3:
            return kept
    import exchange_calendars
    import pandas as pd

    span = {"start": pd.Timestamp(FIRST_DAY), "end": pd.Timestamp(LAST_DAY)}
    schedule = exchange_calendars.get_calendar(EXCHANGE, **span).schedule
    columns = (schedule.index, *(schedule[name].dt.tz_convert(None) for name in ("open", "close")))
    built = np.array([column.to_numpy() for column in columns]).astype("datetime64[s]")
    with suppress(OSError):  # nowhere to keep it
        path.parent.mkdir(exist_ok=True)
        partial = path.with_name(f"{path.name}.{os.getpid()}")
        with partial.open("wb") as file:
            np.save(file, built)
        partial.replace(path)
    return built


def _position(day: dt.date) -> int:
    days = _table().days
    at = bisect_left(days, day)
    if at == len(days) or days[at] != day:
        raise ConfigError(
            "not a session of the exchange",
            key="date",
            value=str(day),
            remedy=f"the {EXCHANGE} calendar has no trading on that day",
        )
    return at


def is_session(day: dt.date) -> bool:
    """Return whether the exchange trades on the day."""
    days = _table().days
    at = bisect_left(days, day)
    return at < len(days) and days[at] == day


def sessions_between(first: dt.date, last: dt.date) -> list[dt.date]:
    """Return all sessions from first to last, both included, ascending; empty when first lies after last."""
    days = _table().days
    return days[bisect_left(days, first) : bisect_right(days, last)]


def session_from(day: dt.date) -> dt.date:
    """Return the day itself or the first session after it."""
    days = _table().days
    return days[bisect_left(days, day)]


def next_session(session: dt.date) -> dt.date:
    """Return the session after a session.

    Raises:
        ConfigError: when the day is not a session.
    """
    return _table().days[_position(session) + 1]


def previous_session(session: dt.date) -> dt.date:
    """Return the session before a session.

    Raises:
        ConfigError: when the day is not a session.
    """
    return _table().days[_position(session) - 1]


def opens_at(session: dt.date) -> dt.datetime:
    """Return the UTC instant of the session's opening auction."""
    return _instant(_table().opens[_position(session)])


def closes_at(session: dt.date) -> dt.datetime:
    """Return the UTC instant of the session's close, early on half days."""
    return _instant(_table().closes[_position(session)])


def close_times(sessions: Iterable[dt.date]) -> dict[dt.date, dt.datetime]:
    """Return the UTC close of each session."""
    return {day: closes_at(day) for day in sessions}


def last_closed(instant: dt.datetime) -> dt.date:
    """Return the last session that has closed at the instant (timezone-aware)."""
    table = _table()
    seconds = (instant - EPOCH) // dt.timedelta(seconds=1)
    return table.days[int(np.searchsorted(table.closes, seconds, side="right")) - 1]
