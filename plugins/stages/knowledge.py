"""What was known: bars and actions as of a session's cutoff, and where that view of the past changes."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from data_layer.features.adjustment import forward_factors
from data_layer.storage.database import Connection, load_sql, read_frame


def stable_views(
    connection: Connection, sessions: Sequence[dt.date], cutoffs: Mapping[dt.date, dt.datetime]
) -> Iterator[tuple[dt.date, ...]]:
    """Cut sessions into runs within which no correction came to be known.

    Within such a run, what was known at the last session's cutoff about days up to any of its sessions is
    what was known at that session's own cutoff, so one vectorised pass serves them all.
    """
    if not sessions:
        return
    late = [row["known_at"] for row in connection.execute(load_sql("stage_runs/select_late_facts"))]
    times = [cutoffs[s] for s in sessions]
    begins = sorted({0, *(bisect_left(times, instant) for instant in late)} - {len(sessions)})
    for first, last in zip(begins, [*begins[1:], len(sessions)], strict=True):
        yield tuple(sessions[first:last])


def bars_as_of(uri: str, session: dt.date, cutoff: dt.datetime, symbols: Sequence[str] = ()) -> pd.DataFrame:
    """Return bars up to a session as known at the cutoff, with forward adjustment factors.

    Args:
        uri: connection URI; what it reads must be committed.
        session: the last one.
        cutoff: what came to be known later is left out.
        symbols: only theirs; all when empty.

    Returns:
        symbol, date, open, high, low, close, volume (raw), split_factor, return_factor; by symbol and date.
    """
    parameters = {"session": session, "cutoff": cutoff, "symbols": ",".join(symbols)}
    bars = _in_order(read_frame(uri, load_sql("market_data/select_as_of"), parameters))
    return forward_factors(bars, actions_as_of(uri, session, cutoff))


def _in_order(bars: pd.DataFrame) -> pd.DataFrame:
    """Sort by symbol and date; rows come nearly so, which a stable sort of one number each is quick at."""
    codes, _ = pd.factorize(bars["symbol"], sort=True)
    days = bars["date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    keys = (codes.astype(np.int64) << 32) + days
    if (keys[1:] > keys[:-1]).all():
        return bars
    return bars.take(np.argsort(keys, kind="stable")).reset_index(drop=True)


def actions_as_of(uri: str, until: dt.date, cutoff: dt.datetime) -> pd.DataFrame:
    """Return splits and dividends going ex up to a day as known at the cutoff."""
    return read_frame(uri, load_sql("corporate_actions/select_as_of"), {"until": until, "cutoff": cutoff})
