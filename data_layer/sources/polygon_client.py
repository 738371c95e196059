"""Polygon's own client, made to answer raw, in time, and to go nowhere else."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import urllib3

from data_layer.sources.calls import Answer, Patience, read_whole

MOST_BARS = 50_000  # a page, the vendor's own limit
MOST_ROWS = 1_000


class _Pool(urllib3.PoolManager):
    """Connections that neither repeat a request nor follow a redirect, and keep the last answer."""

    patience: Patience
    seconds: float  # left for the whole answer
    last: Answer | None = None

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        """Make one request and return its Answer, read within the seconds left."""
        # The client's own read timeout is not used by this version.
        timeout = urllib3.Timeout(
            connect=min(self.patience.connect, self.seconds), read=min(self.patience.silence, self.seconds)
        )
        kwargs |= {"redirect": False, "retries": False, "preload_content": False, "timeout": timeout}
        response = super().request(method, url, *args, **kwargs)
        try:
            data = read_whole(response, self.seconds)
        finally:
            response.close()
        headers = {name.lower(): value for name, value in response.headers.items()}
        self.last = Answer(response.status, headers, data)
        return self.last


class PolygonClient:
    """One call each; every method returns the answer whatever its status, and raises what urllib3 raises."""

    def __init__(self, base: str, key: str, patience: Patience):
        from polygon import RESTClient

        self.base = base
        self._client = RESTClient(api_key=key, base=base, retries=0)
        pool = _Pool(**self._client.client.connection_pool_kw)
        pool.patience = patience
        self._client.client = self._pool = pool

    def history(self, symbol: str, first: dt.date, last: dt.date, seconds: float) -> Answer:
        """Ask for a symbol's daily bars as traded."""
        return self._send(
            seconds,
            lambda: self._client.get_aggs(
                symbol, 1, "day", first, last, adjusted=False, sort="asc", limit=MOST_BARS, raw=True
            ),
        )

    def market(self, day: dt.date, seconds: float) -> Answer:
        """Ask for all stocks' bars of a day as traded."""
        return self._send(seconds, lambda: self._client.get_grouped_daily_aggs(day, adjusted=False, raw=True))

    def reference(
        self, kind: str, field: str, ticker: str | None, first: dt.date, last: dt.date, seconds: float
    ) -> Answer:
        """Ask for splits or dividends whose day in the field lies between two."""
        ask = self._client.list_splits if kind == "splits" else self._client.list_dividends
        days = {f"{field}_gte": first.isoformat(), f"{field}_lte": last.isoformat()}
        return self._send(
            seconds, lambda: ask(ticker=ticker, **days, order="asc", sort=field, limit=MOST_ROWS, raw=True)
        )

    def details(self, symbol: str, seconds: float) -> Answer:
        """Ask for a symbol's description."""
        return self._send(seconds, lambda: self._client.get_ticker_details(symbol, raw=True))

    def events(self, symbol: str, seconds: float) -> Answer:
        """Ask for a company's renames."""
        return self._send(
            seconds, lambda: self._client.get_ticker_events(symbol, types="ticker_change", raw=True)
        )

    def tickers(self, active: bool, ticker: str | None, seconds: float) -> Answer:
        """Ask for common stocks that trade, or that do no longer."""
        return self._send(
            seconds,
            lambda: self._client.list_tickers(
                ticker=ticker, type="CS", market="stocks", active=active, limit=MOST_ROWS, raw=True
            ),
        )

    def follow(self, url: str, seconds: float) -> Answer:
        """Ask for the page at an address that is_ours."""
        parts = urlsplit(url)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        return self._send(seconds, lambda: self._client._get(path, params={}, raw=True))

    def is_ours(self, url: str) -> bool:
        """Tell whether an address lies where the key may be sent."""
        ours, other = urlsplit(self.base), urlsplit(url)
        return (ours.scheme, ours.netloc) == (other.scheme, other.netloc) and other.path.startswith("/")

    def _send(self, seconds: float, call: Callable[[], Any]) -> Answer:
        from polygon.exceptions import BadResponse

        pool = self._pool
        pool.last, pool.seconds = None, seconds
        # The client raises, without the status, for any answer but 200; and for one that is not UTF-8.
        with contextlib.suppress(BadResponse, ValueError):
            call()
        if pool.last is None:
            raise OSError("no answer")
        return pool.last
