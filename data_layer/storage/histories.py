"""Whole histories of bars out of Postgres: one value a column and symbol, for a row costs more than what it holds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import numpy as np
import pandas as pd
import pyarrow as pa

from data_layer.storage.database import Connection, load_sql

_EPOCH_DAYS = 10_957  # 2000-01-01, where Postgres counts from
_NUMBERS = {"open": ">f8", "high": ">f8", "low": ">f8", "close": ">f8", "volume": ">i8"}


def read_bars(
    connection: Connection, session: dt.date, cutoff: dt.datetime, symbols: Iterable[str] = (),
    first: dt.date = dt.date.min,
) -> pd.DataFrame:  # fmt: skip
    """Return bars up to a session as known at a cutoff, under the tickers of their day.

    Args:
        connection: any role that may read.
        session: the last one.
        cutoff: what came to be known later is left out.
        symbols: only theirs; all when empty.
        first: bars from this day on.

    Returns:
        symbol, date (datetime64[ms]), open, high, low, close (raw, USD), volume (raw, shares, float64); by symbol and
        date, never NaN.
    """
    from psycopg.rows import tuple_row

    parameters = {"first": first, "session": session, "cutoff": cutoff, "symbols": ",".join(sorted(symbols))}
    cursor = connection.cursor(binary=True, row_factory=tuple_row)
    found = []
    # Read as they come: all of them as sent would take three times the memory of the numbers.
    for symbol, dates, *columns in cursor.stream(load_sql("market_data/select_as_of"), parameters):
        own = np.frombuffer(dates, ">i4")
        # As they lie in the table: in runs, which a stable sort is quick at.
        order = np.argsort(own, kind="stable")
        sent = zip(columns, _NUMBERS.values(), strict=True)
        found.append((symbol, own[order], np.array([np.frombuffer(c, kind)[order] for c, kind in sent], float)))
    found.sort(key=lambda history: history[0])
    ends = np.cumsum([0, *(len(own) for _, own, _ in found)])
    days, numbers = np.empty(ends[-1], np.int32), np.empty((len(_NUMBERS), ends[-1]))
    for place, (_, own, values) in enumerate(found):
        rows = slice(ends[place], ends[place + 1])
        days[rows], numbers[:, rows] = own, values
    days += _EPOCH_DAYS
    codes = np.repeat(np.arange(len(found), dtype=np.int32), np.diff(ends))
    names = pa.array([symbol for symbol, *_ in found], pa.string())
    keys = pa.table({
        "symbol": pa.DictionaryArray.from_arrays(pa.array(codes), names).cast(pa.string()),
        "date": pa.array(days).cast(pa.date32()),
    }).to_pandas(date_as_object=False)  # fmt: skip
    # The matrix is column-major for pandas already: no copy.
    frame: pd.DataFrame = pd.concat([keys, pd.DataFrame(numbers.T, columns=[*_NUMBERS], copy=False)], axis=1)
    return frame
