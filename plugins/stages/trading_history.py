"""What sessions are decided from besides the rules and the account: bars, actions, members and the models' votes."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from data_layer.sessions import next_session, previous_session, sessions_between
from data_layer.storage.database import Connection, load_sql, read_frame
from models.ensemble import COLUMNS, Ballots
from models.lookback import WINDOW, History
from models.records import CorporateAction
from plugins.stages.knowledge import (
    Renamed,
    actions_as_of,
    join_renamed,
    members_and_sectors,
    renames,
    stable_views,
)
from plugins.stages.runs import completed_of
from plugins.stages.told_late import told_since
from plugins.stages.trading_state import Told

# More calendar days than any 250 sessions span.
REACH = dt.timedelta(days=WINDOW * 2)
Bar = tuple[float, ...]  # open, high, low, close, volume


@dataclass(frozen=True)
class View:
    """Sessions for which one view of the past serves, and that view.

    resplit: symbols whose split at the first of them is not what was known when the session before was decided.
    told: actions of sessions before that are known otherwise since.
    """

    sessions: Sequence[dt.date]
    bars: Mapping[dt.date, Mapping[str, Bar]]
    actions: Mapping[dt.date, list[CorporateAction]]
    changes: Sequence[Renamed]
    history: History
    resplit: frozenset[str] = frozenset()
    told: Sequence[Told] = ()


@dataclass(frozen=True)
class Facts:
    """What sessions in a row are decided from that stays what it is: all that was known at their cutoffs."""

    cutoffs: Mapping[dt.date, dt.datetime]
    members: Mapping[dt.date, Mapping[str, bool]]
    sectors: Mapping[dt.date, Mapping[str, str]]
    views: Sequence[View]


def read_facts(
    connection: Connection, uri: str, cutoffs: Mapping[dt.date, dt.datetime], ahead: Facts | None = None
) -> Facts:
    """Return what sessions are decided from besides votes, which may be restated under the same cutoff.

    Args:
        connection: reads what is small.
        uri: the same database's, for the bars.
        cutoffs: knowledge cutoff by session, ascending.
        ahead: what was read before; returned when it is of the very same sessions and cutoffs.
    """
    if ahead and ahead.cutoffs == cutoffs:
        return ahead
    sessions = list(cutoffs)
    members, sectors = members_and_sectors(connection, sessions, cutoffs)
    views: list[View] = []
    for view in stable_views(connection, sessions, cutoffs):
        read = _read_view(connection, uri, view, cutoffs)
        foreseen = views[-1].actions[view[0]] if views else _foreseen(connection, view[0])
        changed = frozenset() if foreseen is None else _splits(foreseen) ^ _splits(read.actions[view[0]])
        told = told_since(connection, view[0], cutoffs[view[0]])
        views.append(replace(read, resplit=frozenset(symbol for symbol, _ in changed), told=told))
    return Facts(dict(cutoffs), members, sectors, views)


def _foreseen(connection: Connection, session: dt.date) -> Sequence[CorporateAction] | None:
    """Return what goes ex at a session as the session before was decided by; None when that was not decided."""
    eve = previous_session(session)
    # While the sessions before are being decided, what is read ahead for later ones finds no record of them yet.
    stages = ("model_execution", "risk_execution")
    cutoff = next((known[eve] for stage in stages[::-1] if (known := completed_of(connection, stage, [eve]))), None)
    if cutoff is None:
        return None
    span = {"after": eve, "until": session, "cutoff": cutoff}
    rows = connection.execute(load_sql("corporate_actions/select_span_as_of"), span)
    return [CorporateAction(r["symbol"], session, r["action_type"], Decimal(repr(r["value"]))) for r in rows]


def _splits(actions: Sequence[CorporateAction]) -> frozenset[tuple[str, Decimal]]:
    return frozenset((a.symbol, a.value) for a in actions if a.action_type == "split")


def _read_view(
    connection: Connection, uri: str, view: Sequence[dt.date], cutoffs: Mapping[dt.date, dt.datetime]
) -> View:
    cutoff = cutoffs[view[-1]]
    span = {"start": view[0], "end": view[-1], "cutoff": cutoff}
    found = read_frame(uri, load_sql("market_data/select_prices_as_of"), span)
    bars: dict[dt.date, dict[str, Bar]] = defaultdict(dict)
    dates = found["date"].to_numpy().astype("datetime64[D]").tolist()
    symbols = found["symbol"].to_numpy(dtype=object).tolist()
    columns = (found[c].tolist() for c in ("open", "high", "low", "close", "volume"))
    for symbol, date, *bar in zip(symbols, dates, *columns, strict=True):
        bars[date][symbol] = tuple(bar)
    actions = actions_as_of(uri, next_session(view[-1]), cutoff)
    changes = renames(connection, view[-1:], cutoffs)[0]
    history = read_history(uri, view, cutoff, changes, actions)
    return View(view, bars, _by_session(actions, view), changes, history)


def _by_session(actions: Any, view: Sequence[dt.date]) -> dict[dt.date, list[CorporateAction]]:
    """Put each action on its ex-date, or on the first session after it when nobody trades then."""
    days = [*view, next_session(view[-1])]
    found: dict[dt.date, list[CorporateAction]] = defaultdict(list)
    ex_dates = actions["ex_date"].to_numpy().astype("datetime64[D]")
    inside = actions[(ex_dates > np.datetime64(previous_session(view[0]))) & (ex_dates <= np.datetime64(days[-1]))]
    for symbol, ex_date, kind, value in zip(*(inside[c] for c in inside.columns), strict=True):
        session = days[bisect_left(days, ex_date.date())]
        found[session].append(CorporateAction(symbol, session, kind, Decimal(repr(value))))
    return found


def read_history(
    uri: str, view: Sequence[dt.date], cutoff: dt.datetime, changes: Sequence[Renamed], actions: pd.DataFrame
) -> History:
    """Return bars and actions from a year before the sessions up to the last of them, as known at the cutoff.

    Args:
        uri: connection URI.
        view: sessions for which one view of the past serves, see stable_views.
        cutoff: of the last one.
        changes: renames in force at it; a share stands under its ticker of the view with all its history.
        actions: known at it, see actions_as_of; of what goes ex later none counts.
    """
    before = sessions_between(view[0] - REACH, previous_session(view[0]))[-(WINDOW - 1) :]
    axis = [*before, *sessions_between(view[0], view[-1])]
    bars = read_frame(
        uri,
        load_sql("market_data/select_window_as_of"),
        {"start": axis[0], "end": view[-1], "cutoff": cutoff},
    )
    if changes:
        bars, actions = join_renamed(bars, changes), join_renamed(actions, changes, "ex_date")
    return History.from_bars(bars, actions, axis)


def read_votes(
    uri: str,
    sessions: Sequence[dt.date],
    models: Mapping[dt.date, Sequence[str]],
    members: Mapping[dt.date, Mapping[str, bool]],
) -> dict[dt.date, Ballots]:
    """Return each session's votes.

    Args:
        uri: connection URI.
        sessions: ascending.
        models: by session, those that completed it.
        members: by session, who belongs to the universe and whether restricted: others get no vote, so that what
            is held of them is sold.
    """
    frame = read_frame(uri, load_sql("signals/select_votes"), {"start": sessions[0], "end": sessions[-1]})
    names, model = np.unique(frame["model_name"].to_numpy(dtype=object).astype(str), return_inverse=True)
    symbols, symbol = np.unique(frame["symbol"].to_numpy(dtype=object).astype(str), return_inverse=True)
    days = frame["session_date"].to_numpy().astype("datetime64[D]")
    order = np.argsort(days, kind="stable")
    edges = np.searchsorted(days[order], np.array(sessions, dtype="datetime64[D]"))
    ends = np.searchsorted(days[order], np.array(sessions, dtype="datetime64[D]"), side="right")
    values = [frame[name].to_numpy(np.float64, na_value=np.nan) for name in COLUMNS]
    found = {}
    for session, first, last in zip(sessions, edges.tolist(), ends.tolist(), strict=True):
        rows = order[first:last]
        ran = np.isin(names, list(models[session]))
        belongs = np.array([members[session].get(str(s)) is False for s in symbols], dtype=np.bool_)
        rows = rows[ran[model[rows]] & belongs[symbol[rows]]]
        kept, column = np.unique(symbol[rows], return_inverse=True)
        arrays = {}
        for name, array in zip(COLUMNS, values, strict=True):
            matrix = np.full((len(names), len(kept)), np.nan)
            matrix[model[rows], column] = array[rows]
            arrays[name] = matrix
        found[session] = Ballots(names.tolist(), [str(symbols[i]) for i in kept], arrays)
    return found
