"""The quality gate: may anybody decide on the data of these sessions?"""

from __future__ import annotations

import datetime as dt

import pandas as pd

from data_layer.quality.coverage import Gap, check_coverage
from data_layer.sessions import session_from
from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, load_sql
from plugins.stages.context import Context


def judge(connection: Connection, context: Context, instruments: pd.DataFrame) -> dict[dt.date, list[str]]:
    """Judge the window's data and return what a reader of its sessions must know.

    Args:
        connection: any transaction that sees what was fetched.
        context: the run.
        instruments: what the source has, see Source.instruments.

    Returns:
        Warnings by session, only for those that have any.

    Raises:
        DataQualityError: when the data is not fit to decide on.
    """
    spans = json_text(instruments[["symbol", "active_from", "active_to"]].to_dict("records"))
    parameters = {"sessions": list(context.sessions), "rows": spans}
    gaps = [Gap(**row) for row in connection.execute(load_sql("market_data/select_gaps"), parameters)]
    accepted = connection.execute(load_sql("session_exceptions/select_exceptions"))
    warnings = check_coverage(
        gaps,
        _quarantined(connection, context, "bars"),
        {(row["session_date"], row["symbol"]) for row in accepted},
    )
    for day, symbol, reason in _quarantined(connection, context, "actions"):
        if day is not None:
            text = f"corporate action of {symbol} on {day} in quarantine: {reason}"
            warnings.setdefault(session_from(day), []).append(text)
    return warnings


def _quarantined(
    connection: Connection, context: Context, kind: str
) -> list[tuple[dt.date | None, str, str]]:
    parameters = {"run_id": context.request.run_id, "kind": kind}
    rows = connection.execute(load_sql("quarantine/select_of_run"), parameters)
    return [(row["session_date"], row["symbol"], row["reason"]) for row in rows]
