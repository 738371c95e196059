"""What each source needs to be tried: a file here called like the source, found by its name.

A file holds CASES, by id a function of (home, stub) that returns settings which open the source for two symbols from
FIRST to LAST; SYMBOLS, those two; REPLAYS, whether they are the sample's bars. A vendor's has ROUTES too: the stub's
answers by how an address begins, each a function like those in tests/support/vendor_polygon.py.
"""

from __future__ import annotations

import datetime as dt
import importlib
import pkgutil
from types import ModuleType

from data_layer.settings import parse_settings
from tests.support.vendor_market import Market
from tests.support.vendor_pages import Page

FIRST, LAST = dt.date(2005, 2, 1), dt.date(2005, 6, 30)
REAL = ("AAPL", "MSFT")
WANTED = {"symbols": " ".join(REAL), "start": str(FIRST), "end": str(LAST)}


def hook(source: str) -> ModuleType:
    """A source's file; without one the source is not tried, which is a failure."""
    if source not in {info.name for info in pkgutil.iter_modules(__path__)}:
        raise AssertionError(f"nothing to try {source} with: write tests/support/sources/{source}.py")
    return importlib.import_module(f"{__name__}.{source}")


def vendor_settings(source):
    """The one case of a vendor."""

    def settings(home, stub):
        texts = {k.upper(): v for k, v in WANTED.items()}
        return parse_settings(home, {**stub.settings(), **texts, "SOURCE": source})

    return {source: settings}


def route(market: Market, size: int, url: str, path: str, query: dict[str, str], mode: str = "") -> Page:
    """The answer to a request, with the content fault named, if it is one."""
    for info in pkgutil.iter_modules(__path__):
        for start, handler in getattr(hook(info.name), "ROUTES", ()):
            if path.startswith(start):
                return handler(market, size, url, path, query, mode)
    return Page("unknown", {"message": "not found"}, status=404)
