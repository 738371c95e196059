"""Alpaca's own data clients, made to answer raw, in time, once, and to go nowhere else."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import requests

from data_layer.sources.calls import Answer, Patience
from data_layer.sources.raw_session import RawSession

MOST_BARS = 10_000  # a page, the vendor's own limit
MOST_ACTIONS = 1_000


class _Session(RawSession):
    """Asks the data address only."""

    def __init__(self, base: str, patience: Patience):
        super().__init__(patience.connect, patience.silence)
        self.base = base

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        """Make one request, or refuse its address."""
        if method != "GET" or not url.startswith(self.base + "/"):
            raise OSError("not a question to the market data address")
        return super().request(method, url, *args, **kwargs)


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

    def newest_trades(self, symbols: Sequence[str], seconds: float) -> Answer:
        """Ask for the newest trade of each symbol, of the best feed that the key's plan covers."""
        return self._send(self._stocks, "/stocks/trades/latest", {"symbols": ",".join(symbols)}, None, seconds)

    def _send(
        self, client: Any, path: str, parameters: dict[str, Any], token: str | None, seconds: float
    ) -> Answer:
        if token is not None:
            parameters["page_token"] = token
        return self._session.ask(lambda: client.get(path, parameters), seconds)
