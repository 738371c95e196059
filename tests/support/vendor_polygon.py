"""How Polygon writes bars, actions, tickers and renames."""

from __future__ import annotations

from typing import Any

from tests.support.vendor_market import NAMES, Market
from tests.support.vendor_pages import SYMBOLS, D, Page, at, cut, spoil, unless_silent


def wire_row(bar: dict[str, Any], hour: float, named: bool) -> Any:
    if bar.get("none"):
        return 7
    wire = {"o": "open", "h": "high", "l": "low", "c": "close", "v": "volume", "vw": "vwap"}
    stamp = bar["stamp"] if "stamp" in bar else at(bar["date"], hour, 1000)
    return {**({"T": bar["symbol"]} if named else {}), **{k: bar[n] for k, n in wire.items() if n in bar},
            "t": stamp, "n": 1000}  # fmt: skip


def wire_page(kind: str, results: list[Any], number: int, count: int, url: str, link: str, mode: str) -> Page:
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
    if mode == "status_error":
        body["status"] = "ERROR"
    if mode == "fewer_results":
        body["results"] = results[:-1]
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


def history(market: Market, size: int, url: str, path: str, query: dict[str, str], mode: str) -> Page:
    _, _, _, _, symbol, _, _, _, first, last = path.split("/")
    number = int(query.get("cursor", "page0").removeprefix("page"))
    known = unless_silent(market.bars([symbol], D(first), D(last)), mode)
    rows, count = cut(known, size, number, mode)
    if not rows:
        empty = {"ticker": symbol, "queryCount": 0, "resultsCount": 0, "adjusted": False, "status": "OK"}
        return Page("bars", empty)
    return wire_page("bars", [wire_row(r, 0, mode in SYMBOLS) for r in rows], number, count, url, path, mode)


def market(market: Market, size: int, url: str, path: str, query: dict[str, str], mode: str) -> Page:
    day = D(path.rsplit("/", maxsplit=1)[-1])
    rows = spoil(unless_silent(market.bars(None, day, day), mode), mode)
    if not rows:
        return Page("bars", {"queryCount": 0, "resultsCount": 0, "adjusted": False, "status": "OK"})
    others = [{"T": "ABRpD", "o": 1, "h": 1, "l": 1, "c": 1, "v": 1, "t": at(day, 16, 1000)}]
    return wire_page("bars", [wire_row(r, 16, True) for r in rows] + others, 0, 1, url, path, mode)


def details(market: Market, size: int, url: str, path: str, query: dict[str, str], mode: str) -> Page:
    symbol = path.rsplit("/", maxsplit=1)[-1]
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
    page = wire_page("details", [], 0, 1, url, path, mode)
    if "results" in page.body:
        page.body["results"] = found
    return page


def tickers(market: Market, size: int, url: str, path: str, query: dict[str, str], mode: str) -> Page:
    active = query["active"] == "true"
    known = sorted({row["symbol"] for row in market.rows} | set(market.delisted))
    found = [
        {"ticker": s, "name": NAMES.get(s, (s, None))[0], "active": active, "type": "CS",
         **({} if active else {"delisted_utc": f"{market.delisted[s]}T00:00:00Z"})}
        for s in known if (s not in market.delisted) == active and query.get("ticker", s) == s
    ]  # fmt: skip
    number = int(query.get("cursor", "page0").removeprefix("page"))
    return wire_page("tickers", found, number, 1, url, path, mode)


def events(market: Market, size: int, url: str, path: str, query: dict[str, str], mode: str) -> Page:
    symbol = path.split("/")[-2]
    events = [
        {"type": "ticker_change", "date": day, "ticker_change": {"ticker": name}}
        for name, day in market.renames.get(symbol, [])
    ]
    return Page("events", {"status": "OK", "results": {"name": symbol, "events": events}})


def actions(market: Market, size: int, url: str, path: str, query: dict[str, str], mode: str) -> Page:
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
         "declaration_date": told and str(told), "frequency": 4, "id": f"E{market.actions.index(one)}"}
        for one in found for s, day, _, value, told in [one]
    ]  # fmt: skip
    count = max(1, -(-len(rows) // size))
    page = wire_page("actions", rows[number * size :][:size], number, count, url, f"{path}", mode)
    if page.body.get("next_url"):
        page.body["next_url"] = str(page.body["next_url"]).replace("?", f"?{link}&")
    return page
