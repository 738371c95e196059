"""How Polygon, Yahoo and Alpaca write the same bars and actions, and what can be wrong in what they write."""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from tests.support.vendor_market import FIELDS, NAMES, Market

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


def route(market: Market, size: int, url: str, path: str, query: dict[str, str], mode: str = "") -> Page:
    """The answer to a request, with the content fault named, if it is one."""
    handlers: list[tuple[str, Callable[..., Page]]] = [
        ("/v2/aggs/ticker/", polygon_history), ("/v2/aggs/grouped/", polygon_market),
        ("/v3/reference/tickers/", polygon_details), ("/v3/reference/tickers", polygon_tickers),
        ("/vX/reference/tickers/", polygon_events), ("/v3/reference/splits", polygon_actions),
        ("/v3/reference/dividends", polygon_actions), ("/v8/finance/chart/", yahoo_chart),
        ("/v2/stocks/bars", alpaca_bars), ("/v1/corporate-actions", alpaca_actions),
    ]  # fmt: skip
    for start, handler in handlers:
        if path.startswith(start):
            return handler(market, size, url, path, query, mode)
    return Page("unknown", {"message": "not found"}, status=404)


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


def polygon_row(row: dict[str, Any], hour: float, named: bool) -> Any:
    if row.get("none"):
        return 7
    wire = {"o": "open", "h": "high", "l": "low", "c": "close", "v": "volume"}
    stamp = row["stamp"] if "stamp" in row else at(row["date"], hour, 1000)
    return {**({"T": row["symbol"]} if named else {}), **{k: row[n] for k, n in wire.items() if n in row},
            "t": stamp, "n": 1000}  # fmt: skip


def polygon_page(
    kind: str, results: list[Any], number: int, count: int, url: str, link: str, mode: str
) -> Page:
    body: dict[str, Any] = {
        "status": "OK",
        "request_id": "r",
        "results": results,
        "resultsCount": len(results),
    }
    if number + 1 < count or mode in {"cyclic", "next_elsewhere"}:
        following = number if mode == "cyclic" else number + 1
        body["next_url"] = f"{url}{link}?cursor=page{following}"
    if mode == "next_elsewhere":
        body["next_url"] = body["next_url"].replace(url, url.replace("127.0.0.1", "localhost") + "/elsewhere")
    if mode == "next_number":
        body["next_url"] = 7
    if mode == "no_results":
        del body["results"]
    if mode == "results_object":
        body["results"] = {"0": results}
    if mode == "not_authorized":
        body = {
            "status": "NOT_AUTHORIZED",
            "request_id": "r",
            "message": "You are not entitled to this data.",
        }
    return Page(kind, body, number, count)


def polygon_history(market: Market, size: int, url: str, path: str, query: dict[str, str], mode: str) -> Page:
    _, _, _, _, symbol, _, _, _, first, last = path.split("/")
    number = int(query.get("cursor", "page0").removeprefix("page"))
    rows, count = cut(market.bars([symbol], D(first), D(last)), size, number, mode)
    if not rows:
        empty = {"ticker": symbol, "queryCount": 0, "resultsCount": 0, "adjusted": False, "status": "OK"}
        return Page("bars", empty)
    return polygon_page(
        "bars", [polygon_row(r, 0, mode in SYMBOLS) for r in rows], number, count, url, path, mode
    )


def polygon_market(market: Market, size: int, url: str, path: str, query: dict[str, str], mode: str) -> Page:
    day = D(path.split("/")[-1])
    rows = spoil(market.bars(None, day, day), mode)
    if not rows:
        return Page("bars", {"queryCount": 0, "resultsCount": 0, "adjusted": False, "status": "OK"})
    others = [{"T": "ABRpD", "o": 1, "h": 1, "l": 1, "c": 1, "v": 1, "t": at(day, 16, 1000)}]
    return polygon_page("bars", [polygon_row(r, 16, True) for r in rows] + others, 0, 1, url, path, mode)


