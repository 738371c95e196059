"""The HTTP session under alpaca-py's clients: every answer whole, as it came, in time, and no redirect followed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

import requests

from data_layer.sources.calls import Answer, read_whole


class RawSession(requests.Session):
    """Reads each answer whole within the seconds given, and keeps it.

    Args:
        connect: seconds a connection may take.
        silence: seconds between two pieces of an answer.
    """

    def __init__(self, connect: float, silence: float):
        super().__init__()
        self.connect, self.silence = connect, silence
        self.seconds = 0.0
        self.last: Answer | None = None

    def ask(self, call: Callable[[], object], seconds: float) -> Answer:
        """Return the answer to what a client's call asks, whatever its status.

        Raises:
            OSError: when none came; and whatever requests raises for that.
        """
        from alpaca.common.exceptions import APIError

        self.last, self.seconds = None, seconds
        # The clients raise for any status but 2xx, and for what is not JSON; both are judged by who asks.
        with contextlib.suppress(APIError, ValueError, RecursionError, TypeError, AttributeError):
            call()
        if self.last is None:
            raise OSError("no answer")
        return self.last

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        """Make one request."""
        deadline = time.monotonic() + self.seconds
        timeout = (min(self.connect, self.seconds), min(self.silence, self.seconds))
        kwargs |= {"timeout": timeout, "stream": True, "allow_redirects": False}
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
