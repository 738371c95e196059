"""How often a vendor may be called, and how long it asks to be left alone."""

from __future__ import annotations

import fcntl
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path

MINUTE = 60.0  # seconds


class TokenBucket:
    """Holds a vendor's tokens, one a call; each comes back a minute after it was taken.

    So no minute, wherever it begins, sees more calls than the vendor allows; a bucket that is refilled at a
    steady rate would allow twice as many in the first. A ledger makes it one bucket for all processes of a
    home: the tasks of a run follow each other within seconds.
    """

    def __init__(
        self,
        calls_per_minute: int,
        *,
        ledger: Path | None = None,
        clock: Callable[[], float] = time.monotonic,  # the same for all processes, since the machine started
        sleep: Callable[[float], None] = time.sleep,
    ):
        self.calls, self.ledger = calls_per_minute, ledger
        self._clock, self._sleep = clock, sleep
        self._taken: list[float] = []
        self._lock = threading.Lock()

    def take(self, within: float | None = None) -> bool:
        """Take a token, waiting for it; return False if it will not be there in time.

        Args:
            within: seconds to wait at most; None for as long as it takes.
        """
        deadline = None if within is None else self._clock() + within
        while wait := self._try():
            if deadline is not None and self._clock() + wait > deadline:
                return False
            self._sleep(wait)
        return True

    def _try(self) -> float:
        """Take a token and return 0, or the seconds until there is one."""
        with self._lock, self._shared() as taken:
            now = self._clock()
            taken[:] = sorted(t for t in taken if t <= now < t + MINUTE)
            if len(taken) >= self.calls:
                return taken[-self.calls] + MINUTE - now  # above 0: else it were not held
            taken.append(now)
            return 0.0

    @contextmanager
    def _shared(self) -> Iterator[list[float]]:
        """Yield the times of the last minute's calls, to be changed in place, as long as nobody else does."""
        if self.ledger is None:
            yield self._taken
            return
        self.ledger.parent.mkdir(parents=True, exist_ok=True)
        with self.ledger.open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            # A write that a killed process left half done costs a token or two, and nothing else.
            taken = [float(line) for line in file if re.fullmatch(r"\d+\.\d+\n", line)]
            yield taken
            file.seek(0)
            file.truncate()
            file.writelines(f"{t!r}\n" for t in taken)


@cache
def bucket_of(vendor: str, calls_per_minute: int, home: Path) -> TokenBucket:
    """Return the bucket of a vendor that all processes of a home share."""
    return TokenBucket(calls_per_minute, ledger=home / "run" / f"{vendor}.calls")


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
