"""Alpaca's own data clients, made to answer raw, in time, once, and to go nowhere else."""

from __future__ import annotations

import contextlib
import datetime as dt
import time
from collections.abc import Sequence
from typing import Any

import requests

from data_layer.sources.calls import Answer, Patience, read_whole

MOST_BARS = 10_000  # a page, the vendor's own limit
MOST_ACTIONS = 1_000


class _Session(requests.Session):
    """Bounds every request in time, goes to the data address only, and keeps the last answer."""

    def __init__(self, base: str, patience: Patience):
        super().__init__()
        self.base, self.patience = base, patience
        self.seconds = 0.0
        self.last: Answer | None = None

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        """Make one request, read within the seconds left."""
        if method != "GET" or not url.startswith(self.base + "/"):
            raise OSError("not a question to the market data address")
        deadline = time.monotonic() + self.seconds
        timeout = (min(self.patience.connect, self.seconds), min(self.patience.silence, self.seconds))
        kwargs |= {"timeout": timeout, "stream": True, "allow_redirects": False}
        response = super().request(method, url, *args, **kwargs)
        try:
            data = read_whole(response.raw, deadline - time.monotonic())
        finally:
            response.close()
        headers = {name.lower(): value for name, value in response.headers.items()}
        self.last = Answer(response.status_code, headers, data)
        response._content, response.encoding = data, "utf-8"
        return response


class AlpacaClient:
    """One call each; every method returns the answer whatever its status, and raises what requests raises."""

    def __init__(self, base: str, key: str, secret: str, patience: Patience):
        from alpaca.data.historical import StockHistoricalDataClient
        from alpaca.data.historical.corporate_actions import CorporateActionsClient

        self._session = _Session(base, patience)
        self._stocks = StockHistoricalDataClient(key, secret, url_override=base, raw_data=True)
        self._actions = CorporateActionsClient(key, secret, url_override=base, raw_data=True)
        for client in (self._stocks, self._actions):
            client._session = self._session
            client._retry = 0  # its own repetitions know neither Retry-After nor an end

    def bars(
        self,
        symbols: Sequence[str],
        first: dt.date,
        last: dt.date | None,
        token: str | None,
        seconds: float,
    ) -> Answer:
        """Ask for a page of daily bars as traded; without a last day, for one bar.

        Without one the vendor takes the newest moment that the key's plan covers.
        """
        parameters = {
            "symbols": ",".join(symbols),
            "timeframe": "1Day",
            "start": f"{first}T00:00:00Z",
            **({"end": f"{last}T23:59:59Z"} if last else {}),
            "adjustment": "raw",
            "sort": "asc",
            "limit": MOST_BARS if last else 1,
        }
        return self._send(self._stocks, "/stocks/bars", parameters, token, seconds)

    def actions(
        self,
        symbols: Sequence[str],
        kinds: str,
        first: dt.date,
        last: dt.date,
        token: str | None,
        seconds: float,
    ) -> Answer:
        """Ask for a page of corporate actions booked between two days."""
        parameters = {
            "symbols": ",".join(symbols),
            "types": kinds,
            "start": first.isoformat(),
            "end": last.isoformat(),
            "sort": "asc",
            "limit": MOST_ACTIONS,
        }
        return self._send(self._actions, "/corporate-actions", parameters, token, seconds)

    def _send(
        self, client: Any, path: str, parameters: dict[str, Any], token: str | None, seconds: float
    ) -> Answer:
        from alpaca.common.exceptions import APIError

        session = self._session
        session.last, session.seconds = None, seconds
        if token is not None:
            parameters["page_token"] = token
        # The client raises for any status but 2xx, and for what is not JSON; both are judged elsewhere.
        with contextlib.suppress(APIError, ValueError, RecursionError):
            client.get(path, parameters)
        if session.last is None:
            raise OSError("no answer")
        return session.last
