"""How Yahoo and Alpaca write the same bars and actions as Polygon."""

from __future__ import annotations

import datetime as dt
import struct
from typing import Any

from tests.support import vendor_polygon as polygon
from tests.support.vendor_market import FIELDS, NAMES, Market
from tests.support.vendor_pages import (
    NEW_YORK,
    STAMPS,
    SYMBOLS,
    VALUES,
    D,
    Page,
    at,
    cut,
    spoil,
    unless_silent,
)


def yahoo_chart(market: Market, size: int, url: str, path: str, query: dict[str, str], mode: str) -> Page:
    symbol = path.rsplit("/", maxsplit=1)[-1].replace("-", ".")
    order = sorted({row["symbol"] for row in market.rows})
    if symbol not in order or (mode, symbol) == ("unknown", "MSFT"):
        error = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
        return Page("bars", {"chart": {"result": None, "error": error}}, status=404)
    shown = order[max(0, order.index(symbol) - 1)] if mode == "page_again" else symbol
    first, last = (
        dt.datetime.fromtimestamp(int(query.get(p, 0)), NEW_YORK).date() for p in ("period1", "period2")
    )
    rows = spoil(unless_silent(market.bars([shown], first, last), mode), mode)
    if not rows and "range" not in query and mode == "silent":
        error = {"code": "Bad Request", "description": "Data doesn't exist for startDate = 1, endDate = 2"}
        return Page("bars", {"chart": {"result": None, "error": error}}, status=400)
    meta = {"currency": "USD", "symbol": SYMBOLS.get(mode, shown.replace(".", "-")), "firstTradeDate": 345479400,
            "longName": NAMES.get(shown, (shown, None))[0], "exchangeTimezoneName": "America/New_York"}  # fmt: skip
    quote = {name: [_single(market, shown, row, name) for row in rows if name in row] for name in FIELDS}
    result: dict[str, Any] = {"meta": meta, "indicators": {"quote": [quote if rows else {}]}}
    if rows:
        result["timestamp"] = [r["stamp"] if "stamp" in r else at(r.get("date", first), 9.5) for r in rows]
        result["events"] = _yahoo_events(market, shown, first, last)
    body: dict[str, Any] = {"chart": {"result": [result], "error": None}}
    if mode == "no_results":
        del body["chart"]["result"]
    if mode == "results_object":
        body["chart"]["result"] = result
    if mode == "not_authorized":
        body["chart"] = {"result": None, "error": {"code": "Unauthorized", "description": "Invalid Crumb"}}
    kind = "details" if "range" in query else "bars"
    return Page(kind, body, order.index(symbol), len(order))


def _single(market: Market, symbol: str, row: dict[str, Any], name: str) -> Any:
    """A value as Yahoo sends it: in the newest share basis, prices in single precision."""
    value, factor = row[name], market.later_splits(symbol, row["date"])
    if isinstance(value, str) and not value.startswith("<<") and value != "n/a":
        return str(_single(market, symbol, {**row, name: float(value)}, name))
    if not isinstance(value, int | float) or isinstance(value, bool):
        return value
    if name == "volume":
        return round(value * factor)
    return struct.unpack("f", struct.pack("f", value / factor))[0]


def _yahoo_events(market: Market, symbol: str, first: dt.date, last: dt.date) -> dict[str, Any]:
    last = min(last, market.until)
    splits = {
        str(at(day, 9.5)): {
            "date": at(day, 9.5),
            "numerator": float(v),
            "denominator": 1.0,
            "splitRatio": f"{v}:1",
        }
        for _, day, _, v, _ in market.acted("split", [symbol], first, last)
    }
    dividends = {
        str(at(day, 9.5)): {"date": at(day, 9.5), "amount": float(v) / market.later_splits(symbol, day)}
        for _, day, _, v, _ in market.acted("dividend", [symbol], first, last)
    }
    return {k: v for k, v in {"splits": splits, "dividends": dividends}.items() if v}


def alpaca_bars(market: Market, size: int, url: str, path: str, query: dict[str, str], mode: str) -> Page:
    symbols, first = query["symbols"].split(","), D(query["start"][:10])
    last = D(query["end"][:10]) if "end" in query else market.until
    only = int(query["limit"]) == 1
    number = int(query.get("page_token", "page0").removeprefix("page"))
    known = unless_silent(market.bars(symbols, first, last), mode)
    rows, count = cut(known, 1 if only else size * 2, number, mode)
    bars: dict[str, list[Any]] = {}
    for row in rows:
        stamp = "stamp" in row or row.get("none") or dt.datetime.combine(row["date"], dt.time(), NEW_YORK)
        text = (
            stamp.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            if isinstance(stamp, dt.datetime)
            else None
        )
        wire = polygon.wire_row({**row, "stamp": row.get("stamp", text)}, 0, False)
        bars.setdefault(row.get("symbol", symbols[0]), []).append(wire)
    token = f"page{number + 1}" if number + 1 < count else None
    body: dict[str, Any] = {"bars": bars, "next_page_token": f"page{number}" if mode == "cyclic" else token}
    if mode == "next_number":
        body["next_page_token"] = 7
    if mode == "no_results":
        del body["bars"]
    if mode == "results_object":
        body["bars"] = list(bars.values())
    if mode == "not_authorized":
        body = {"code": 40310000, "message": "subscription does not permit querying recent SIP data"}
    return Page("details" if only else "bars", body, number, count)


def alpaca_actions(market: Market, size: int, url: str, path: str, query: dict[str, str], mode: str) -> Page:
    symbols, first, last = query["symbols"].split(","), D(query["start"]), D(query["end"])
    splits = [
        {"symbol": s, "ex_date": str(day), "process_date": str(day), "new_rate": float(v), "old_rate": 1}
        for s, day, _, v, _ in market.acted("split", symbols, first, last)
    ]
    dividends = [
        {"symbol": s, "ex_date": str(day), "process_date": str(day + dt.timedelta(days=30)), "rate": float(v),
         "special": False, "foreign": False, "declaration_date": told and str(told),
         "id": str(market.actions.index(one))}
        for one in market.acted("dividend", symbols, first - dt.timedelta(days=30), last)
        for s, day, _, v, told in [one]
        if first <= day + dt.timedelta(days=30) <= last
    ]  # fmt: skip
    found = {k: v for k, v in {"forward_splits": splits, "cash_dividends": dividends}.items() if v}
    return Page("actions", {"corporate_actions": found, "next_page_token": None})


def alpaca_trades(market: Market, size: int, url: str, path: str, query: dict[str, str], mode: str) -> Page:
    """The newest trade of each symbol: its last close, ten minutes after it."""
    symbols = query["symbols"].split(",")
    newest = {row["symbol"]: row for row in market.bars(symbols, dt.date.min, market.until)}
    trades: dict[str, Any] = {
        s: {"t": f"{row['date']}T21:10:00.123456789Z", "p": row["close"], "s": 100, "x": "V"}
        for s, row in newest.items()
    }
    if mode in VALUES:
        trades[symbols[0]]["p"] = VALUES[mode]
    if mode in STAMPS:
        trades[symbols[0]]["t"] = STAMPS[mode]
    if mode in SYMBOLS:
        trades[SYMBOLS[mode]] = trades.pop(symbols[0])
    return Page("trades", {} if mode == "no_results" else {"trades": trades})
