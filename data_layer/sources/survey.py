"""What a history holds, found in one pass over symbols and dates: enough for everything but the rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from data_layer.sessions import is_session


@dataclass(frozen=True)
class Survey:
    """The outline of a history.

    Attributes:
        spans: by symbol, ascending: rows within START..END or without a readable date, and first and last
            session with a bar (NaT when there is none).
        sessions: the exchange's sessions with a row within START..END, ascending.
        dated: whether any row within START..END has a readable date.
        outer: first and last readable date of all rows, None when there is none.
    """

    spans: pd.DataFrame
    sessions: list[dt.date]
    dated: bool
    outer: tuple[dt.date, dt.date] | None


def survey(pieces: Iterable[pd.DataFrame], start: dt.date | None, end: dt.date | None) -> Survey:
    """Take the outline of rows that come in pieces.

    Args:
        pieces: frames with symbol and date (datetime64 at midnight, NaT where unreadable).
        start: START, None for the beginning.
        end: END, None for the end.
    """
    low = np.datetime64(start or dt.date.min, "D")
    high = np.datetime64(end or dt.date.max, "D")
    parts, days = [], np.empty(0, "datetime64[D]")
    for piece in pieces:
        codes, uniques = pd.factorize(piece["date"], use_na_sentinel=False)
        dates = uniques.to_numpy().astype("datetime64[D]")
        days = np.union1d(days, dates[~np.isnat(dates)])
        inside = (dates >= low) & (dates <= high)
        traded = inside & np.array([not np.isnat(d) and is_session(d.item()) for d in dates], np.bool_)
        counted = (inside | np.isnat(dates))[codes]
        column = pd.Series(dates.astype("datetime64[s]")).take(codes).set_axis(piece.index)
        column = column.where(traded[codes])[counted]
        grouped = column.groupby(piece["symbol"][counted], observed=True)
        parts.append(grouped.agg(["size", "min", "max"]))
    together = pd.concat(parts) if parts else pd.DataFrame(columns=["size", "min", "max"])
    together.index = together.index.astype(object)
    spans = together.groupby(level=0).agg(rows=("size", "sum"), first=("min", "min"), last=("max", "max"))
    within = [day.item() for day in days[(days >= low) & (days <= high)]]
    return Survey(
        spans,
        [day for day in within if is_session(day)],
        bool(within),
        (days[0].item(), days[-1].item()) if len(days) else None,
    )


def groups_of(rows: pd.Series, most: int) -> list[list[str]]:
    """Return the symbols in groups of neighbours that together have at most so many rows, one symbol at least.

    Args:
        rows: number of rows by symbol.
        most: rows of a group.
    """
    groups: list[list[str]] = []
    filled = 0
    for symbol, size in zip(rows.index, rows, strict=True):
        if not groups or filled + size > most:
            groups.append([])
            filled = 0
        groups[-1].append(str(symbol))
        filled += int(size)
    return groups
