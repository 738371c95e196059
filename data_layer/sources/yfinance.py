"""Yahoo: bars, splits and dividends by the library yfinance, without a key and without any warranty."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any

from data_layer.sources.calls import Caller
from data_layer.sources.listings import Listing
from data_layer.sources.received import NEW_YORK, Action, Row, bar_row, epoch_day, exact
from data_layer.sources.vendor import VendorSource
from data_layer.sources.yahoo_client import YahooClient

VALUES = ("open", "high", "low", "close", "volume")
# All splits up to now are needed to undo them; a day that no run will see stands for now.
NEWEST = dt.date(2100, 1, 1)
# Yahoo answers in single precision. Up to 1,000 USD four decimals, the smallest tick there is, survive it.
FINE_BELOW = 1_000.0


class YahooSource(VendorSource):
    """Daily bars as traded, made from Yahoo's, which are divided by every later split even when unadjusted.

    With ``s`` the product of the ratios of all splits going ex after a bar's session, price = Yahoo's * s
    and volume = Yahoo's / s; a dividend going ex at t is multiplied by the splits after t alike. All splits
    come in the same answer, which always reaches to the newest day. Prices are rounded to four decimals (two
    from 1,000 USD), dividends to four and volumes to whole shares, whether or not a split had to be undone:
    so the next split, which changes what Yahoo sends for every earlier day, is no correction of history.
    Only a reverse split, joining shares that cannot be told apart again, moves earlier volumes by some.

    The library's frame of a refused call looks like that of an empty one; so its raw path is used, and the
    answer judged here (``auto_adjust=False, repair=False``, one thread). Symbols are written with a point
    here, BRK.B, and with a dash there. Nobody states when a dividend was announced.
    """

    name = "yfinance"
    address = ("YAHOO_URL", "https://query2.finance.yahoo.com")
    limit = ("YAHOO_CALLS_PER_MINUTE", 60)  # it states none: what a person clicking through charts might do

    @cached_property
    def _client(self) -> YahooClient:
        return YahooClient(self.base)

    @cached_property
    def _calls(self) -> Caller:
        return self.caller()

    def load_bars(self, symbols: Sequence[str], first: dt.date, last: dt.date) -> Iterable[Row]:
        """See VendorSource."""
        for symbol in symbols:
            yield from self._bars(symbol, self._chart(symbol, first))

    def load_actions(self, symbols: Sequence[str], first: dt.date, last: dt.date) -> Iterable[Action]:
        """See VendorSource."""
        for symbol in symbols:
            chart = self._chart(symbol, first)
            splits = self._splits(symbol, chart)
            for day, ratio in splits:
                yield symbol, day, "split", ratio, None
            for day, event in self._events(symbol, chart, "dividends"):
                amount = exact(event.get("amount"))
                value = amount if amount is None else round(amount * _later(splits, day, 1), 4)
                yield symbol, day, "dividend", str(event.get("amount")) if value is None else value, None

    def describe(self, symbol: str) -> Listing | None:
        """See VendorSource."""
        meta = self._chart(symbol, None).get("meta")
        if not meta:
            return None
        name = meta.get("longName") or meta.get("shortName")
        return Listing(
            symbol, name if isinstance(name, str) else symbol, None, epoch_day(meta.get("firstTradeDate"))
        )

    def _chart(self, symbol: str, first: dt.date | None) -> dict[str, Any]:
        """Return the vendor's chart from a day (None: only today's) to the newest; empty when it has none."""
        written, what = symbol.replace(".", "-"), f"chart of {symbol} from {first or 'today'}"
        span = (_midnight(first), _midnight(NEWEST)) if first else None
        status, page = self._calls.ask(
            what, lambda seconds: self._client.chart(written, span, seconds), accept=[400, 404]
        )
        chart = page.get("chart")
        results, error = (
            (chart.get("result"), chart.get("error")) if isinstance(chart, dict) else (None, None)
        )
        words = str(error.get("description")) if isinstance(error, dict) else ""
        if status == 400 and words.startswith("Data doesn't exist for startDate"):
            return {}
        if status == 404 and error and first is None:
            return {}
        if isinstance(error, dict) and error.get("code") == "Unauthorized":
            raise self._calls.uncovered(what, words)
        if status != 200 or error or not isinstance(results, list) or len(results) != 1:
            raise self._calls.broken(what, words or f"HTTP {status} without a result")
        found = results[0]
        meta = found.get("meta") if isinstance(found, dict) else None
        if not isinstance(meta, dict) or meta.get("symbol") != written:
            raise self._calls.broken(what, f"an answer about {(meta or {}).get('symbol')!r}")
        return dict(found)

    def _bars(self, symbol: str, chart: dict[str, Any]) -> Iterator[Row]:
        what = f"bars of {symbol}"
        stamps = chart.get("timestamp")
        indicators = chart.get("indicators")
        quotes = indicators.get("quote") if isinstance(indicators, dict) else None
        if not chart or (stamps is None and quotes == [{}]):
            return  # so it says that a window holds no bar
        quote = quotes[0] if isinstance(quotes, list) and len(quotes) == 1 else None
        columns = [quote.get(name) for name in VALUES] if isinstance(quote, dict) else [None]
        if not all(
            isinstance(c, list) and isinstance(stamps, list) and len(c) == len(stamps) for c in columns
        ):
            raise self._calls.broken(what, "columns are missing or of different lengths")
        splits = [(day, float(ratio)) for day, ratio in self._splits(symbol, chart)]
        for stamp, *values in zip(stamps or [], *columns, strict=True):
            day = epoch_day(stamp)
            factor = _later(splits, day, 1.0) if day else 1.0
            prices = [_undone(value, factor) for value in values[:4]]
            yield bar_row(symbol, day, [*prices, _shares(values[4], factor)], stamp)

    def _splits(self, symbol: str, chart: dict[str, Any]) -> list[tuple[dt.date, Any]]:
        """Return the ratios, new shares per old; without them no bar before could be read."""
        found = []
        for day, event in self._events(symbol, chart, "splits"):
            new, old = exact(event.get("numerator")), exact(event.get("denominator"))
            if new is None or old is None or new <= 0 or old <= 0:
                raise self._calls.broken(f"splits of {symbol}", f"not a split: {event!r}")
            found.append((day, new / old))
        if any(one[0] == other[0] for one, other in pairwise(sorted(found))):
            raise self._calls.broken(f"splits of {symbol}", "two splits on one day")
        return found

    def _events(
        self, symbol: str, chart: dict[str, Any], kind: str
    ) -> Iterator[tuple[dt.date, dict[str, Any]]]:
        events = chart.get("events") or {}
        named = events.get(kind) or {} if isinstance(events, dict) else None
        if not isinstance(named, dict):
            raise self._calls.broken(f"{kind} of {symbol}", "not what they should be")
        for event in named.values():
            day = epoch_day(event.get("date")) if isinstance(event, dict) else None
            if day is None:
                raise self._calls.broken(f"{kind} of {symbol}", f"without a day: {event!r}")
            yield day, event


def _midnight(day: dt.date) -> int:
    return int(dt.datetime.combine(day, dt.time(), NEW_YORK).timestamp())


def _later(splits: Sequence[tuple[dt.date, Any]], day: dt.date, one: Any) -> Any:
    """Return the product of the ratios going ex after a day."""
    for ex_date, ratio in splits:
        if ex_date > day:
            one = one * ratio
    return one


def _number(value: object) -> float | None:
    number = exact(value)
    return None if number is None or not math.isfinite(float(number)) else float(number)


def _undone(price: object, factor: float) -> object:
    number = _number(price)
    if number is None:
        return price
    raw = number * factor
    return round(raw, 4 if abs(raw) < FINE_BELOW else 2)


def _shares(volume: object, factor: float) -> object:
    number = _number(volume)
    return volume if number is None else round(number / factor)
