"""Bars and actions into their tables: new rows, corrections with the old version kept, and nothing else."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from data_layer.quality.row_checks import CheckedRows
from data_layer.sessions import close_times, next_session
from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, copy_in, load_sql


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


@dataclass(frozen=True)
class Stored:
    """What became of the rows received."""

    received: int
    new: int
    corrected: int
    duplicates: int
    quarantined: int
    first_restated: dt.date | None

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

    A bar that is not held yet is known at its session's close plus the source's delay; one that replaces
    another is known from now on, and the old version goes to market_data_history.
    """
    bars = checked.accepted
    days = [stamp.date() for stamp in bars["date"].unique()]
    closes = close_times(days)
    known = {pd.Timestamp(d): closes[d] + provenance.delay for d in days}
    # Held back for more than a session: the bar could have been known then, but nobody here was looking.
    late = {pd.Timestamp(d): provenance.now > close_times([next_session(d)])[next_session(d)] for d in days}
    staged = bars.assign(known_at=bars["date"].map(known), backfilled=bars["date"].map(late))
    connection.execute(load_sql("market_data/create_staged"))
    copy_in(connection, "staged_bars", staged)
    connection.execute("ANALYZE staged_bars")
    found = connection.execute(load_sql("market_data/select_changes")).fetchone() or {}
    received = len(bars) + checked.duplicates + len(checked.quarantined)
    counts = Stored(
        received=received,
        new=found["new"],
        corrected=found["corrected"],
        duplicates=received - len(checked.quarantined) - found["new"] - found["corrected"],
        quarantined=len(checked.quarantined),
        first_restated=found["first_corrected"],
    )
    batch = connection.execute(
        load_sql("ingestion_batches/insert_batch"),
        {
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
    identity = {"batch_id": (batch or {})["id"], "source": provenance.source}
    if counts.corrected:
        connection.execute(load_sql("market_data/insert_history"), identity)
        connection.execute(load_sql("market_data/update_corrected"), identity)
    connection.execute(load_sql("market_data/insert_new"), identity)
    if counts.quarantined:
        rows = json_text(checked.quarantined.to_dict("records"))
        connection.execute(load_sql("quarantine/upsert_rows"), {"rows": rows, **identity})
    return counts


def store_actions(connection: Connection, actions: pd.DataFrame, source: str, batch_id: int) -> Stored:
    """Write splits and dividends; a changed one is known from now on and its old version kept.

    Args:
        connection: the caller's transaction.
        actions: as Source.actions gives them, with known_at.
        source: name of the source.
        batch_id: batch of the bars they were fetched with.
    """
    rows = json_text(actions.to_dict("records"))
    parameters = {"rows": rows, "source": source, "batch_id": batch_id}
    found = connection.execute(load_sql("corporate_actions/select_changes"), parameters).fetchone() or {}
    if found["corrected"]:
        connection.execute(load_sql("corporate_actions/insert_history"), parameters)
        connection.execute(load_sql("corporate_actions/update_corrected"), parameters)
    connection.execute(load_sql("corporate_actions/insert_new"), parameters)
    return Stored(
        received=len(actions),
        new=found["new"],
        corrected=found["corrected"],
        duplicates=len(actions) - found["new"] - found["corrected"],
        quarantined=0,
        first_restated=found["first_corrected"],
    )
