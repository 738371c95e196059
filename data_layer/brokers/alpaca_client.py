"""The one way to Alpaca's trading interface: paper only, in time, once, and to no other address.

Two of the four layers that keep real money out stand here: addresses are compared letter by letter, and the
HTTP session has no way to any other one, whatever a caller, a redirect or the environment asks for.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from data_layer.broker_settings import require_paper
from data_layer.sources.calls import Answer, read_whole
from models.errors import BlockedError, ConfigError

# Said here again, apart from the settings, and never taken from them: each of the two refuses alone.
PAPER = "https://paper-api.alpaca.markets/"
ALLOWED = re.compile(
    r"(https://paper-api\.alpaca\.markets|http://127\.0\.0\.1:[1-9][0-9]{0,4})/v2/", re.ASCII
)
# What the guards were written and tested against: another version may find another way out.
PINNED = "0.44.0"
# An order is acknowledged in tenths of a second; ten times the worst answer seen, and a run of 400 still ends.
CONNECT_SECONDS, ANSWER_SECONDS = 3.0, 10.0


class PaperAdapter(HTTPAdapter):
    """Carries requests to the paper address or this machine, without repeating them and without proxies."""

    def __init__(self) -> None:
        super().__init__(max_retries=0)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request, or refuse its address.

        Raises:
            BlockedError: when the address is another one.
        """
        if not ALLOWED.match(request.url or ""):
            raise BlockedError("not the paper trading address", stage="brokers", key="address",
                               value=re.sub(r"//[^/]*@", "//(hidden)@", str(request.url))[:80],
                               remedy="nothing was sent")  # fmt: skip
        kwargs["proxies"] = {}
        return super().send(request, *args, **kwargs)


class PaperSession(requests.Session):
    """A session that can only ask the paper address, bounded in time; keeps the last answer as it came."""

    def __init__(self, seconds: float = ANSWER_SECONDS):
        super().__init__()
        self.seconds = seconds
        self.trust_env = False
        self.adapters.clear()
        for address in (PAPER, "http://127.0.0.1:"):
            self.mount(address, PaperAdapter())
        self.last: Answer | None = None

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        """Make one request, read whole within the seconds; never follow a redirect."""
        deadline = time.monotonic() + self.seconds
        connect = min(CONNECT_SECONDS, self.seconds)
        kwargs |= {
            "timeout": (connect, self.seconds),
            "stream": True,
            "allow_redirects": False,
            "proxies": {},
        }
        self.last = None
        response = super().request(method, url, *args, **kwargs)
        try:
            data = read_whole(response.raw, max(0.01, deadline - time.monotonic()))
        finally:
            response.close()
        headers = {name.lower(): value for name, value in response.headers.items()}
        self.last = Answer(response.status_code, headers, data)
        response._content, response.encoding = data, "utf-8"
        return response


class PaperClient:
    """alpaca-py's TradingClient with that session; each call returns the answer whatever its status.

    Args:
        key: of a paper account.
        secret: to it.
        address: of the interface, see broker_settings.require_paper.
        seconds: for one answer.

    Raises:
        ConfigError: for another address, a missing key, or another version of alpaca-py than the pinned one.
    """

    def __init__(self, key: str, secret: str, address: str, seconds: float = ANSWER_SECONDS):
        from alpaca.trading.client import TradingClient

        found = version("alpaca-py")
        if found != PINNED:
            raise ConfigError("another version than the one tested", stage="brokers", key="alpaca-py",
                              value=found, remedy=f"install {PINNED}")  # fmt: skip
        if not (key and secret):
            raise ConfigError("no keys of a paper account", stage="brokers", key="ALPACA_PAPER_KEY",
                              value="(none)", remedy="set ALPACA_PAPER_KEY and ALPACA_PAPER_SECRET")  # fmt: skip
        base = require_paper(address)
        self.session = PaperSession(seconds)
        self._client = TradingClient(key, secret, paper=True, raw_data=True, url_override=base)
        self._client._session = self.session
        self._client._retry = 0  # its own repetitions would send an order twice

    def submit(self, request: Any) -> Answer:
        """Send an order; request is one of alpaca-py's models."""
        return self._call(lambda: self._client.submit_order(request))

    def by_name(self, client_order_id: str) -> Answer:
        """Ask for an order by our name of it."""
        return self._call(lambda: self._client.get_order_by_client_id(client_order_id))

    def cancel(self, broker_order_id: str) -> Answer:
        """Ask for an order's cancellation."""
        return self._call(lambda: self._client.delete(f"/orders/{broker_order_id}"))

    def get(self, path: str, parameters: Mapping[str, Any]) -> Answer:
        """Ask for anything else."""
        return self._call(lambda: self._client.get(path, dict(parameters)))

    def _call(self, call: Any) -> Answer:
        from alpaca.common.exceptions import APIError

        self.session.last = None
        # The client raises for any status but 2xx, and for what is not JSON; both are judged by the caller.
        with contextlib.suppress(APIError, ValueError, RecursionError, TypeError, AttributeError):
            call()
        if self.session.last is None:
            raise OSError("no answer")
        return self.session.last
