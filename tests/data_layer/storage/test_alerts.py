"""Alerts: one open per kind and subject, brought up to date, closed once, opened anew."""

from __future__ import annotations

import datetime as dt
import math

from data_layer.storage.alerts import close_alert, open_alert
from data_layer.storage.database import transaction
from tests.support.chain import query


def test_one_is_open_until_it_is_closed(database):
    day = dt.date(2005, 6, 1)
    for value, session in ((0.1, day), (0.3, day + dt.timedelta(1)), (math.nan, day)):
        with transaction(database.writer) as connection:
            open_alert(
                connection, "feature_drift", "rsi_14", "moved", value=value, threshold=0.2, session=session
            )
            open_alert(connection, "feature_drift", "sma_10", "moved", severity="critical")
    rows = query(database.reader, "SELECT * FROM alerts ORDER BY subject")
    assert [(r["subject"], r["severity"]) for r in rows] == [("rsi_14", "warning"), ("sma_10", "critical")]
    # The newest word counts, and it was last seen on the latest session.
    assert (rows[0]["value"], rows[0]["threshold"], rows[0]["session_date"]) == (
        None,
        0.2,
        day + dt.timedelta(1),
    )
    for expected in (True, False):
        with transaction(database.writer) as connection:
            assert close_alert(connection, "feature_drift", "rsi_14") is expected
    with transaction(database.trainer) as connection:
        open_alert(connection, "feature_drift", "rsi_14", "again")
    rows = query(database.reader, "SELECT closed_at FROM alerts WHERE subject = 'rsi_14' ORDER BY id")
    assert [r["closed_at"] is None for r in rows] == [False, True]
