"""Bars and actions into their tables: new rows, corrections with the old version kept, and nothing else."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from data_layer.quality.action_checks import CheckedActions
from data_layer.quality.row_checks import CheckedRows
from data_layer.sessions import close_times, next_session, previous_session, session_from
from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, copy_in, load_sql
from data_layer.storage.vendors import Vendors, keep_words, weigh_actions, weigh_bars


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
    already that comes after its session was completed is known from now on too.
    """
    bars = checked.accepted
    days = [stamp.date() for stamp in bars["date"].unique()]
    known = {pd.Timestamp(d): close + provenance.delay for d, close in close_times(days).items()}
    # Held back for more than a session: the bar could have been known then, but nobody here was looking.
    late = {pd.Timestamp(d): provenance.now > close_times([next_session(d)])[next_session(d)] for d in days}
    staged = bars.assign(known_at=bars["date"].map(known), backfilled=bars["date"].map(late))
    connection.execute(load_sql("market_data/create_staged"))
    copy_in(connection, "staged_bars", staged)
    if provenance.vendors.are_several:
        weigh_bars(connection, provenance.source, provenance.vendors)
    connection.execute("ANALYZE staged_bars")
    found = connection.execute(
        load_sql("market_data/select_changes"), {"decided": provenance.decided}
    ).fetchone()
    counts = _counts(len(bars), checked, found or {})
    batch = _insert_batch(connection, "bars", counts, provenance)
    if provenance.vendors.are_several:
        keep_words(connection, batch, provenance.vendors)
    if counts.first_restated:
        connection.execute(load_sql("restatements/insert_bars"), batch)
    if counts.corrected:
        connection.execute(load_sql("market_data/insert_history"), batch)
        connection.execute(load_sql("market_data/update_corrected"), batch)
    connection.execute(load_sql("market_data/insert_new"), batch)
    connection.execute("DROP TABLE staged_bars")
    _quarantine(connection, checked.quarantined, batch)
    return counts


def store_actions(connection: Connection, checked: CheckedActions, provenance: Provenance) -> Stored:
    """Write checked splits and dividends as one batch.

    An action is known at the close of the day it was announced (of the next session, when announced on a day
    without trading), else at the close before its ex-date, and never later than that. A changed one is known
    from now on and its old version kept; one of a symbol held already that comes after the session before its
    ex-date was completed is known from now on too.
    """
    actions = checked.accepted
    if provenance.vendors.are_several:
        actions = weigh_actions(connection, actions, provenance.source, provenance.vendors)
    eves = [previous_session(session_from(day)) for day in actions["ex_date"]]
    announced = [
        eve if pd.isna(day) else min(eve, session_from(day))
        for eve, day in zip(eves, actions["announced"], strict=True)
    ]
    closes = close_times(set(announced))
    decided = provenance.decided
    rows = actions.assign(
        known_at=[closes[day] for day in announced],
        decided=[decided is not None and eve <= decided for eve in eves],
    )
    parameters = {"rows": json_text(rows.to_dict("records")), "run_id": provenance.run_id}
    found = connection.execute(load_sql("corporate_actions/select_changes"), parameters).fetchone()
    counts = _counts(len(checked.accepted), checked, found or {})
    batch = {**parameters, **_insert_batch(connection, "actions", counts, provenance)}
    if counts.first_restated:
        connection.execute(load_sql("restatements/insert_actions"), batch)
    if counts.corrected:
        connection.execute(load_sql("corporate_actions/insert_history"), batch)
        connection.execute(load_sql("corporate_actions/update_corrected"), batch)
    connection.execute(load_sql("corporate_actions/insert_new"), batch)
    _quarantine(connection, checked.quarantined, batch)
    return counts


def _counts(accepted: int, checked: CheckedRows | CheckedActions, found: Mapping[str, Any]) -> Stored:
    return Stored(
        received=accepted + checked.duplicates + len(checked.quarantined),
        new=found["new"],
        corrected=found["corrected"],
        duplicates=checked.duplicates + accepted - found["new"] - found["corrected"],
        quarantined=len(checked.quarantined),
        first_restated=found["first_restated"],
    )


def _insert_batch(
    connection: Connection, kind: str, counts: Stored, provenance: Provenance
) -> dict[str, Any]:
    row = connection.execute(
        load_sql("ingestion_batches/insert_batch"),
        {
            "kind": kind,
            "source": provenance.source,
            "run_id": provenance.run_id,
            "start": provenance.start,
            "end": provenance.end,
            "symbols": list(provenance.symbols),
            "received": counts.received,
            "accepted": counts.new + counts.corrected,
            "duplicates": counts.duplicates,
            "quarantined": counts.quarantined,
        },
    ).fetchone()
    return {"batch_id": (row or {})["id"], "source": provenance.source, "decided": provenance.decided}


def _quarantine(connection: Connection, rows: pd.DataFrame, batch: Mapping[str, Any]) -> None:
    if len(rows):
        text = json_text(rows.to_dict("records"))
        connection.execute(load_sql("quarantine/upsert_rows"), {**batch, "rows": text})
