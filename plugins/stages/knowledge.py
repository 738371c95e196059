"""What was known: bars, actions and members as of a session's cutoff, and where that view of the past changes."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from operator import itemgetter

import numpy as np
import pandas as pd

from data_layer.features.adjustment import forward_factors, return_steps
from data_layer.storage.database import Connection, load_sql, read_frame, transaction
from data_layer.storage.histories import read_bars

Renamed = tuple[str, str, dt.date]  # old ticker, new one, first session of the new one


def stable_views(
    connection: Connection, sessions: Sequence[dt.date], cutoffs: Mapping[dt.date, dt.datetime]
) -> Iterator[tuple[dt.date, ...]]:
    """Cut sessions into runs within which no correction came to be known and no ticker changed.

    Within such a run, what was known at the last session's cutoff about days up to any of its sessions is
    what was known at that session's own cutoff, so one vectorised pass serves them all.
    """
    if len(sessions) <= 1:  # nothing to cut; the daily run need not search all bars for corrections
        yield from ((session,) for session in sessions)
        return
    times = [cutoffs[s] for s in sessions]
    back = next((i for i in range(1, len(times)) if times[i] < times[i - 1]), None)
    if back:  # after restated sessions, which know of later corrections, come ones that do not
        yield from stable_views(connection, sessions[:back], cutoffs)
        yield from stable_views(connection, sessions[back:], cutoffs)
        return
    # What came to be known before the first cutoff, or after the last, cuts nothing; a first load has but one.
    late = _late_facts(connection, str(times[0]), str(times[-1])) if times[0] < times[-1] else []
    changes = {row["effective"] for row in connection.execute(load_sql("symbol_changes/select_changes"))}
    cuts = {bisect_left(times, instant) for instant in late} | {bisect_left(sessions, day) for day in changes}
    begins = sorted({0, *cuts} - {len(sessions)})
    for first, last in zip(begins, [*begins[1:], len(sessions)], strict=True):
        yield tuple(sessions[first:last])


def newest_knowledge(connection: Connection) -> dt.datetime:
    """Return the instant of the newest fact that a completed session, or a correction since, has brought."""
    from plugins.stages.runs import completed_sessions  # it brings the database's driver, files do without

    late = _late_facts(connection, "-infinity", "infinity")
    return max([*completed_sessions(connection, "data_ingestion").values(), *late])


def _late_facts(connection: Connection, after: str, until: str) -> list[dt.datetime]:
    rows = connection.execute(load_sql("stage_runs/select_late_facts"), {"after": after, "until": until})
    return [row["known_at"] for row in rows]


def bars_as_of(uri: str, session: dt.date, cutoff: dt.datetime, symbols: Sequence[str] = ()) -> pd.DataFrame:
    """Return bars up to a session as known at the cutoff, with forward adjustment factors.

    Args:
        uri: connection URI; what it reads must be committed.
        session: the last one.
        cutoff: what came to be known later is left out.
        symbols: only theirs; all when empty.

    A share that was renamed up to the session stands under its ticker of the session, with all its history.

    Returns:
        symbol, date, open, high, low, close, volume (raw), split_factor, return_factor; by symbol and date.
    """
    return bars_and_actions_as_of(uri, session, cutoff, symbols)[0]


def bars_and_actions_as_of(
    uri: str, session: dt.date, cutoff: dt.datetime, symbols: Sequence[str] = (), first: dt.date = dt.date.min
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what ``bars_as_of`` does, from a first day on, and the actions that the factors were made of.

    Both are read at once, for the database works on the bars meanwhile.
    """
    with ThreadPoolExecutor(1) as pool, transaction(uri) as connection:
        stated = pool.submit(actions_as_of, uri, session, cutoff)
        changes = renames(connection, [session], {session: cutoff})[0]
        tickers = set(symbols)
        for old, new, _ in reversed(changes):
            tickers |= {old} if new in tickers else set()
        bars = read_bars(connection, session, cutoff, tickers, first)
        actions = join_renamed(stated.result(), changes, "ex_date")
    if changes:
        bars = join_renamed(bars, changes)
        bars = _in_order(bars[bars["symbol"].isin(list(symbols)) | (not symbols)].reset_index(drop=True))
    return forward_factors(bars, actions), actions


