"""How often a vendor may be called, and how long it asks to be left alone."""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from functools import cache

MINUTE = 60.0  # seconds


class TokenBucket:
    """Holds a vendor's tokens, one a call; each comes back a minute after it was taken.

    So no minute, wherever it begins, sees more calls than the vendor allows; a bucket that is refilled at a
    steady rate would allow twice as many in the first.
    """

    def __init__(
        self,
        calls_per_minute: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ):
        self.calls = calls_per_minute
        self._clock, self._sleep = clock, sleep
        self._taken: deque[float] = deque(maxlen=calls_per_minute)
        self._lock = threading.Lock()

    def take(self, within: float | None = None) -> bool:
        """Take a token, waiting for it; return False, having waited for nothing, if that takes too long.

        Args:
            within: seconds to wait at most; None for as long as it takes, a minute at most.
        """
        with self._lock:
            now = self._clock()
            wait = 0.0
            if len(self._taken) == self.calls:
                wait = max(0.0, self._taken[0] + MINUTE - now)
            if within is not None and wait > within:
                return False
            if wait:
                self._sleep(wait)
            self._taken.append(self._clock())
            return True


@cache
def bucket_of(vendor: str, calls_per_minute: int) -> TokenBucket:
    """Return the bucket that all of this process shares; other processes wait for the vendor's pool."""
    return TokenBucket(calls_per_minute)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds a vendor asks to wait, None when it does not say, or not so that it can be read.

    A date counts from the answer's own Date, so that this machine's clock plays no part.

    Args:
        headers: of the answer, names in lower case.
    """
    text = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}", text, re.ASCII):
        return float(text)
    try:
        until, now = parsedate_to_datetime(text), parsedate_to_datetime(headers.get("date", ""))
        return max(0.0, (until - now).total_seconds())
    except (ValueError, TypeError):
        return None
