"""Volume-weighted averages beside the bars: kept with two times, and never a reason to restate."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from data_layer.quality.row_checks import check_rows
from data_layer.storage.bars import Provenance, store_bars
from data_layer.storage.database import transaction
from data_layer.storage.hashes import table_hashes
from data_layer.storage.vendors import Vendors
from data_layer.storage.vwaps import find_outside
from tests.support.bars import change, real_bars
from tests.support.chain import NOW, query

D = dt.date.fromisoformat
FIRST, LAST = "2005-01-03", "2005-01-14"
WORDS = (
    "SELECT symbol, date, source, vwap, known_at, batch_id FROM session_vwaps ORDER BY batch_id, symbol, date"
)


@pytest.fixture
def rows():
    """Ten days of two symbols; those of Apple with an average."""
    found = real_bars("AAPL IBM", FIRST, LAST)
    middle = ((found["high"] + found["low"]) / 2).where(found["symbol"] == "AAPL")
    return found.assign(vwap=middle)


def store(database, rows, source="x", vendors=(), decided=None):
    given = rows.assign(date=pd.to_datetime(rows["date"]), date_text="")
    provenance = Provenance(
        source, "run", D(FIRST), D(LAST), ["ALL"], dt.timedelta(0), NOW, decided, Vendors(vendors)
    )
    with transaction(database.writer) as connection:
        return store_bars(connection, check_rows(given, source=source, now=NOW), provenance)


def hashes(database):
    with transaction(database.writer) as connection:
        return table_hashes(connection)


def test_they_are_known_with_their_bars_and_written_once(database, rows):
    stored = store(database, rows)
    held = query(database.reader, WORDS)
    apple = rows[rows["symbol"] == "AAPL"]
    assert [row["vwap"] for row in held] == apple["vwap"].to_list()
    bars = query(database.reader, "SELECT known_at FROM market_data WHERE symbol = 'AAPL' ORDER BY date")
    assert [row["known_at"] for row in held] == [row["known_at"] for row in bars]
    assert {row["batch_id"] for row in held} == {stored.batch_id}
    store(database, rows)
    assert query(database.reader, WORDS) == held


def test_one_that_is_given_late_or_changed_makes_no_new_version_of_a_bar(database, rows):
    store(database, rows.drop(columns="vwap"))
    before = hashes(database)
    assert query(database.reader, WORDS) == []
    late = store(database, rows, decided=D(LAST))
    moved = store(database, change(rows, "AAPL", "2005-01-10", vwap=64.0), decided=D(LAST))
    assert (late.corrected, moved.corrected, late.first_restated, moved.first_restated) == (0, 0, None, None)
    after = hashes(database)
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"session_vwaps"}
    words = query(database.reader, WORDS)
    assert len(words) == 10 + 1 and (words[-1]["date"], words[-1]["vwap"]) == (D("2005-01-10"), 64.0)
    recorded = query(database.reader, "SELECT min(recorded_at) AS at FROM session_vwaps")[0]["at"]
    assert all(row["known_at"] >= recorded for row in words)  # nobody could have known them at the close


def test_each_vendor_has_its_word_and_the_bars_own_is_judged(database, rows):
    store(database, rows, "one", ["one", "two"])
    outside = change(rows, "AAPL", "2005-01-10", vwap=1.0)
    store(database, outside, "two", ["one", "two"])
    count = "SELECT source, count(*)::integer AS n FROM session_vwaps GROUP BY 1 ORDER BY 1"
    assert query(database.reader, count) == [{"source": "one", "n": 10}, {"source": "two", "n": 10}]
    with transaction(database.writer) as connection:
        assert (
            find_outside(connection, D(FIRST), D(LAST)) == []
        )  # the bars held are of the vendor named first
    store(database, outside, "one", ["one", "two"])
    with transaction(database.writer) as connection:
        (found,) = find_outside(connection, D(FIRST), D(LAST))
        assert find_outside(connection, D("2005-01-11"), D(LAST)) == []
    assert (found["symbol"], found["session_date"], found["check_name"]) == (
        "AAPL",
        D("2005-01-10"),
        "vwap_outside",
    )
    assert found["detail"]["vwap"] == 1.0 < found["detail"]["low"]


def test_what_vendors_round_is_within(database, rows):
    apple = rows[rows["symbol"] == "AAPL"]
    store(database, apple.assign(vwap=apple["high"] + 0.00009))
    with transaction(database.writer) as connection:
        assert find_outside(connection, D(FIRST), D(LAST)) == []
    store(database, apple.assign(vwap=apple["low"] - 0.00011))
    with transaction(database.writer) as connection:
        assert len(find_outside(connection, D(FIRST), D(LAST))) == len(apple)
