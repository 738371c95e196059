"""Charts of twenty-one years of sessions in Chromium, from their data in the page to the picture."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.benchmarks.measure import Measure
from tests.support.browser import chromium, drawn
from tests.support.charted import accounts_page, served, strategy_page

SESSIONS, ROUNDS = 5_400, 5
SECONDS = 0.2  # no peer: what a person takes for at once
PATIENCE = 60.0


def chart_drawing() -> Iterator[Measure]:
    """Each chart that a page has, the median of some loads."""
    with (
        tempfile.TemporaryDirectory() as folder,
        served({"/": strategy_page(SESSIONS), "/accounts": accounts_page(SESSIONS)}) as address,
        chromium(Path(folder)) as browser,
    ):
        for path in ("/", "/accounts"):
            loads = [_load(browser, address + path) for _ in range(ROUNDS)]
            for name in loads[0]:
                took = statistics.median(load[name] for load in loads) / 1000
                yield Measure(f"chart_drawing_{name}", took, SECONDS, 1)


def _load(browser: Any, address: str) -> dict[str, float]:
    """Open a page, and return how long each of its charts took, in ms."""
    browser.get(address)
    until = time.monotonic() + PATIENCE
    while not (took := drawn(browser)):
        if time.monotonic() > until:
            raise TimeoutError("the charts were not drawn")
        time.sleep(0.05)
    return took


BENCHMARKS = (chart_drawing,)
