"""Every way a vendor's answer can be wrong, and what must come of it: an error or all rows, never fewer."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path

import pandas as pd

from data_layer.quality.row_checks import check_rows
from data_layer.settings import parse_settings
from data_layer.source_catalogue import live_sources
from data_layer.sources import available_sources
from data_layer.sources.calls import Patience
from data_layer.sources.vendor import VendorSource
from models.errors import AlmanacError, ConfigError, RetryableError
from tests.support.chain import NOW
from tests.support.vendor_pages import STAMPS, SYMBOLS, VALUES
from tests.support.vendor_stub import Fault, Stub

VENDORS = live_sources()
FIRST, LAST = dt.date(2005, 2, 1), dt.date(2005, 3, 31)
WANTED = {"SYMBOLS": "AAPL IBM MSFT", "START": str(FIRST), "END": str(LAST)}
# The same proportions as by default, eight times as impatient.
QUICK = Patience(connect=0.5, silence=0.4, total=1.2, pause=0.05)
# Symbols are pages where a vendor answers a symbol's whole history at once, as Yahoo does.
PAGES = ("first", "middle", "last")
ONE_PAGE = {"yfinance"}

REFUSED = ("403", "redirect", "not_authorized")
UNUSABLE = (
    "truncated", "empty", "html_200", "json_list", "json_null", "json_text", "not_utf8", "deep",
    "two_documents", "short", "reset", "stall", "stall_body", "drip", "429", "429:long", "429:far_date",
    "429:nonsense", "429:short", "500", "502", "503", "504", "html_502", "no_results", "results_object",
    "no_object", *SYMBOLS,
)  # fmt: skip
# On one page of one symbol it would be a short load, where on every symbol's it leaves sessions empty.
ONCE = (
    "no_results",
    "results_object",
    "no_object",
    "truncated",
    "html_200",
    "empty",
    *SYMBOLS,
)
BAD_PAGES = ("cyclic", "next_number", "page_again")
# Passes by itself: the second attempt gets the answer.
PASSING = ("429", "429:short", "429:past_date", "500", "502", "503", "504", "html_502", "reset", "short")
KEPT = (*VALUES, *STAMPS, "missing_field")


def cases() -> list[tuple[str, str, str, int | None, str]]:
    """Vendor, mode, page, how often, outcome: refused, error, kept (for the gate) or whole."""
    found = []
    for vendor in VENDORS:
        found.append((vendor, "silent", "all", None, "error"))
        for page in PAGES:
            found.append((vendor, "not_authorized", page, 1, "refused"))
            found += [(vendor, mode, page, None, "refused") for mode in REFUSED]
            found += [(vendor, mode, page, None, "error") for mode in UNUSABLE]
            found += [(vendor, mode, page, 1, "error") for mode in ONCE]
            found += [(vendor, mode, page, 1, "whole") for mode in (*PASSING, "strings")]
            found += [
                (
                    vendor,
                    mode,
                    page,
                    1,
                    "error" if (vendor, mode) == ("yfinance", "missing_field") else "kept",
                )
                for mode in KEPT
            ]
            if vendor not in ONE_PAGE:
                found += [
                    (
                        vendor,
                        mode,
                        page,
                        None,
                        "whole" if (mode, page) == ("page_again", "first") else "error",
                    )
                    for mode in BAD_PAGES
                ]
            elif page != "first":
                found.append((vendor, "page_again", page, None, "error"))
        if vendor == "polygon":
            found += [(vendor, "next_elsewhere", page, None, "error") for page in PAGES]
    return found


def vendor_source(
    name: str, stub: Stub, home: Path, patience: Patience | None = None, **values: str
) -> VendorSource:
    """A source that asks the stub; the limits of calls are out of the way."""
    texts = {**stub.settings(), **WANTED, "SOURCE": name, **{k.upper(): v for k, v in values.items()}}
    source = available_sources()[name]
    assert issubclass(source, VendorSource)
    return source(parse_settings(home, texts), patience=patience or QUICK)


def checked(rows: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """The good rows in order, and how many others there are."""
    found = check_rows(rows, source="x", now=NOW)
    accepted = found.accepted.set_index(["symbol", "date"]).sort_index()
    assert len(accepted) + found.duplicates + len(found.quarantined) == len(rows)
    return accepted, len(found.quarantined)


def run_case(
    stub: Stub, home: Path, case: tuple[str, str, str, int | None, str], seconds: float = 8.0
) -> None:
    """Load with the fault and judge what came of it."""
    vendor, mode, page, times, outcome = case
    source = vendor_source(vendor, stub, home)
    source.instruments()  # the fault is about bars
    if vendor not in stub.undisturbed:
        stub.undisturbed[vendor], _ = checked(source.bars(None, FIRST, LAST))
    whole = stub.undisturbed[vendor]
    stub.fault, stub.strangers = Fault(mode, page, times), 0
    began = time.monotonic()
    try:
        rows = source.bars(None, FIRST, LAST)
    except AlmanacError as error:
        assert outcome in {"refused", "error"}, error
        assert isinstance(error, ConfigError if outcome == "refused" else RetryableError), error
        text = str(error)
        assert vendor in text and "[data_ingestion]" in text and len(text) < 600
        assert not any(key in text for key in ("polygon-key", "alpaca-key", "alpaca-secret")), text
    else:
        assert outcome in {"whole", "kept"}, (case, len(rows))
        accepted, others = checked(rows)
        assert len(rows) == len(whole)
        if outcome == "whole":
            pd.testing.assert_frame_equal(accepted, whole)
        else:
            assert others == 1
            pd.testing.assert_frame_equal(accepted, whole.loc[accepted.index])
    finally:
        assert time.monotonic() - began < seconds, "a call must end"
        assert stub.strangers == 0, "asked somebody else"
        stub.fault = None
