"""Whole histories out of Postgres: the rows of a plain query, in order however they lie in the table."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from data_layer.storage.database import read_frame, transaction
from data_layer.storage.histories import read_bars

LATER = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
PLAIN = """
    SELECT symbol, date, open, high, low, close, volume::double precision AS volume FROM market_data
    WHERE date <= %(session)s::date ORDER BY symbol COLLATE "C", date
"""


def test_bars_are_those_of_a_plain_query_in_order(chained):
    session = dt.date(2005, 6, 30)
    with transaction(chained.owner) as connection:  # rewritten, the rows of 2004 lie behind the others
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute("UPDATE market_data SET version = version WHERE date BETWEEN '2004-03-01' AND '2004-12-31'")
    with transaction(chained.reader) as connection:
        found = read_bars(connection, session, LATER)
        some = read_bars(connection, session, LATER, ["MSFT"])
        late = read_bars(connection, session, LATER, first=dt.date(2005, 3, 1))
        none = read_bars(connection, dt.date(1990, 1, 2), LATER)
    plain = read_frame(chained.reader, PLAIN, {"session": session})
    pd.testing.assert_frame_equal(found, plain)
    pd.testing.assert_frame_equal(some, plain[plain["symbol"] == "MSFT"].reset_index(drop=True))
    pd.testing.assert_frame_equal(late, plain[plain["date"] >= "2005-03-01"].reset_index(drop=True))
    assert none.empty and none.dtypes.to_dict() == plain.dtypes.to_dict()
