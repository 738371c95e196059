"""Volume-weighted averages that vendors gave with bars: kept beside them, for what is measured after a decision."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import pandas as pd

from data_layer.storage.database import Connection, copy_in, load_sql


def store_vwaps(connection: Connection, vwaps: pd.DataFrame, batch: Mapping[str, Any]) -> int:
    """Write the averages that are not their vendor's newest word yet; return how many were.

    Args:
        connection: the transaction that has just written their bars, under the stage's lock.
        vwaps: symbol, date, vwap; see CheckedRows.
        batch: batch_id and source of the vendor that speaks.
    """
    if vwaps.empty:
        return 0
    connection.execute(load_sql("session_vwaps/create_staged"))
    connection.execute(load_sql("session_vwaps/delete_staged"))
    copy_in(connection, "staged_vwaps", vwaps)
    return connection.execute(load_sql("session_vwaps/insert_words"), batch).rowcount


def find_outside(connection: Connection, first: dt.date, last: dt.date) -> list[Mapping[str, Any]]:
    """Return the averages of some sessions that lie outside their bar's low and high, as findings.

    Each is a suspect: some vendors count trades in it that they leave out of high and low. Nothing is measured by it.
    """
    rows = connection.execute(load_sql("session_vwaps/select_outside"), {"start": first, "end": last})
    return [
        {
            "symbol": row["symbol"],
            "session_date": row["date"],
            "check_name": "vwap_outside",
            "severity": "suspect",
            "seen_on": row["date"],
            "detail": {name: row[name] for name in ("vwap", "low", "high")},
        }
        for row in rows
    ]
