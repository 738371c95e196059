"""Polygon: bars, actions, tickers and renames of US stocks, https://polygon.io, with a key."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import pairwise
from operator import itemgetter
from typing import Any, ClassVar

import pandas as pd

from data_layer.sessions import sessions_between
from data_layer.settings import is_symbol, validate_symbol
from data_layer.sources.base import RENAME_COLUMNS
from data_layer.sources.calls import Answer, Caller
from data_layer.sources.listings import Listing
from data_layer.sources.polygon_client import PolygonClient
from data_layer.sources.received import Action, Row, bar_row, epoch_day, exact, iso_day, row_id
from data_layer.sources.vendor import VendorSource

# The whole market declares some 60,000 dividends and 1,500 splits a year, a thousand to a page.
PAGES_PER_DAY = 0.17
VALUES = ("o", "h", "l", "c", "v")


class PolygonSource(VendorSource):
    """Raw daily bars, splits and dividends as declared, with the day each dividend was announced.

    A day of the whole market costs one call, a symbol's history one too: the cheaper way is taken, which for
    a daily run is the market's: three calls with its splits and dividends. A symbol named by SYMBOLS or by the
    universe file costs two more once, for its description and its renames, and again when its bars fail to come.
    Without either, the vendor's list of common stocks is taken, delisted ones included; it does not say when a
    stock was listed. The sector is the industry's SIC description.
    """

    name = "polygon"
    keys: ClassVar[Mapping[str, str]] = {"POLYGON_API_KEY": "password"}
    address = ("POLYGON_URL", "https://api.polygon.io")
    limit = ("POLYGON_CALLS_PER_MINUTE", 5)  # of the free plan

    @cached_property
    def _client(self) -> PolygonClient:
        return PolygonClient(self.base, self.key("POLYGON_API_KEY"), self.patience)

    @cached_property
    def _calls(self) -> Caller:
        return self.caller("check POLYGON_API_KEY and what its plan covers: free plans reach two years back")

    def batches(self, symbols: Sequence[str], first: dt.date, last: dt.date) -> list[Sequence[str]]:
        """See VendorSource: all symbols together when the market is asked day by day."""
        grouped = self._is_grouped(symbols, first, last)
        return [symbols] if grouped and symbols else super().batches(symbols, first, last)

    def load_bars(self, symbols: Sequence[str], first: dt.date, last: dt.date) -> Iterable[Row]:
        """See VendorSource."""
        if self._is_grouped(symbols, first, last):
            wanted = set(symbols)
            for day in sessions_between(first, last):
                yield from self._market(day, wanted)
        else:
            for symbol in symbols:
                yield from self._history(symbol, first, last)

    def load_actions(self, symbols: Sequence[str], first: dt.date, last: dt.date) -> Iterable[Action]:
        """See VendorSource: the market's for few days, each symbol's own for few symbols."""
        cheaper_whole = 2 + PAGES_PER_DAY * (last - first).days <= 2 * len(symbols)
        for ticker in [None] if cheaper_whole else symbols:
            for split in self._reference("splits", "execution_date", ticker, first, last):
                if ticker or split.get("ticker") in symbols:
                    yield self._split(split, ticker)
            for dividend in self._reference("dividends", "ex_dividend_date", ticker, first, last):
                if ticker or dividend.get("ticker") in symbols:
                    yield self._dividend(dividend, ticker)

    def describe(self, symbol: str) -> Listing | None:
        """See VendorSource; a delisted symbol is only in the list of those."""
        what = f"description of {symbol}"
        status, page = self._calls.ask(what, lambda s: self._client.details(symbol, s), accept=[404])
        if status == 200:
            found = page.get("results")
            self._check_status(what, page)
            if not isinstance(found, dict):
                raise self._calls.broken(what, "no results")
            self._check(what, found, symbol)
            sector = found.get("sic_description")
            return self._listing(symbol, found, sector if isinstance(sector, str) else None)
        gone = list(self._tickers(active=False, ticker=symbol))
        return gone[0] if gone else None

    def listed(self) -> list[Listing]:
        """See VendorSource: common stocks that trade, and those that left after START."""
        left = [one for one in self._tickers(active=False) if one.last and one.last >= self.start]
        now = list(self._tickers(active=True))
        taken = {one.symbol for one in now}  # a symbol can be given to another company
        return now + [one for one in left if one.symbol not in taken]

    def renames(self) -> pd.DataFrame:
        """See Source: of the symbols asked for by name, a call each once; of the vendor's whole list none."""
        found: list[tuple[str, str, dt.date]] = []
        for one in self.listings.all() if self.listings.own_list is None else []:
            if one.renames is None:
                names = self.tickers_of(one.symbol)[["symbol", "since"]].to_numpy().tolist()
                told = tuple((old, new, since) for (old, _), (new, since) in pairwise(names))
                one = self.listings.learn(replace(one, renames=told))  # noqa: PLW2901
            found += one.renames or ()
        return pd.DataFrame(found, columns=list(RENAME_COLUMNS), dtype=object)

    def tickers_of(self, symbol: str) -> pd.DataFrame:
        """Return the symbols a company has had: symbol, since; oldest first, empty when none is recorded."""
        what = f"renames of {validate_symbol(symbol)}"
        status, page = self._calls.ask(what, lambda s: self._client.events(symbol, s), accept=[404])
        rows = []
        if status == 200:
            results = page.get("results")
            events = results.get("events") if isinstance(results, dict) else None
            self._check_status(what, page)
            if not isinstance(events, list):
                raise self._calls.broken(what, "no results")
            for event in events:
                change = event.get("ticker_change") if isinstance(event, dict) else None
                name, since = (change or {}).get("ticker"), iso_day((event or {}).get("date"))
                if not is_symbol(name) or since is None:
                    raise self._calls.broken(what, f"not a rename: {event!r}")
                rows.append((name, since))
        return pd.DataFrame(sorted(rows, key=itemgetter(1)), columns=["symbol", "since"], dtype=object)

    def _is_grouped(self, symbols: Sequence[str], first: dt.date, last: dt.date) -> bool:
        return len(sessions_between(first, last)) <= len(symbols)

    def _history(self, symbol: str, first: dt.date, last: dt.date) -> Iterator[Row]:
        what = f"bars of {symbol}, {first}..{last}"
        for page in self._pages(what, lambda s: self._client.history(symbol, first, last, s)):
            for row in page:
                if "T" in row:  # not sent for one symbol, and then it must be that one
                    self._check(what, {"ticker": row["T"]}, symbol)
                yield _bar(symbol, epoch_day(row.get("t"), 1000), row)

    def _market(self, day: dt.date, wanted: set[str]) -> Iterator[Row]:
        what = f"bars of the market on {day}"
        for page in self._pages(what, lambda s: self._client.market(day, s)):
            for row in page:
                symbol = row.get("T")
                if isinstance(symbol, str) and symbol not in wanted:
                    continue
                dated = epoch_day(row.get("t"), 1000)
                if dated not in {None, day}:
                    raise self._calls.broken(what, f"a bar of {dated}")
                named = symbol if isinstance(symbol, str) else ""
                yield _bar(named, dated, row)

    def _reference(
        self, kind: str, field: str, ticker: str | None, first: dt.date, last: dt.date
    ) -> Iterator[dict[str, Any]]:
        what = f"{kind} of {ticker or 'the market'}, {first}..{last}"
        for page in self._pages(what, lambda s: self._client.reference(kind, field, ticker, first, last, s)):
            yield from page

    def _tickers(self, *, active: bool, ticker: str | None = None) -> Iterator[Listing]:
        what = f"list of {'active' if active else 'delisted'} {ticker or 'tickers'}"
        for page in self._pages(what, lambda s: self._client.tickers(active, ticker, s)):
            for row in page:
                symbol = row.get("ticker")
                if ticker:
                    self._check(what, row, ticker)
                if is_symbol(symbol):  # others are preferred shares, units and tests
                    yield self._listing(str(symbol), row, None)

    def _pages(self, what: str, first: Callable[[float], Answer]) -> Iterator[list[dict[str, Any]]]:
        pages = 0

        def rows(page: dict[str, Any]) -> list[dict[str, Any]]:
            nonlocal pages
            pages += 1
            results, count = page.get("results"), page.get("resultsCount")
            self._check_status(what, page)
            if results is None and "results" not in page and count == 0 and page.get("queryCount") == 0:
                return []  # so it says that a window holds no bar
            if not isinstance(results, list) or not all(isinstance(row, dict) for row in results):
                raise self._calls.broken(what, "no results")
            if count is not None and pages == 1 and "next_url" not in page and count != len(results):
                raise self._calls.broken(what, f"{len(results)} of {count!r} results")
            return results

        def send(cursor: str | None, seconds: float) -> Answer:
            return first(seconds) if cursor is None else self._client.follow(cursor, seconds)

        return self._calls.walk(what, send, rows, lambda page: self._next(what, page))

    def _next(self, what: str, page: dict[str, Any]) -> object:
        url = page.get("next_url")
        if isinstance(url, str) and not self._client.is_ours(url):
            raise self._calls.broken(what, "the next page is at another host")
        return url

    def _check_status(self, what: str, page: dict[str, Any]) -> None:
        status, words = page.get("status"), f"{page.get('status')}: {page.get('error') or page.get('message')}"
        if status == "NOT_AUTHORIZED":
            raise self._calls.uncovered(what, words)
        if status not in {"OK", "DELAYED"}:
            raise self._calls.broken(what, words)

    def _check(self, what: str, row: dict[str, Any], symbol: str) -> None:
        if row.get("ticker") != symbol:
            raise self._calls.broken(what, f"an answer about {row.get('ticker')!r}")

    def _listing(self, symbol: str, row: dict[str, Any], sector: str | None) -> Listing:
        name, gone = row.get("name"), row.get("delisted_utc")
        return Listing(
            symbol,
            name if isinstance(name, str) else symbol,
            sector,
            iso_day(row.get("list_date")),
            iso_day(gone[:10]) if isinstance(gone, str) else None,
        )

    def _split(self, row: dict[str, Any], ticker: str | None) -> Action:
        symbol, day = self._whose(row, ticker, "execution_date")
        old, new = exact(row.get("split_from")), exact(row.get("split_to"))
        value = new / old if old and new is not None else f"{row.get('split_to')}:{row.get('split_from')}"
        return symbol, day, "split", value, None

    def _dividend(self, row: dict[str, Any], ticker: str | None) -> Action:
        symbol, day = self._whose(row, ticker, "ex_dividend_date")
        amount, currency = row.get("cash_amount"), row.get("currency", "USD")
        value = exact(amount) if currency == "USD" else None
        if value is None:
            value = f"{amount} {currency}"  # type: ignore[assignment]
        return symbol, day, "dividend", value, iso_day(row.get("declaration_date")), row_id(row)

    def _whose(self, row: dict[str, Any], ticker: str | None, field: str) -> tuple[str, dt.date]:
        symbol, day = row.get("ticker"), iso_day(row.get(field))
        if day is None or not isinstance(symbol, str) or (ticker and symbol != ticker):
            raise self._calls.broken(f"actions of {ticker or 'the market'}", f"not an action: {row!r}")
        return symbol, day


def _bar(symbol: str, day: dt.date | None, row: Mapping[str, Any]) -> Row:
    return bar_row(symbol, day, [row.get(v) for v in VALUES], row.get("t"), row.get("vw"))
