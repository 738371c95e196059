"""Bars into market_data: new, equal, corrected and late ones told apart, and every count taken from the database."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import psycopg
import pytest

from data_layer.quality.row_checks import check_rows
from data_layer.storage import bars as module
from data_layer.storage.bars import Provenance, store_bars
from data_layer.storage.database import transaction
from tests.support.bars import change, real_bars
from tests.support.chain import NOW, query

D = dt.date.fromisoformat
FIRST, LAST = "2005-01-03", "2005-03-31"
DECIDED = D("2005-02-28")


@pytest.fixture
def rows():
    return real_bars("AAPL IBM MSFT", FIRST, LAST)


def store(database, rows, decided=None):
    given = rows.assign(date=pd.to_datetime(rows["date"]), date_text="")
    provenance = Provenance("x", "run", D(FIRST), D(LAST), ["ALL"], dt.timedelta(0), NOW, decided)
    with transaction(database.writer) as connection:
        return store_bars(connection, check_rows(given, source="x", now=NOW), provenance)


def of(rows, *symbols):
    return rows[rows["symbol"].isin(symbols)]


def test_what_is_held_is_told_from_what_is_not(database, rows):
    part = rows[
        (rows["symbol"] != "MSFT") & (rows["date"] != D("2005-02-01")) & (rows["date"] < D("2005-03-01"))
    ]
    assert store(database, part).new == len(part)
    changed = change(rows, "AAPL", "2005-01-10", close=33.25, low=33.0, high=99.0)
    stored = store(database, changed)
    # A gap within what is held, the days after it, and a symbol nobody holds are new alike.
    assert (stored.received, stored.new) == (len(rows), len(rows) - len(part))
    assert (stored.corrected, stored.duplicates, stored.quarantined) == (1, len(part) - 1, 0)
    assert stored.first_restated == D("2005-01-10")
    (old,) = query(database.writer, "SELECT symbol, date, version, superseded_by FROM market_data_history")
    assert (old["symbol"], old["date"], old["version"]) == ("AAPL", D("2005-01-10"), 1)
    assert old["superseded_by"] == stored.batch_id
    held = query(
        database.writer, "SELECT symbol, date, open, high, low, close, volume FROM market_data ORDER BY 1, 2"
    )
    columns = ["open", "high", "low", "close", "volume"]
    expected = changed.sort_values(["symbol", "date"])[columns].astype(float).to_numpy()
    assert (pd.DataFrame(held)[columns].astype(float).to_numpy() == expected).all()


@pytest.mark.parametrize("column", ["open", "high", "low", "close", "volume"])
def test_the_smallest_change_of_any_value_is_a_correction(database, rows, column):
    apple = of(rows, "AAPL").iloc[:5].astype({"volume": float})
    store(database, apple)
    moved = apple.copy()
    last = moved.index[-1]
    step = {"volume": 1.0, "high": 1e-12, "low": -1e-12}.get(column, 0.0)
    if step:
        moved.loc[last, column] += step
    else:  # between low and high
        moved.loc[last, column] = (
            moved.loc[last, column] + moved.loc[last, "high"] + moved.loc[last, "low"]
        ) / 3
    stored = store(database, moved)
    assert (stored.corrected, stored.duplicates, stored.new) == (1, 4, 0)


def test_what_comes_after_its_session_was_decided_is_known_from_now_on(database, rows):
    store(database, of(rows[rows["date"] >= D("2005-02-01")], "AAPL", "IBM"))
    stored = store(database, rows, decided=DECIDED)
    late = query(
        database.writer,
        "SELECT symbol, min(date) AS first, max(date) AS last, bool_or(backfilled) AS b FROM market_data "
        "WHERE known_at > '2026-01-01' GROUP BY symbol ORDER BY symbol",
    )
    # Microsoft's were never there to be decided on: its history stands as stated.
    assert [tuple(row.values()) for row in late] == [
        (s, D(FIRST), D("2005-01-31"), False) for s in ("AAPL", "IBM")
    ]
    assert stored.first_restated == D(FIRST) and stored.corrected == 0
    assert stored.new == len(rows) - stored.duplicates


def test_a_batch_that_does_not_add_up_is_refused(database, rows, monkeypatch):
    """Every count is taken where it happens, so losing rows on the way cannot look right."""
    store(database, of(rows, "IBM"))
    real = module.copy_in
    monkeypatch.setattr(module, "copy_in", lambda c, table, frame: real(c, table, frame.iloc[:-1]))
    with pytest.raises(psycopg.errors.CheckViolation, match="ingestion_batches"):
        store(database, rows)
    monkeypatch.undo()
    monkeypatch.setattr(module, "_quarantine", lambda connection, bad, batch: 0)
    with pytest.raises(psycopg.errors.CheckViolation, match="ingestion_batches"):
        store(database, change(rows, "AAPL", "2005-01-10", high=1.0))
    assert query(database.writer, "SELECT count(*) AS n FROM ingestion_batches") == [{"n": 1}]
    assert {r["symbol"] for r in query(database.writer, "SELECT DISTINCT symbol FROM market_data")} == {"IBM"}


def test_two_batches_of_one_transaction(database, rows):
    given = rows.assign(date=pd.to_datetime(rows["date"]), date_text="")
    provenance = Provenance("x", "run", D(FIRST), D(LAST), ["ALL"], dt.timedelta(0), NOW, None)
    with transaction(database.writer) as connection:
        for close in (None, 34.5, 35.5):
            again = (
                given
                if close is None
                else change(rows, "AAPL", "2005-01-10", close=close, low=1.0, high=99.0)
            )
            again = again.assign(date=pd.to_datetime(again["date"]), date_text="")
            stored = store_bars(connection, check_rows(again, source="x", now=NOW), provenance)
    assert (stored.corrected, stored.duplicates) == (1, len(rows) - 1)
    versions = query(database.writer, "SELECT max(version) AS v, count(*) AS n FROM market_data")
    assert versions == [{"v": 3, "n": len(rows)}]
