"""What leaves a trail by itself, and what the tables count: exceptions, batches, versions in order."""

from __future__ import annotations

import datetime as dt
import threading

import pandas as pd
import pytest
from psycopg import errors

from data_layer.quality.row_checks import check_rows
from data_layer.storage.bars import Provenance, store_bars
from data_layer.storage.database import take_lock, transaction
from tests.support.bars import real_bars
from tests.support.chain import NOW, query
from tests.support.prepared import failed_checks

DAY = dt.date(2005, 6, 1)
EVENTS = "SELECT session_date, symbol, source, payload FROM audit_events WHERE event_type = 'quality.accepted'"


def test_an_exception_made_in_sql_is_an_audit_event_too(database):
    accept = "INSERT INTO session_exceptions (session_date, symbol, reason) VALUES ('2005-06-01', %(s)s, 'halted')"
    for symbol in ("IBM", "", "IBM"):
        query(database.writer, accept + " ON CONFLICT DO NOTHING RETURNING 1", {"s": symbol})
    found = [tuple(row.values()) for row in query(database.reader, EVENTS + " ORDER BY symbol")]
    told = {"reason": "halted", "accepted_by": "quant_writer"}
    assert found == [
        (DAY, "IBM", "accept", {**told, "symbol": "IBM"}),
        (DAY, None, "accept", {**told, "symbol": ""}),
    ]


@pytest.mark.parametrize(("column", "value"), [("accepted_by", "somebody"), ("recorded_at", "2005-06-01")])
def test_nobody_accepts_in_anothers_name_or_time(database, column, value):
    forged = f"INSERT INTO session_exceptions (session_date, reason, {column}) VALUES ('2005-06-01', 'halted', %(v)s)"
    with pytest.raises(errors.InsufficientPrivilege):
        query(database.writer, forged, {"v": value})


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM market_data WHERE symbol = 'MSFT' AND date = '2005-06-01'",
        "DELETE FROM corporate_actions WHERE symbol = 'AAPL' AND action_type = 'split'",
        "UPDATE market_data SET batch_id = 999 WHERE symbol = 'MSFT' AND date = '2005-06-01'",
        "UPDATE ingestion_batches SET accepted = accepted - 1, duplicates = duplicates + 1 WHERE id = 1",
        "DELETE FROM market_data_history",
    ],
)
def test_a_batch_is_counted_against_what_is_stored(chained, change):
    with transaction(chained.writer) as connection:
        store(connection, 26.5)
    assert failed_checks(chained.reader) == []
    query(chained.owner, change + " RETURNING 1")
    assert "check_batches_complete" in failed_checks(chained.reader)


@pytest.mark.parametrize(
    ("table", "move"),
    [
        ("market_data_history", "SELECT m.*, known_at - interval '1 s', 1 FROM market_data m"),
        ("corporate_actions_history", "SELECT a.*, known_at - interval '1 s', 1 FROM corporate_actions a"),
        ("trading_universe_history", "SELECT u.*, known_at - interval '1 s' FROM trading_universe u"),
        ("market_data_history", "SELECT m.*, 'infinity', 1 FROM market_data m"),
    ],
)
def test_no_version_ends_before_it_began(chained, table, move):
    with pytest.raises(errors.CheckViolation):
        query(chained.owner, f"INSERT INTO {table} {move} LIMIT 1 RETURNING 1")


def test_a_transaction_that_began_earlier_and_writes_later_keeps_the_order(chained):
    began, waiting = threading.Event(), threading.Event()

    def later():
        with transaction(chained.writer) as connection:
            connection.execute("SELECT now()")  # its time stands still from here on
            began.set()
            waiting.wait()
            take_lock(connection, "data_ingestion")
            store(connection, 26.5)

    thread = threading.Thread(target=later)
    thread.start()
    began.wait()
    with transaction(chained.writer) as connection:
        take_lock(connection, "data_ingestion")
        store(connection, 26.0)
    waiting.set()
    thread.join()
    versions = "SELECT version, close, known_at FROM {} WHERE symbol = 'MSFT' AND date = '2005-06-01'"
    current = query(chained.reader, versions.format("market_data"))
    assert [(row["version"], row["close"]) for row in current] == [(3, 26.5)]
    history = query(
        chained.reader, versions.format("market_data_history").replace("known_at", "known_at, superseded_at")
    )
    ends = {row["version"]: row["superseded_at"] for row in history}
    begins = {row["version"]: row["known_at"] for row in [*history, *current]}
    assert [ends[v] for v in (1, 2)] == [begins[v] for v in (2, 3)]


def store(connection, close):
    """Restate one bar."""
    rows = real_bars("MSFT", str(DAY), str(DAY)).assign(date_text="")
    rows["date"] = pd.to_datetime(rows["date"])
    rows = rows[["symbol", "date", "open", "high", "low", "close", "volume", "date_text"]]
    rows = rows.assign(close=close, high=rows["high"].clip(lower=close), low=rows["low"].clip(upper=close))
    checked = check_rows(rows, source="sample", now=NOW)
    store_bars(
        connection,
        checked,
        Provenance("sample", "restated", DAY, DAY, ["MSFT"], dt.timedelta(0), NOW, dt.date(2005, 12, 30)),
    )
