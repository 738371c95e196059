"""One call of a vendor: paced, within a time budget, and an answer that is whole or an error."""

from __future__ import annotations

import hashlib
import http.client
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import urllib3

from data_layer.sources.limits import TokenBucket, retry_after
from models.errors import AlmanacError, ConfigError, RetryableError

STAGE = "data_ingestion"
# The longest true answer is a market's day or fifty thousand bars: about 5 MB.
LONGEST_BODY = 64 * 2**20
MOST_PAGES = 2_000
FORBIDDEN = 403  # known who asks, and not allowed to see it: how vendors say what a plan does not cover
TRANSPORT_ERRORS = (OSError, urllib3.exceptions.HTTPError, http.client.HTTPException)


class PlanError(ConfigError):
    """The key's plan does not cover what is asked for: no repetition helps, another vendor may."""


@dataclass(frozen=True)
class Patience:
    """Seconds a vendor is given; total bounds a call with all its repetitions, apart from one last silence.

    The longest true answers take two to three seconds; 10 + 4 stays below a quarter of a minute.
    """

    connect: float = 3.0
    silence: float = 4.0  # between two pieces of an answer
    total: float = 10.0
    attempts: int = 3
    pause: float = 0.5  # before the second attempt, doubled before each further one


@dataclass(frozen=True)
class Answer:
    """What came back: header names in lower case."""

    status: int
    headers: Mapping[str, str]
    data: bytes = field(repr=False)


def read_whole(raw: Any, seconds: float) -> bytes:
    """Return a response's decoded body piece by piece, so that a server that drips cannot hold us.

    Args:
        raw: urllib3 response, not read yet.
        seconds: for the whole body.

    Raises:
        TimeoutError: when it takes longer.
        OSError: when it is longer than any true answer.
    """
    deadline = time.monotonic() + seconds
    pieces, size = [], 0
    while piece := raw.read1(2**16, decode_content=True):
        pieces.append(piece)
        size += len(piece)
        if size > LONGEST_BODY:
            raise OSError(f"answer longer than {LONGEST_BODY} bytes")
        if time.monotonic() > deadline:
            raise TimeoutError(f"answer not complete after {seconds:.1f} s")
    return b"".join(pieces)


class Caller:
    """Makes the calls of one vendor."""

    def __init__(
        self,
        vendor: str,
        bucket: TokenBucket,
        patience: Patience,
        secrets: Sequence[str] = (),
        remedy: str = "",
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ):
        self.vendor, self.bucket, self.patience, self.remedy = vendor, bucket, patience, remedy
        self._secrets = [s for s in secrets if s]
        self._clock, self._sleep = clock, sleep

    def ask(
        self, what: str, send: Callable[[float], Answer], accept: Sequence[int] = ()
    ) -> tuple[int, dict[str, Any]]:
        """Return an answer's status and JSON object.

        Args:
            what: what is asked for, for messages.
            send: makes the call once within the given seconds; raises what its library raises.
            accept: statuses that are an answer too.

        Raises:
            RetryableError: when nothing whole came within the patience; the caller may ask again later.
            PlanError: when the plan does not cover what is asked.
            ConfigError: when the vendor refuses it for another reason.
        """
        self.bucket.take()
        deadline = self._clock() + self.patience.total
        pause = self.patience.pause
        for attempt in range(1, self.patience.attempts + 1):
            wait, asked = pause, None
            try:
                answer = send(max(0.05, deadline - self._clock()))
            except TRANSPORT_ERRORS as error:
                trouble = f"{type(error).__name__}: {error}"
            else:
                if answer.status == 200 or answer.status in accept:
                    return answer.status, self._parse(what, answer)
                if answer.status not in {408, 429} and answer.status < 500:
                    raise self._refusal(what, answer)
                trouble = f"HTTP {answer.status}"
                asked = retry_after(answer.headers)
                if asked is not None:
                    trouble += f", to be asked again in {asked:.0f} s"
                    wait = max(wait, asked)
            if attempt == self.patience.attempts or self._clock() + wait >= deadline:
                raise self.broken(what, trouble, after=asked) from None
            self._sleep(wait)
            pause *= 2
            if not self.bucket.take(within=deadline - self._clock()):
                raise self.broken(what, trouble, after=asked) from None
        raise AssertionError("the last attempt returns or raises")

    def walk(
        self,
        what: str,
        send: Callable[[str | None, float], Answer],
        rows_of: Callable[[dict[str, Any]], Any],
        cursor_of: Callable[[dict[str, Any]], object],
    ) -> Iterator[Any]:
        """Yield the rows of each page, to the last one.

        Args:
            what: what is asked for.
            send: makes the call for a cursor (None for the first page) within the given seconds.
            rows_of: returns a page's rows, or raises.
            cursor_of: returns the next page's cursor, None after the last one.

        Raises:
            RetryableError: also for pages that go in a circle, repeat themselves or never end.
        """
        cursor: str | None = None
        seen: set[object] = set()
        for _ in range(MOST_PAGES):
            here = cursor
            _, page = self.ask(what, lambda seconds, here=here: send(here, seconds))  # type: ignore[misc]
            rows = rows_of(page)
            digest = hashlib.sha256(repr(rows).encode()).digest()
            if rows and digest in seen:
                raise self.broken(what, "the same page came twice")
            yield rows
            following = cursor_of(page)
            if following is None:
                return
            if not isinstance(following, str) or not following or following in seen:
                raise self.broken(what, f"the pages go in a circle or nowhere: {following!r}")
            seen |= {digest, following}
            cursor = following
        raise self.broken(what, f"more than {MOST_PAGES} pages")

    def broken(self, what: str, trouble: str, *, after: float | None = None) -> RetryableError:
        """Return the error for an answer that cannot be used as it is; after: seconds the vendor asked to wait."""
        error = RetryableError(
            f"no usable answer of {self.vendor}: {self.hide(trouble)}",
            stage=STAGE,
            key="asked for",
            value=what,
            remedy="it is asked again later",
        )
        error.after = after
        return error

    def hide(self, text: str) -> str:
        """Return a vendor's words, short, without keys."""
        for secret in self._secrets:
            text = text.replace(secret, "(hidden)")
        return " ".join(text.split())[:200]

    def _parse(self, what: str, answer: Answer) -> dict[str, Any]:
        try:
            parsed = json.loads(answer.data.decode("utf-8"))
        except (ValueError, RecursionError):
            start = self.hide(answer.data[:60].decode("utf-8", "replace"))
            raise self.broken(what, f"not JSON: {start!r}") from None
        if not isinstance(parsed, dict):
            raise self.broken(what, f"a JSON {type(parsed).__name__} instead of an object")
        return parsed

    def uncovered(self, what: str, words: str) -> PlanError:
        """Return the error for what the vendor says this plan may not see."""
        return PlanError(
            f"{self.vendor} refuses: {self.hide(words)}: not covered by the plan",
            stage=STAGE,
            key="asked for",
            value=what,
            remedy=f"{self.remedy}; or name another vendor after it in SOURCES",
        )

    def _refusal(self, what: str, answer: Answer) -> AlmanacError:
        words = self.hide(answer.data[:400].decode("utf-8", "replace"))
        if answer.status == FORBIDDEN:
            return self.uncovered(what, f"HTTP {FORBIDDEN}, {words}")
        if 300 <= answer.status < 400:
            words = "a redirect, which is not followed"
        return ConfigError(
            f"{self.vendor} refuses: HTTP {answer.status}, {words}",
            stage=STAGE,
            key="asked for",
            value=what,
            remedy=self.remedy,
        )
