"""JSON values as a table can hold them: read where they can be, kept as they came where not."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from data_layer.quality.action_checks import HIGHEST_VALUE
from data_layer.sources.base import BAR_COLUMNS

NEW_YORK = ZoneInfo("America/New_York")
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

Row = tuple[object, ...]  # symbol, date or None, open, high, low, close, volume, date_text, vwap or None
Plain = tuple[str, dt.date, str, object, dt.date | None]  # symbol, ex_date, action_type, value, announced
Action = Plain | tuple[str, dt.date, str, object, dt.date | None, str | None]  # and the vendor's id of the row


def bar_frame(rows: Iterable[Row]) -> pd.DataFrame:
    """Return rows as the frame that Source.bars describes."""
    frame = pd.DataFrame(list(rows), columns=[*BAR_COLUMNS, "date_text", "vwap"], dtype=object)
    frame["date"] = pd.to_datetime(frame["date"]).dt.as_unit("us")
    return frame


def bar_row(
    symbol: str, day: dt.date | None, values: Sequence[object], text: object, vwap: object = None
) -> Row:
    """Return a row: five values from open to volume, the date's text, kept when no day could be read, and the VWAP."""
    return symbol, day, *(as_received(v) for v in values), "" if day else str(text)[:100], as_received(vwap)


def as_received(value: object) -> object:
    """Return a JSON value as a table can hold it: what is no number that arithmetic knows becomes text."""
    if value is None or isinstance(value, str | float):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63:
        return value
    return json.dumps(value)[:100]


@lru_cache(maxsize=50_000)
def _day(seconds: float) -> dt.date | None:
    try:
        return (EPOCH + dt.timedelta(seconds=seconds)).astimezone(NEW_YORK).date()
    except (OverflowError, ValueError):
        return None


def epoch_day(value: object, per_second: int = 1) -> dt.date | None:
    """Return the day in New York of a time since 1970, None for anything that is no such time."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return _day(value / per_second) if abs(value) < 1e15 else None


def iso_day(value: object) -> dt.date | None:
    """Return the day that a text YYYY-MM-DD names, None for anything else."""
    try:
        # Python alone would also read 2020-W36-1.
        named = isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII)
        return dt.date.fromisoformat(named[0]) if named else None
    except ValueError:
        return None


def row_id(row: Mapping[str, Any]) -> str | None:
    """Return the id that a vendor gave a row, None for a row without one."""
    given = row.get("id")
    return given if isinstance(given, str) and given else None


def add_up_dividends(actions: Iterable[Action]) -> list[Plain]:
    """Return actions in order, each day's dividends of a symbol as their sum, announced when the last of them was.

    A regular and a special dividend often go ex together, a row each; what tells a second payment from a row sent
    twice is its id, or without ids its value. Rows of one id that differ, and dividends of which one is no number
    above zero, have no sum: they stay as they came, for the quality gate to refuse.
    """
    parts: dict[tuple[str, dt.date, str], list[Action]] = defaultdict(list)
    for action in sorted(set(actions), key=_in_order):
        parts[action[:3]].append(action)
    found: list[Plain] = []
    for (symbol, day, kind), paid in parts.items():
        values = [action[3] for action in paid]
        sound = [v for v in values if isinstance(v, Decimal) and v.is_finite() and 0 < v < HIGHEST_VALUE]
        different = len({_identity(action) for action in paid})
        if kind == "dividend" and len(sound) == different == len(paid) > 1:
            told = [action[4] for action in paid if action[4] is not None]
            announced = max(told) if len(told) == len(paid) else None
            found.append((symbol, day, kind, sum(sound, Decimal(0)), announced))
        else:
            found += [(symbol, day, kind, action[3], action[4]) for action in paid]
    return found


def _identity(action: Action) -> object:
    return (action[5] if len(action) > 5 else None) or action[3]


def _in_order(action: Action) -> tuple[str, ...]:
    return tuple(map(str, action))


def exact(value: Any) -> Decimal | None:
    """Return a JSON number, or a text that is one, as a finite decimal, else None."""
    try:
        number = Decimal(str(value)) if not isinstance(value, bool) else Decimal("NaN")
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
