"""Row checks: what cannot be true of a bar, found before anything is stored."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from data_layer.quality.quarantine import quarantine_rows
from data_layer.sessions import is_session, last_closed
from data_layer.settings import is_symbol
from data_layer.sources.base import BAR_COLUMNS

PRICES = ("open", "high", "low", "close")
# No share and no day has come near these; the tables hold the same bounds.
HIGHEST_PRICE = 1e8  # USD
HIGHEST_VOLUME = 1e15  # shares
DIFFER = "two rows of one symbol and date differ"
NO_AVERAGE = "the volume-weighted average is no number that a price could be"

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class CheckedRows:
    """Every row received is in exactly one place.

    Attributes:
        received: rows in the answer.
        accepted: typed bars, BAR_COLUMNS, one per symbol and date, sorted.
        duplicates: rows that repeat another one value for value.
        quarantined: symbol, session_date (or None), reason, raw (dict of texts), row_hash.
        vwaps: symbol, date, vwap (USD); of accepted bars that came with one, whether or not it can be true.
    """

    received: int
    accepted: pd.DataFrame
    duplicates: int
    quarantined: pd.DataFrame
    vwaps: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=["symbol", "date", "vwap"]))


def check_rows(rows: pd.DataFrame, *, source: str, now: dt.datetime) -> CheckedRows:
    """Sort rows as received into accepted, repeated and impossible ones.

    Args:
        rows: BAR_COLUMNS as received, date_text and vwap if the source gives one; where the date could not be
            read, date is NaT and date_text the text received.
        source: name of the source, part of a bad row's identity.
        now: instant of the run (UTC); a bar of a session that has not closed by then cannot be true.

    Returns:
        The three kinds; their sizes add up to the rows received.
    """
    received = rows.reset_index(drop=True)
    typed = received.loc[:, list(BAR_COLUMNS)]
    for column in (*PRICES, "volume"):
        if typed[column].dtype != np.float64:
            typed[column] = pd.to_numeric(typed[column], errors="coerce").astype(float)
    reasons, texts = _reasons(typed, now)
    vwaps = _averages(received, reasons, len(texts)) if "vwap" in received else None
    texts.append(NO_AVERAGE)
    good = typed if not reasons.any() else typed[reasons == 0]
    repeats = 0
    if not _each_once(good):
        again = good.duplicated()
        repeats, good = int(again.sum()), good[~again]
        conflicting = good.duplicated(["symbol", "date"], keep=False)
        reasons[good.index[conflicting]] = len(texts)
        good = good[~conflicting].sort_values(["symbol", "date"])
    accepted = good.reset_index(drop=True).astype({"volume": "int64"})
    quarantined, repeated = quarantine_rows(source, _as_received(received, reasons, [*texts, DIFFER]))
    checked = CheckedRows(len(rows), accepted, repeats + repeated, quarantined)
    if vwaps is None:
        return checked
    given = good[["symbol", "date"]].assign(vwap=vwaps).dropna(subset="vwap")
    return replace(checked, vwaps=given.reset_index(drop=True))


def _each_once(good: pd.DataFrame) -> bool:
    """Return whether the rows stand in order, by symbol and date, each once: most answers do."""
    codes, uniques = pd.factorize(good["symbol"])
    rank = np.argsort(np.argsort(np.asarray(uniques, dtype=object)))
    days = good["date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    key = rank[codes] * 2_000_000 + days  # no date a bar may have is a million days from 1970
    return bool((key[1:] > key[:-1]).all())


def _reasons(typed: pd.DataFrame, now: dt.datetime) -> tuple[npt.NDArray[np.int8], list[str]]:
    """Return the number of the first reason why each row cannot be true, 0 for a good one; and the reasons' texts."""
    dates, volume = typed["date"], typed["volume"].to_numpy()
    prices = [typed[name].to_numpy() for name in PRICES]
    # NaN as soon as one price is.
    highest, lowest = functools.reduce(np.maximum, prices), functools.reduce(np.minimum, prices)
    tests: Mapping[str, BoolArray] = {
        "malformed symbol": ~_by_value(typed["symbol"], is_symbol),
        "unreadable date": dates.isna().to_numpy(),
        "the session has not closed yet": (dates > pd.Timestamp(last_closed(now))).to_numpy(),
        "not a session of the exchange": ~_by_value(dates, lambda d: pd.notna(d) and is_session(d.date())),
        "a price or the volume is missing or not a number": np.isnan(highest) | np.isnan(volume),
        "a price or the volume is infinite": np.isinf(highest) | np.isinf(lowest) | np.isinf(volume),
        "a price is not above zero": lowest <= 0,
        "a price is beyond any share's": highest >= HIGHEST_PRICE,
        "the volume is negative or beyond any day's": (volume < 0) | (volume >= HIGHEST_VOLUME),
        "the volume is not whole shares": volume != np.floor(volume),
        "high is below another price of the bar": typed["high"].to_numpy() < highest,
        "low is above another price of the bar": typed["low"].to_numpy() > lowest,
    }
    failed, reasons = list(tests.values()), np.zeros(len(typed), np.int8)
    for number in range(len(tests), 0, -1):  # the first one that failed is written last
        reasons[failed[number - 1]] = number
    return reasons, ["", *tests]


def _averages(received: pd.DataFrame, reasons: npt.NDArray[np.int8], number: int) -> pd.Series:
    """Return the averages that are numbers; a row with another one, good so far, gets the reason of that number."""
    given = received["vwap"].notna() & (received["vwap"] != "")
    vwaps = pd.to_numeric(received["vwap"], errors="coerce").astype(float)
    reasons[(given & ~(vwaps.abs() < HIGHEST_PRICE)).to_numpy() & (reasons == 0)] = number
    return vwaps


def _by_value(column: pd.Series, test: Callable[[Any], bool]) -> BoolArray:
    """Apply a test to each distinct value of a column; a missing one is tested too."""
    codes, uniques = pd.factorize(column, use_na_sentinel=False)
    passed = np.array([test(value) for value in uniques], dtype=np.bool_)
    return passed[codes]


def _as_received(
    received: pd.DataFrame, reasons: npt.NDArray[np.int8], texts: Sequence[str]
) -> Iterator[tuple[dt.date | None, str, Mapping[str, object]]]:
    bad = np.flatnonzero(reasons)
    for number, row in zip(reasons[bad], received.iloc[bad].to_dict("records"), strict=True):
        day = None if pd.isna(row["date"]) else row["date"].date()
        named = (*BAR_COLUMNS, "vwap") if texts[number] == NO_AVERAGE else BAR_COLUMNS
        yield day, texts[number], {**{c: row[c] for c in named}, "date": day or row["date_text"]}
