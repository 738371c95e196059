"""Bars and actions into their tables: new rows, corrections with the old version kept, and nothing else."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from data_layer.quality.action_checks import CheckedActions
from data_layer.quality.row_checks import CheckedRows
from data_layer.sessions import close_times, closes_at, next_session, previous_session, session_from
from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, copy_in, load_sql
from data_layer.storage.held_bars import compare_with_held
from data_layer.storage.vendors import Vendors, weigh_actions, weigh_bars
from data_layer.storage.vwaps import store_vwaps


@dataclass(frozen=True)
class Provenance:
    """Where rows come from: the batch they form."""

    source: str
    run_id: str
    start: dt.date
    end: dt.date
    symbols: Sequence[str]
    delay: dt.timedelta  # between a session's close and its bar
    now: dt.datetime
    decided: dt.date | None  # last session completed: what arrives for it or before it comes late
    vendors: Vendors = field(default_factory=Vendors)


@dataclass(frozen=True)
class Stored:
    """What became of the rows received."""

    received: int
    new: int
    corrected: int
    duplicates: int
    quarantined: int
    first_restated: dt.date | None  # first date for which a decided session would now see something else
    batch_id: int = 0

    def as_dict(self) -> dict[str, int]:
        """Return the counts."""
        return {
            "received": self.received,
            "new": self.new,
            "corrected": self.corrected,
            "duplicates": self.duplicates,
            "quarantined": self.quarantined,
        }


def store_bars(connection: Connection, checked: CheckedRows, provenance: Provenance) -> Stored:
    """Write checked bars as one batch.

    A bar that is not held yet is known at its session's close plus the source's delay. One that replaces
    another is known from now on, and the old version goes to market_data_history; one of a symbol held
    already that comes after its session was completed is known from now on too. Averages that came with bars are
    kept beside them: one that is given or changed makes no new version of a bar.
    """
    bars = checked.accepted
    batch = _next_batch(connection, provenance)
    compared = compare_with_held(connection, bars)
    decided = np.datetime64(provenance.decided or dt.date.min, "D")
    is_late = compared.is_new & compared.of_held_symbol & (bars["date"].to_numpy() <= decided)
    is_plain = compared.is_new & ~is_late
    new = _insert_new(connection, bars if is_plain.all() else bars[is_plain], provenance, batch)
    differs = compared.differs
    if provenance.vendors.are_several:
        held = bars[~compared.is_new]
        _stage(connection, held)
        differs[~compared.is_new] &= ~weigh_bars(connection, held, batch, provenance.vendors)
    corrected, restated = 0, bars[is_late | differs]
    if len(restated):
        _stage(connection, restated)
        connection.execute(load_sql("restatements/insert_bars"), {**batch, "decided": provenance.decided})
        if differs.any():
            connection.execute(load_sql("market_data/insert_history"), batch)
            corrected = connection.execute(load_sql("market_data/update_corrected"), batch).rowcount
        if is_late.any():
            new += connection.execute(load_sql("market_data/insert_late"), batch).rowcount
    store_vwaps(connection, checked.vwaps, batch)
    return _finish(
        connection,
        "bars",
        checked,
        provenance,
        batch,
        new=new,
        corrected=corrected,
        unchanged=int((~compared.is_new & ~differs).sum()),
        first_restated=None if restated.empty else restated["date"].min().date(),
    )


def _stage(connection: Connection, bars: pd.DataFrame) -> None:
    connection.execute(load_sql("market_data/create_staged"))
    connection.execute(load_sql("market_data/delete_staged"))
    copy_in(connection, "staged_bars", bars)


def _insert_new(
    connection: Connection, bars: pd.DataFrame, provenance: Provenance, batch: Mapping[str, Any]
) -> int:
    """Copy bars that nobody holds straight into the table: what was checked needs no staging."""
    codes, uniques = pd.factorize(bars["date"])
    days = [stamp.date() for stamp in uniques]
    closes = close_times(days)
    known = pd.Series([closes[day] + provenance.delay for day in days], dtype="datetime64[us, UTC]")
    # Held back for more than a session: the bar could have been known then, but nobody here was looking.
    late = np.array([provenance.now > closes_at(next_session(day)) for day in days], np.bool_)
    rows = bars.assign(
        source=pd.Categorical([provenance.source]).repeat(len(bars)),
        batch_id=np.int64(batch["batch_id"]),
        known_at=known.take(codes).array,
        backfilled=late[codes],
    )
    return copy_in(connection, "market_data", rows) if len(rows) else 0


def store_actions(
    connection: Connection,
    checked: CheckedActions,
    provenance: Provenance,
    asked: tuple[dt.date, dt.date] | None = None,
) -> Stored:
    """Write checked splits and dividends as one batch.

    An action is known at the close of the day it was announced (of the next session, when announced on a day
    without trading), else at the close before its ex-date, and never later than that. A changed one's old version
    is kept, and the new one known from now on, or from the close before its ex-date where that has gone by and no
    session has been decided since. Once that session is completed, a new one of a symbol held already is known from
    now on, too. One that its source now gives on another day within those asked for (first
    and last; by default the batch's) has moved: the old row goes to the history.
    """
    actions = checked.accepted
    if provenance.vendors.are_several:
        actions = weigh_actions(connection, actions, provenance.source, provenance.vendors)
    eves = [previous_session(session_from(day)) for day in actions["ex_date"]]
    announced = [
        eve if pd.isna(day) else min(eve, session_from(day))
        for eve, day in zip(eves, actions["announced"], strict=True)
    ]
    closes = close_times({*announced, *eves})
    decided = provenance.decided
    rows = actions.assign(
        known_at=[closes[day] for day in announced],
        latest=[closes[eve] for eve in eves],
        decided=[decided is not None and eve <= decided for eve in eves],
    )
    batch = {**_next_batch(connection, provenance), "rows": json_text(rows.to_dict("records"))}
    found = connection.execute(load_sql("corporate_actions/select_changes"), batch).fetchone() or {}
    if found["first_restated"]:
        connection.execute(load_sql("restatements/insert_actions"), batch)
    moved = _move_actions(connection, batch, asked or (provenance.start, provenance.end), decided)
    corrected = 0
    if found["corrected"]:
        connection.execute(load_sql("corporate_actions/insert_history"), batch)
        corrected = connection.execute(load_sql("corporate_actions/update_corrected"), batch).rowcount
    new = connection.execute(load_sql("corporate_actions/insert_new"), batch).rowcount
    return _finish(
        connection,
        "actions",
        checked,
        provenance,
        batch,
        new=new,
        corrected=corrected,
        unchanged=found["unchanged"] + len(checked.accepted) - len(actions),
        first_restated=min((day for day in (found["first_restated"], moved) if day), default=None),
    )


def _move_actions(
    connection: Connection,
    batch: Mapping[str, Any],
    asked: tuple[dt.date, dt.date],
    decided: dt.date | None,
) -> dt.date | None:
    """Put actions with a corrected ex-date into the history; return the first ex-date that a decision had used."""
    decided_to = next_session(decided) if decided else dt.date.min
    span = {"asked_from": asked[0], "asked_to": asked[1], "decided_to": decided_to}
    rows = connection.execute(load_sql("corporate_actions/update_moved"), {**batch, **span}).fetchall()
    used = [row for row in rows if row["ex_date"] <= decided_to]
    if used:
        keys = {"symbols": [row["symbol"] for row in used], "dates": [row["ex_date"] for row in used]}
        connection.execute(load_sql("restatements/insert_moved"), {**batch, **keys})
    return min((row["ex_date"] for row in used), default=None)


def _next_batch(connection: Connection, provenance: Provenance) -> dict[str, Any]:
    row = connection.execute(load_sql("ingestion_batches/select_next_id")).fetchone() or {}
    return {"batch_id": row["batch_id"], "source": provenance.source, "run_id": provenance.run_id}


def _finish(
    connection: Connection,
    kind: str,
    checked: CheckedRows | CheckedActions,
    provenance: Provenance,
    batch: Mapping[str, Any],
    *,
    new: int,
    corrected: int,
    unchanged: int,
    first_restated: dt.date | None,
) -> Stored:
    """Write quarantine and the batch; each count is one that was counted, and the table refuses a wrong sum."""
    counts = Stored(
        received=checked.received,
        new=new,
        corrected=corrected,
        duplicates=checked.duplicates + unchanged,
        quarantined=_quarantine(connection, checked.quarantined, batch),
        first_restated=first_restated,
        batch_id=batch["batch_id"],
    )
    connection.execute(
        load_sql("ingestion_batches/insert_batch"),
        {
            **batch,
            "kind": kind,
            "start": provenance.start,
            "end": provenance.end,
            "symbols": list(provenance.symbols),
            "received": counts.received,
            "accepted": counts.new + counts.corrected,
            "duplicates": counts.duplicates,
            "quarantined": counts.quarantined,
        },
    )
    return counts


def _quarantine(connection: Connection, rows: pd.DataFrame, batch: Mapping[str, Any]) -> int:
    if rows.empty:
        return 0
    text = json_text(rows.to_dict("records"))
    return connection.execute(load_sql("quarantine/upsert_rows"), {**batch, "rows": text}).rowcount
