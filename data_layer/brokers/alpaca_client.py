"""The one way to Alpaca's trading interface: paper only, in time, once, and to no other address.

Two of the four layers that keep real money out stand here: addresses are compared letter by letter, and the
HTTP session has no way to any other one, whatever a caller, a redirect or the environment asks for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from data_layer.broker_settings import require_paper
from data_layer.sources.calls import Answer
from data_layer.sources.raw_session import RawSession
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


class PaperSession(RawSession):
    """A session that can only ask the paper address, bounded in time."""

    def __init__(self) -> None:
        super().__init__(CONNECT_SECONDS, ANSWER_SECONDS)
        self.seconds = ANSWER_SECONDS
        self.trust_env = False
        self.adapters.clear()
        for address in (PAPER, "http://127.0.0.1:"):
            self.mount(address, PaperAdapter())


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
        self.session, self.seconds = PaperSession(), seconds
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

    def _call(self, call: Callable[[], object]) -> Answer:
        return self.session.ask(call, self.seconds)
