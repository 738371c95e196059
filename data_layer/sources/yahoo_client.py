"""The library yfinance's way to Yahoo, made to answer raw, in time, once, and to go nowhere else."""

from __future__ import annotations

import contextlib
from typing import Any
from urllib.parse import urlsplit

from data_layer.sources.calls import LONGEST_BODY, Answer

HOST = "https://query2.finance.yahoo.com"


class YahooClient:
    """One call each; raises what curl_cffi raises."""

    def __init__(self, base: str):
        from curl_cffi import requests
        from curl_cffi.curl import CURL_WRITEFUNC_ERROR
        from yfinance.data import YfData

        class Session(requests.Session):
            """Does not follow redirects, keeps the last answer and ends the library's call at a refusal."""

            seconds = 0.0
            last: Answer | None = None

            def request(self, method: Any, url: str, **kwargs: Any) -> Any:  # type: ignore[override]
                if not url.startswith(HOST + "/"):
                    raise ValueError(f"not Yahoo's: {urlsplit(url).hostname}")
                body = bytearray()

                def take(piece: bytes) -> int:
                    """Measure what curl has unpacked, piece by piece; a bomb must not be held whole."""
                    body.extend(piece)
                    return len(piece) if len(body) <= LONGEST_BODY else CURL_WRITEFUNC_ERROR

                # Curl's timeout is for the whole exchange, drips included.
                kwargs |= {"timeout": self.seconds, "allow_redirects": False, "content_callback": take}
                try:
                    response = super().request(method, base + url.removeprefix(HOST), **kwargs)
                except OSError:
                    if len(body) > LONGEST_BODY:
                        raise OSError(f"answer longer than {LONGEST_BODY} bytes") from None
                    raise
                response.content = bytes(body)
                headers = {str(name).lower(): str(value) for name, value in response.headers.items()}
                self.last = Answer(response.status_code, headers, response.content)
                if response.status_code != 200:
                    raise ValueError(f"HTTP {response.status_code}")  # the library would ask once more
                return response

        class Data(YfData):
            """The chart needs neither the cookie nor the crumb that the library fetches for other pages."""

            def _get_cookie_and_crumb(self, timeout: int = 30) -> tuple[None, str]:
                return None, "basic"

        # Yahoo refuses clients that do not look like a browser.
        self._session = Session(impersonate="chrome")
        self._data = Data(session=self._session)

    def chart(self, symbol: str, span: tuple[int, int] | None, seconds: float) -> Answer:
        """Ask for a symbol's daily bars, splits and dividends within a span of seconds since 1970, or today's."""
        session = self._session
        session.last, session.seconds = None, seconds
        window = {"period1": span[0], "period2": span[1]} if span else {"range": "1d"}
        parameters = {**window, "interval": "1d", "includePrePost": "false", "events": "div,splits"}
        with contextlib.suppress(ValueError):
            self._data.get(f"{HOST}/v8/finance/chart/{symbol}", params=parameters, timeout=seconds)
        if session.last is None:
            raise OSError("no answer")
        return session.last
