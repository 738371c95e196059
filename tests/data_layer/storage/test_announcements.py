"""When an action is known: at its announcement, else at the close before its ex-date, never later than that."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pandas as pd
import pytest

from data_layer.quality.action_checks import CheckedActions
from data_layer.sessions import close_times
from data_layer.storage.bars import Provenance, store_actions
from data_layer.storage.database import transaction

D = dt.date.fromisoformat
NOTHING = pd.DataFrame(columns=["symbol", "session_date", "reason", "raw", "row_hash"])
NOW = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def shared(copy_database):
    return copy_database("quant_data")


@pytest.mark.parametrize(
    ("announced", "ex_date", "known_on"),
    [
        ("2024-06-12", "2024-07-10", "2024-06-12"),
        ("2024-07-04", "2024-07-10", "2024-07-05"),  # Independence Day: the session after
        ("2024-07-06", "2024-07-10", "2024-07-08"),  # a Saturday
        ("2024-07-09", "2024-07-10", "2024-07-09"),
        ("2024-07-10", "2024-07-10", "2024-07-09"),  # stated on the day itself: the close before still
        ("2024-08-01", "2024-07-10", "2024-07-09"),
        (None, "2024-07-10", "2024-07-09"),
        (None, "2024-07-06", "2024-07-05"),  # an ex-date without trading: the close before the next session
    ],
)
def test_known_at(shared, announced, ex_date, known_on):
    rows = pd.DataFrame(
        [("AAA", D(ex_date), "dividend", Decimal(1), False, announced and D(announced))],
        columns=["symbol", "ex_date", "action_type", "value", "inferred", "announced"],
    )
    provenance = Provenance("x", "run", D(ex_date), D(ex_date), ["AAA"], dt.timedelta(0), NOW, None)
    with transaction(shared.writer) as connection:
        store_actions(connection, CheckedActions(len(rows), rows, 0, NOTHING), provenance)
        found = connection.execute("SELECT known_at FROM corporate_actions").fetchall()
        connection.rollback()
    assert [row["known_at"] for row in found] == [close_times([D(known_on)])[D(known_on)]]
