"""What trained models have said of sessions, as strategies that read predictions see it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pandas as pd

from data_layer.storage.database import load_sql, read_frame
from models.panel import Panel
from models.strategies.base import PREDICTION
from plugins.stages.knowledge import Renamed, join_renamed

KEYS = ["symbol", "date"]
SILENCE = pd.DataFrame(columns=KEYS)  # nobody has said anything


def read_voices(uri: str, last: dt.date, run_id: str = "") -> pd.DataFrame:
    """Return each family's ranks of the symbols it predicted for, session by session.

    A session's word is the version's that this run has just asked (its predictions are not published yet), else
    the one's that decided the session, else that of one this run keeps; without a run, of one ever in use that had
    not learnt from the session's future. Two horizons of a prediction have one score.

    Args:
        uri: connection URI.
        last: session up to which to read.
        run_id: the run that is deciding; empty for a backtest.

    Returns:
        symbol, date and ``prediction.<family>`` for each family: 2 (rank - 1/2) / n - 1 of its n symbols of the
        session, from -1 lowest to 1 highest, ties at their mean; NaN where it said nothing.
    """
    rows = read_frame(uri, load_sql("predictions/select_voices"), {"run_id": run_id, "last": last})
    if rows.empty:
        return SILENCE
    scores = rows.groupby(["family", "date"])["score"]
    rows["place"] = 2.0 * (scores.rank() - 0.5) / scores.transform("size") - 1.0
    wide = rows.pivot(index=KEYS, columns="family", values="place")
    return wide.add_prefix(PREDICTION).rename_axis(columns=None).reset_index()


def hear(panel: Panel, voices: pd.DataFrame, changes: Sequence[Renamed] = ()) -> Panel:
    """Return the panel with the voices as further matrices; those of other sessions or symbols are left out."""
    names = [name for name in voices.columns if name not in KEYS]
    if not names:
        return panel
    said = Panel.from_frame(
        join_renamed(voices, changes), names, sessions=panel.sessions, symbols=panel.symbols
    )
    return Panel(panel.sessions, panel.symbols, {**panel.values, **said.values})
