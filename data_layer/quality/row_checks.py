"""Row checks: what cannot be true of a bar, found before anything is stored."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import dataclass

import numpy as np
import pandas as pd

from data_layer.sessions import sessions_between
from data_layer.settings import SYMBOL_PATTERN
from data_layer.sources.base import BAR_COLUMNS

PRICES = ("open", "high", "low", "close")
# No share and no day has come near these; the tables hold the same bounds.
HIGHEST_PRICE = 1e8  # USD
HIGHEST_VOLUME = 1e15  # shares


@dataclass(frozen=True)
class CheckedRows:
    """Every row received is in exactly one place.

    Attributes:
        accepted: typed bars, BAR_COLUMNS, one per symbol and date, sorted.
        duplicates: rows that repeat an accepted one value for value.
        quarantined: symbol, session_date (or None), reason, raw (dict of texts), row_hash.
    """

    accepted: pd.DataFrame
    duplicates: int
    quarantined: pd.DataFrame


def check_rows(rows: pd.DataFrame, *, source: str, now: dt.datetime) -> CheckedRows:
    """Sort rows as received into accepted, repeated and impossible ones.

    Args:
        rows: BAR_COLUMNS as received and date_text; date is NaT where it could not be read.
        source: name of the source, part of a bad row's identity.
        now: instant of the run (UTC); a bar of a later day cannot be true.

    Returns:
        The three kinds; their sizes add up to the rows received.
    """
    typed = rows.loc[:, list(BAR_COLUMNS)].reset_index(drop=True).copy()
    received = rows.reset_index(drop=True)
    for column in (*PRICES, "volume"):
        typed[column] = pd.to_numeric(typed[column], errors="coerce").astype(float)
    reasons = _reasons(typed, now)
    good = reasons == ""
    kept = typed[good].drop_duplicates()
    duplicates = int(good.sum()) - len(kept)
    conflicting = kept.duplicated(["symbol", "date"], keep=False)
    reasons.loc[kept.index[conflicting]] = "two rows of one symbol and date differ"
    accepted = kept[~conflicting].astype({"volume": "int64"}).sort_values(["symbol", "date"], ignore_index=True)
    bad = reasons[reasons != ""]
    return CheckedRows(accepted, duplicates, _quarantine(received.loc[bad.index], typed.loc[bad.index], bad, source))


def _reasons(typed: pd.DataFrame, now: dt.datetime) -> pd.Series:
    dates, volume = typed["date"], typed["volume"]
    prices = typed[list(PRICES)]
    days = dates.dropna()
    known = set()
    if len(days):
        known = set(sessions_between(days.min().date(), min(days.max().date(), now.date())))
    is_session = np.array([pd.notna(d) and d.date() in known for d in dates.unique()], dtype=bool)
    session = dates.map(dict(zip(dates.unique(), is_session, strict=True))).fillna(False).astype(bool)
    tests = (
        (~typed["symbol"].astype(str).str.fullmatch(SYMBOL_PATTERN.pattern), "malformed symbol"),
        (dates.isna(), "unreadable date"),
        (dates > pd.Timestamp(now.date()), "date in the future"),
        (~session, "not a session of the exchange"),
        (prices.isna().any(axis=1) | volume.isna(), "a price or the volume is missing or not a number"),
        (np.isinf(prices).any(axis=1) | np.isinf(volume), "a price or the volume is infinite"),
        ((prices <= 0).any(axis=1), "a price is not above zero"),
        ((prices >= HIGHEST_PRICE).any(axis=1), "a price is beyond any share's"),
        ((volume < 0) | (volume >= HIGHEST_VOLUME), "the volume is negative or beyond any day's"),
        (volume != np.floor(volume), "the volume is not whole shares"),
        (typed["high"] < prices.max(axis=1), "high is below another price of the bar"),
        (typed["low"] > prices.min(axis=1), "low is above another price of the bar"),
    )
    reasons = pd.Series("", index=typed.index, dtype=object)
    for failed, reason in tests:
        reasons = reasons.mask((reasons == "") & failed.astype(bool), reason)
    return reasons


def _quarantine(received: pd.DataFrame, typed: pd.DataFrame, reasons: pd.Series, source: str) -> pd.DataFrame:
    found = []
    for position, reason in reasons.items():
        raw = {c: str(received.at[position, c]) for c in BAR_COLUMNS if c != "date"}
        raw["date"] = str(received.at[position, "date_text"])
        day = typed.at[position, "date"]
        identity = json.dumps([source, reason, raw], sort_keys=True)
        found.append(
            {
                "symbol": raw["symbol"],
                "session_date": None if pd.isna(day) else day.date(),
                "reason": reason,
                "raw": raw,
                "row_hash": hashlib.sha256(identity.encode()).hexdigest(),
            }
        )
    return pd.DataFrame(found, columns=["symbol", "session_date", "reason", "raw", "row_hash"])
