"""The universe: who belongs to it, from which session to which."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, load_sql


def store_universe(connection: Connection, instruments: pd.DataFrame, source: str, last: dt.date) -> int:
    """Store membership as stated at the newest session; an old one looked at again takes nothing back.

    Args:
        connection: writer's transaction, under the stage's lock.
        instruments: what the source has, see Source.instruments.
        source: who states it.
        last: newest session: who left after it has not left yet.

    Returns:
        Rows written.
    """
    members = instruments[instruments["active_from"] <= last].copy()
    members["active_to"] = [d if d is not None and d <= last else None for d in members["active_to"]]
    rows = members.assign(source=source).to_dict("records")
    found = connection.execute(load_sql("trading_universe/upsert_universe"), {"rows": json_text(rows)})
    return found.rowcount
