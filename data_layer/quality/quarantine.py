"""Rows that cannot be true, in the form in which they are kept: as received, with the reason."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping

import pandas as pd

COLUMNS = ["symbol", "session_date", "reason", "raw", "row_hash"]


def quarantine_rows(
    source: str, rows: Iterable[tuple[dt.date | None, str, Mapping[str, object]]]
) -> tuple[pd.DataFrame, int]:
    """Return rows for the table quarantine, each distinct one once, and how many were repeated.

    Args:
        source: name of the source, part of a row's identity.
        rows: (date where it could be read, reason, values as received) per row; the values hold ``symbol``.

    Returns:
        symbol, session_date, reason, raw (texts by name), row_hash; and the number of repetitions.
    """
    found = {}
    repeated = 0
    for day, reason, values in rows:
        # Postgres keeps no zero byte in a text.
        raw = {name: str(value).replace("\0", "\\0") for name, value in values.items()}
        identity = json.dumps([source, reason, raw], sort_keys=True)
        key = hashlib.sha256(identity.encode()).hexdigest()
        repeated += key in found
        found[key] = (raw["symbol"], day, reason, raw, key)
    return pd.DataFrame(list(found.values()), columns=COLUMNS), repeated