def polygon_details(market: Market, size: int, url: str, path: str, query: dict[str, str], mode: str) -> Page:
    symbol = path.split("/")[-1]
    known = {row["symbol"] for row in market.rows} - set(market.delisted)
    if symbol not in known:
        return Page("details", {"status": "NOT_FOUND", "message": "Ticker not found."}, status=404)
    name, industry = NAMES.get(symbol, (symbol, None))
    found = {
        "ticker": symbol,
        "name": name,
        "sic_description": industry,
        "list_date": "1980-12-12",
        "active": True,
    }
    page = polygon_page("details", [], 0, 1, url, path, mode)
    if "results" in page.body:
        page.body["results"] = found
    return page


def polygon_tickers(market: Market, size: int, url: str, path: str, query: dict[str, str], mode: str) -> Page:
    active = query["active"] == "true"
    known = sorted({row["symbol"] for row in market.rows} | set(market.delisted))
    found = [
        {"ticker": s, "name": NAMES.get(s, (s, None))[0], "active": active, "type": "CS",
         **({} if active else {"delisted_utc": f"{market.delisted[s]}T00:00:00Z"})}
        for s in known if (s not in market.delisted) == active and query.get("ticker", s) == s
    ]  # fmt: skip
    number = int(query.get("cursor", "page0").removeprefix("page"))
    return polygon_page("tickers", found, number, 1, url, path, mode)


def polygon_events(market: Market, size: int, url: str, path: str, query: dict[str, str], mode: str) -> Page:
    symbol = path.split("/")[-2]
    events = [
        {"type": "ticker_change", "date": day, "ticker_change": {"ticker": name}}
        for name, day in market.renames.get(symbol, [])
    ]
    return Page("events", {"status": "OK", "results": {"name": symbol, "events": events}})


def polygon_actions(market: Market, size: int, url: str, path: str, query: dict[str, str], mode: str) -> Page:
    splits = path.endswith("splits")
    field = "execution_date" if splits else "ex_dividend_date"
    symbols = [query["ticker"]] if "ticker" in query else None
    link = "&".join(f"{k}={v}" for k, v in query.items() if k != "cursor")
    number = int(query.get("cursor", "page0").removeprefix("page"))
    found = market.acted(
        "split" if splits else "dividend", symbols, D(query[f"{field}.gte"]), D(query[f"{field}.lte"])
    )
    rows = [
        {"ticker": s, field: str(day), "split_from": 1, "split_to": float(value)} if splits else
        {"ticker": s, field: str(day), "cash_amount": float(value), "currency": "USD",
         "declaration_date": told and str(told), "frequency": 4}
        for s, day, _, value, told in found
    ]  # fmt: skip
    count = max(1, -(-len(rows) // size))
    page = polygon_page("actions", rows[number * size :][:size], number, count, url, f"{path}", mode)
    if page.body.get("next_url"):
        page.body["next_url"] = str(page.body["next_url"]).replace("?", f"?{link}&")
    return page


def yahoo_chart(market: Market, size: int, url: str, path: str, query: dict[str, str], mode: str) -> Page:
    symbol = path.split("/")[-1].replace("-", ".")
    order = sorted({row["symbol"] for row in market.rows})
    if symbol not in order:
        error = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
        return Page("bars", {"chart": {"result": None, "error": error}}, status=404)
    shown = order[max(0, order.index(symbol) - 1)] if mode == "page_again" else symbol
    first, last = (
        dt.datetime.fromtimestamp(int(query.get(p, 0)), NEW_YORK).date() for p in ("period1", "period2")
    )
    rows = spoil(market.bars([shown], first, last), mode)
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
    rows, count = cut(market.bars(symbols, first, last), 1 if only else size * 2, number, mode)
    bars: dict[str, list[Any]] = {}
    for row in rows:
        stamp = "stamp" in row or row.get("none") or dt.datetime.combine(row["date"], dt.time(), NEW_YORK)
        text = (
            stamp.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            if isinstance(stamp, dt.datetime)
            else None
        )
        wire = polygon_row({**row, "stamp": row["stamp"] if "stamp" in row else text}, 0, False)
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
         "special": False, "foreign": False, "declaration_date": told and str(told)}
        for s, day, _, v, told in market.acted("dividend", symbols, first - dt.timedelta(days=30), last)
        if first <= day + dt.timedelta(days=30) <= last
    ]  # fmt: skip
    found = {k: v for k, v in {"forward_splits": splits, "cash_dividends": dividends}.items() if v}
    return Page("actions", {"corporate_actions": found, "next_page_token": None})
