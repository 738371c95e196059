"""Alpaca's market data: daily bars and corporate actions of US stocks, with a key; nothing here can trade."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

from data_layer.sources.alpaca_client import AlpacaClient
from data_layer.sources.calls import FORBIDDEN, Answer, Caller
from data_layer.sources.listings import Listing
from data_layer.sources.received import NEW_YORK, Action, Row, bar_row, exact, iso_day, row_id
from data_layer.sources.vendor import VendorSource

VALUES = ("o", "h", "l", "c", "v")
# The vendor looks actions up by the day it books them: a dividend's is its payment, weeks after it went ex.
BOOKED_WITHIN = dt.timedelta(days=120)
SPLITS, DIVIDENDS = ("forward_splits", "reverse_splits"), "cash_dividends"
STOCK_DIVIDENDS = "stock_dividends"
KINDS = "forward_split,reverse_split,stock_dividend,cash_dividend"


class AlpacaSource(VendorSource):
    """Raw daily bars, splits and cash dividends; a stock dividend of rate r is a split of 1 + r.

    History begins in 2016; a symbol's first session is that of its first bar. Names and sectors are not
    served at this address, so a universe file should state them. Bars follow a company through its renames.
    """

    name = "alpaca"
    keys: ClassVar[Mapping[str, str]] = {"ALPACA_API_KEY": "login", "ALPACA_SECRET_KEY": "password"}  # nosec B105
    address = ("ALPACA_DATA_URL", "https://data.alpaca.markets")
    limit = ("ALPACA_CALLS_PER_MINUTE", 180)  # the plan allows 200: room for a person's own

    @cached_property
    def _client(self) -> AlpacaClient:
        key, secret = self.key("ALPACA_API_KEY"), self.key("ALPACA_SECRET_KEY")
        return AlpacaClient(self.base, key, secret, self.patience)

    @cached_property
    def _calls(self) -> Caller:
        return self.caller("check ALPACA_API_KEY and ALPACA_SECRET_KEY and what their plan covers")

    def load_bars(self, symbols: Sequence[str], first: dt.date, last: dt.date) -> Iterable[Row]:
        """See VendorSource."""
        for page in self._bars(symbols, first, last):
            for symbol, row in page:
                values = [row.get(v) for v in VALUES]
                yield bar_row(symbol, _day(row.get("t")), values, row.get("t"), row.get("vw"))

    def load_actions(self, symbols: Sequence[str], first: dt.date, last: dt.date) -> Iterable[Action]:
        """See VendorSource."""
        what = f"actions of {', '.join(symbols[:5])}, {first}..{last}"

        def rows(page: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
            return self._by_name(what, page, "corporate_actions")

        def send(token: str | None, seconds: float) -> Answer:
            return self._client.actions(symbols, KINDS, first, last + BOOKED_WITHIN, token, seconds)

        for found in self._calls.walk(what, send, rows, lambda page: page.get("next_page_token")):
            for kind, row in found:
                if kind in {*SPLITS, STOCK_DIVIDENDS, DIVIDENDS}:
                    yield self._action(what, kind, row, symbols)

    def describe(self, symbol: str) -> Listing | None:
        """See VendorSource."""
        page = next(self._bars([symbol], self.start, None))
        if not page:
            return None
        first = _day(page[0][1].get("t"))
        if first is None:
            raise self._calls.broken(f"first bar of {symbol}", f"a bar of {page[0][1].get('t')!r}")
        return Listing(symbol, symbol, None, first)

    def newest_trades(self, symbols: Sequence[str]) -> dict[str, tuple[dt.datetime, float]]:
        """Return instant and price, USD, of each symbol's newest trade; a symbol that has none is left out.

        Raises:
            RetryableError: when no whole answer came, or one about something else.
            ConfigError: when the vendor refuses.
        """
        found: dict[str, tuple[dt.datetime, float]] = {}
        for begin in range(0, len(symbols), self.batch):
            part = symbols[begin : begin + self.batch]
            what = f"newest trades of {', '.join(part[:5])}"
            _, page = self._calls.ask(what, lambda seconds, part=part: self._client.newest_trades(part, seconds))  # type: ignore[misc]
            trades = page.get("trades")
            if not isinstance(trades, dict) or not trades.keys() <= set(part):
                raise self._calls.broken(what, f"no trades: {page.get('message')}")
            for symbol, trade in trades.items():
                price = exact(trade.get("p")) if isinstance(trade, dict) else None
                instant = _instant(trade.get("t")) if price else None
                if price is None or instant is None or price <= 0:
                    raise self._calls.broken(what, f"a trade of {symbol} that is none")
                found[symbol] = instant, float(price)
        return found

    def _bars(
        self, symbols: Sequence[str], first: dt.date, last: dt.date | None
    ) -> Iterator[list[tuple[str, dict[str, Any]]]]:
        """Yield pages of bars; without a last day only the first bar is asked for."""
        what = f"bars of {', '.join(symbols[:5])}, {first}..{last or 'the first one'}"

        def rows(page: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
            found = self._by_name(what, page, "bars")
            if strange := {name for name, _ in found} - set(symbols):
                raise self._calls.broken(what, f"an answer about {min(strange)!r}")
            return found

        def send(token: str | None, seconds: float) -> Answer:
            return self._client.bars(symbols, first, last, token, seconds)

        return self._calls.walk(what, send, rows, lambda page: page.get("next_page_token"))

    def _by_name(self, what: str, page: dict[str, Any], field: str) -> list[tuple[str, dict[str, Any]]]:
        """Return a page's rows, each with the name it stands under."""
        lists, code = page.get(field), page.get("code")
        if isinstance(code, int) and str(code).startswith(str(FORBIDDEN)):  # its own codes begin with HTTP's
            raise self._calls.uncovered(what, str(page.get("message")))
        if not isinstance(lists, dict) or "next_page_token" not in page:
            raise self._calls.broken(what, f"no {field}: {page.get('message')}")
        found = [
            (name, row)
            for name, rows in lists.items()
            for row in (rows if isinstance(rows, list) else [rows])
        ]
        if not all(isinstance(row, dict) for _, row in found):
            raise self._calls.broken(what, f"rows that are none in {field}")
        return found

    def _action(self, what: str, kind: str, row: dict[str, Any], symbols: Sequence[str]) -> Action:
        symbol, day = row.get("symbol"), iso_day(row.get("ex_date"))
        if not isinstance(symbol, str) or symbol not in symbols or day is None:
            raise self._calls.broken(what, f"not an action asked for: {row!r}")
        announced = iso_day(row.get("declaration_date"))
        if kind in SPLITS:
            new, old = exact(row.get("new_rate")), exact(row.get("old_rate"))
            text = f"{row.get('new_rate')}:{row.get('old_rate')}"
            return symbol, day, "split", new / old if old and new is not None else text, announced
        rate = exact(row.get("rate"))
        if kind == DIVIDENDS:
            return symbol, day, "dividend", str(row.get("rate")) if rate is None else rate, announced, row_id(row)
        return symbol, day, "split", str(row.get("rate")) if rate is None else 1 + rate, announced


def _instant(text: object) -> dt.datetime | None:
    try:
        return dt.datetime.fromisoformat(text) if isinstance(text, str) and text.endswith("Z") else None
    except ValueError:
        return None


def _day(text: object) -> dt.date | None:
    """Return the session of a bar, which is stamped with midnight in New York, in UTC."""
    try:
        stamp = _instant(text)
        return stamp.astimezone(NEW_YORK).date() if stamp else None
    except OverflowError:
        return None
