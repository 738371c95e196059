"""What sessions are decided from besides their own bars: the recent past of all symbols, and the models' votes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from data_layer.sessions import previous_session, sessions_between
from data_layer.storage.database import load_sql, read_frame
from models.ensemble import COLUMNS, Ballots
from models.lookback import WINDOW, History
from plugins.stages.knowledge import Renamed, join_renamed

# More calendar days than any 250 sessions span.
REACH = dt.timedelta(days=WINDOW * 2)


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
