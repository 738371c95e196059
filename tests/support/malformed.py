"""Malformed bars by construction: 25 classes, each spoiling a good row in its own way, drawn from a seed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from random import Random
from typing import Any

from data_layer.sessions import sessions_between

Row = dict[str, Any]
PRICES = ("open", "high", "low", "close")
SESSIONS = sessions_between(dt.date(2003, 1, 2), dt.date(2012, 12, 31))
NOT_SESSIONS = sorted(
    {SESSIONS[0] + dt.timedelta(days=i) for i in range((SESSIONS[-1] - SESSIONS[0]).days)} - set(SESSIONS)
)
WORDS = ["ten", "N/A", "-", "null", "#REF!", "1,000.5", "$12", "0x1F"]
NO_DAYS = ["2005-02-30", "2005-13-01", "2005-00-10", "0000-00-00"]
OTHER_DATES = ["06/01/2005", "20050601", "2005-6-1", "1.6.2005", "soon"]
HOSTILE = [
    "../etc", "A'; DROP TABLE market_data; --", "AAPL\n", "A/B", "%s", "\u0391APL", "1A", "ABCDEFGHIJKLMNOP", "NULL\t",
]  # fmt: skip


def good_row(random: Random, symbol: str, day: dt.date) -> Row:
    """A bar that can be true."""
    low = round(random.uniform(1, 500), 2)
    high = round(low * random.uniform(1, 1.2), 2)
    inner = sorted(round(random.uniform(low, high), 2) for _ in range(2))
    random.shuffle(inner)
    return {"symbol": symbol, "date": day.isoformat(), "open": inner[0], "high": high, "low": low, "close": inner[1],
            "volume": random.randint(0, 10**9)}  # fmt: skip


def _any_price(value: Callable[[Random], Any]) -> Callable[[Row, Random], None]:
    def spoil(row: Row, random: Random) -> None:
        row[random.choice(PRICES)] = value(random)

    return spoil


def _set(column: str, value: Callable[[Random], Any]) -> Callable[[Row, Random], None]:
    def spoil(row: Row, random: Random) -> None:
        row[column] = value(random)

    return spoil


def _alike(symbol: str) -> list[str]:
    return [symbol.lower(), f" {symbol}", f"{symbol} "]


def _far(name: str, factor: float) -> Callable[[Row, Random], None]:
    def spoil(row: Row, _random: Random) -> None:
        row[name] = round(row["low" if factor < 1 else "high"] * factor, 4)

    return spoil


# Each turns a good row into one that cannot be true. In CSV and, where it is a text, in Parquet all values are texts.
CLASSES: dict[str, Callable[[Row, Random], None]] = {
    "empty price": _any_price(lambda r: ""),
    "NaN price": _any_price(lambda r: r.choice(["nan", "NaN", "NAN"])),
    "infinite price": _any_price(lambda r: r.choice(["inf", "-inf", "Infinity", "-Infinity"])),
    "overflowing price": _any_price(lambda r: r.choice(["1e400", "-1e400"])),
    "zero price": _any_price(lambda r: r.choice(["0", "0.0", "-0.0"])),
    "negative price": _any_price(lambda r: -round(r.uniform(0.01, 100), 2)),
    "price beyond any share": _set("high", lambda r: r.choice(["1e8", "123456789", "1e300"])),
    "word for a price": _any_price(lambda r: r.choice(WORDS)),
    "high below the low": lambda row, r: row.update(high=round(row["low"] * 0.9, 4)),
    "close above the high": _far("close", 1.01),
    "open below the low": _far("open", 0.99),
    "empty volume": _set("volume", lambda r: ""),
    "NaN volume": _set("volume", lambda r: "nan"),
    "infinite volume": _set("volume", lambda r: r.choice(["inf", "1e999"])),
    "negative volume": _set("volume", lambda r: -r.randint(1, 10**9)),
    "part of a share": _set("volume", lambda r: r.randint(1, 10**6) + 0.5),
    "23-digit volume": _set("volume", lambda r: str(r.randint(10**22, 10**23 - 1))),
    "weekend or holiday": _set("date", lambda r: r.choice(NOT_SESSIONS).isoformat()),
    "future": _set("date", lambda r: r.choice(["2031-06-02", "2099-01-05", "2200-01-02"])),
    "no such day": _set("date", lambda r: r.choice(NO_DAYS)),
    "another form of date": _set("date", lambda r: r.choice(OTHER_DATES)),
    "empty date": _set("date", lambda r: ""),
    "lower-case or padded symbol": lambda row, r: row.update(symbol=r.choice(_alike(row["symbol"]))),
    "hostile symbol": _set("symbol", lambda r: r.choice(HOSTILE)),
    "empty symbol": _set("symbol", lambda r: ""),
}  # fmt: skip