def span_as_of(uri: str, first: dt.date, session: dt.date, cutoff: dt.datetime) -> pd.DataFrame:
    """Return the bars of a span of sessions as known at the cutoff, with the steps of their total return.

    Args:
        uri: connection URI; what it reads must be committed.
        first: bars from here on; ``dt.date.min`` for all.
        session: the last one.
        cutoff: what came to be known later is left out.

    Returns:
        symbol (its ticker of the session), date, open, high, low, close, volume (raw), return_step (see
        ``return_steps``; 1 on a symbol's first bar here); by symbol and date.
    """
    with transaction(uri) as connection:
        changes = renames(connection, [session], {session: cutoff})[0]
    span = {"first": first, "session": session, "cutoff": cutoff}
    bars = _in_order(join_renamed(read_frame(uri, load_sql("market_data/select_span_as_of"), span), changes))
    actions = join_renamed(actions_as_of(uri, session, cutoff), changes, "ex_date")
    return bars.assign(return_step=return_steps(bars, actions))


def _in_order(bars: pd.DataFrame) -> pd.DataFrame:
    """Sort by symbol and date; rows come nearly so, which a stable sort of one number each is quick at."""
    codes, _ = pd.factorize(bars["symbol"], sort=True)
    days = bars["date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    keys = (codes.astype(np.int64) << 32) + days
    if (keys[1:] > keys[:-1]).all():
        return bars
    return bars.take(np.argsort(keys, kind="stable")).reset_index(drop=True)


def actions_as_of(uri: str, until: dt.date, cutoff: dt.datetime) -> pd.DataFrame:
    """Return splits and dividends going ex up to a day as known at the cutoff, under the tickers of their day."""
    return read_frame(uri, load_sql("corporate_actions/select_as_of"), {"until": until, "cutoff": cutoff})


def members_as_of(
    connection: Connection, sessions: Sequence[dt.date], cutoffs: Mapping[dt.date, dt.datetime]
) -> dict[dt.date, dict[str, bool]]:
    """Return who belonged to the universe at each session as known at its cutoff: symbol, and whether restricted."""
    return members_and_sectors(connection, sessions, cutoffs)[0]


def members_and_sectors(
    connection: Connection, sessions: Sequence[dt.date], cutoffs: Mapping[dt.date, dt.datetime]
) -> tuple[dict[dt.date, dict[str, bool]], dict[dt.date, dict[str, str]]]:
    """Return by session, as known at its cutoff, each member and whether restricted; and its sector, or empty."""
    members: dict[dt.date, dict[str, bool]] = defaultdict(dict)
    sectors: dict[dt.date, dict[str, str]] = defaultdict(dict)
    parameters = {"sessions": list(sessions), "cutoffs": [cutoffs[s] for s in sessions]}
    for row in connection.execute(load_sql("trading_universe/select_as_of"), parameters):
        members[row["session_date"]] = dict(zip(row["symbols"], row["restricted"], strict=True))
        sectors[row["session_date"]] = dict(zip(row["symbols"], row["sectors"], strict=True))
    return members, sectors


def renames(
    connection: Connection, sessions: Sequence[dt.date], cutoffs: Mapping[dt.date, dt.datetime]
) -> list[tuple[Renamed, ...]]:
    """Return, for each session, the renames in force at it and known at its cutoff, ascending."""
    rows = connection.execute(load_sql("symbol_changes/select_changes")).fetchall()
    return [
        tuple(
            (row["old_symbol"], row["new_symbol"], row["effective"])
            for row in rows
            if row["known_at"] <= cutoffs[session] and row["effective"] <= session
        )
        for session in sessions
    ]


def join_renamed(rows: pd.DataFrame, changes: Sequence[Renamed], date_column: str = "date") -> pd.DataFrame:
    """Return rows, stored under the ticker of their day, under the tickers after the changes.

    Rows that another share left under a ticker before this one took it over are left out.
    """
    for effective, names in renames_by_day(changes):
        before = rows[date_column] < pd.Timestamp(effective)
        rows = rows[~(before & rows["symbol"].isin(names.values() - names.keys()))]
        before, symbol = rows[date_column] < pd.Timestamp(effective), rows["symbol"]
        renamed = symbol
        for old, new in names.items():
            renamed = renamed.mask(before & (symbol == old), new)
        rows = rows.assign(symbol=renamed)
    return rows


def renames_by_day(changes: Iterable[Renamed]) -> Iterator[tuple[dt.date, dict[str, str]]]:
    """Yield each day's new ticker by old one; of one day all hold at once, as two shares may swap tickers."""
    for effective, of_day in groupby(changes, key=itemgetter(2)):
        yield effective, {old: new for old, new, _ in of_day}
