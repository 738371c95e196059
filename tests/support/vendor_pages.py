"""What the vendors' pages have in common, and what can be wrong in what stands on them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from tests.support.vendor_market import FIELDS

NEW_YORK = ZoneInfo("America/New_York")
D = dt.date.fromisoformat
# What a bar's price or volume becomes; <<x>> is written without quotes.
VALUES = {
    "nan": "<<NaN>>", "infinity": "<<Infinity>>", "minus_infinity": "<<-Infinity>>", "1e400": "<<1e400>>",
    "digits23": "<<12345678901234567890123>>", "digits400": f"<<{'9' * 400}>>", "text": "n/a", "null": None,
    "true": True, "object": {"raw": 1}, "negative": -1.0,
}  # fmt: skip
SYMBOLS = {
    "hostile": "../../v2/orders",
    "sql": "A'; DROP TABLE market_data;--",
    "unicode": "ААРL",
    "other": "XOM",
}
STAMPS = {"stamp_text": "yesterday", "stamp_null": None, "stamp_huge": "<<1e300>>"}


@dataclass
class Page:
    """One answer; number and count say which page of its load it is."""

    kind: str
    body: Any
    number: int = 0
    count: int = 1
    status: int = 200


def unless_silent(rows: list[dict[str, Any]], mode: str) -> list[dict[str, Any]]:
    """The rows; without IBM's when the fault is that a vendor has none of it, in a whole answer."""
    return [row for row in rows if mode != "silent" or row["symbol"] != "IBM"]


def spoil(rows: list[dict[str, Any]], mode: str) -> list[dict[str, Any]]:
    """Change one row in the middle as the mode says."""
    rows = [dict(row) for row in rows]
    if rows:
        row = rows[len(rows) // 2]
        if mode in VALUES:
            row["volume" if "digits" in mode else "close"] = VALUES[mode]
        elif mode in SYMBOLS:
            row["symbol"] = SYMBOLS[mode]
        elif mode in STAMPS:
            row["stamp"] = STAMPS[mode]
        elif mode == "missing_field":
            del row["close"]
        elif mode == "strings":
            for one in rows:
                one.update({name: str(one[name]) for name in FIELDS})
        elif mode == "no_object":
            rows[len(rows) // 2] = {"none": True}
    return rows


def cut(rows: list[Any], size: int, number: int, mode: str) -> tuple[list[Any], int]:
    """A page of the rows and the number of pages; the page before once more when that is the fault."""
    count = max(1, -(-len(rows) // size))
    shown = max(0, number - 1) if mode == "page_again" else number
    return spoil(rows[shown * size : (shown + 1) * size], mode), count


def at(day: dt.date, hour: float, per_second: int = 1) -> int:
    moment = dt.datetime.combine(day, dt.time(int(hour), int(hour % 1 * 60)), NEW_YORK)
    return int(moment.timestamp()) * per_second
