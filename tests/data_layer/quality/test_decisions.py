"""What people decide: release, reject, accept; each once, with a reason, on record."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from data_layer import sessions
from data_layer.quality.decisions import accept, quarantined_rows, reject, release
from data_layer.runtime.progress import STAGES
from data_layer.storage.database import transaction
from models.errors import ConfigError, DataQualityError
from tests.support.bars import change, real_bars
from tests.support.files_home import DAY, D, open_home

NOW = dt.datetime(2026, 11, 20, 22, 0, tzinfo=dt.UTC)
FIRST, LAST = "2005-03-07", "2005-03-14"


@pytest.fixture(scope="module")
def market():
    return real_bars("AAPL IBM MSFT", FIRST, LAST)


@pytest.fixture(scope="module")
def spoilt(copy_database, tmp_path_factory, market):
    """One bar twice with other closes, an impossible one, and an action beyond its share."""
    rows = change(market, "AAPL", DAY, close=40.0, open=40.0, low=39.0)
    one = market[(market["symbol"] == "AAPL") & (market["date"] == D(DAY))]
    rows = change(rows, "IBM", "2005-03-11", high=1.0)
    rows = change(rows, "MSFT", "2005-03-14", dividend=500.0)
    database = copy_database("quant_data")
    home = open_home(database, tmp_path_factory.mktemp("spoilt"), rows)
    home.ingest(pd.concat([rows.astype(object), one.astype(object)], ignore_index=True))
    return database


@pytest.fixture
def home(copy_database, spoilt, tmp_path, market):
    return open_home(copy_database(spoilt.name), tmp_path, market)


def rows_of(home, symbol):
    with transaction(home.uri) as connection:
        return [row for row in quarantined_rows(connection) if row["symbol"] == symbol]


def let_go(home, number, reason="checked with the exchange", *, now=NOW):
    with transaction(home.uri) as connection:
        return release(connection, number, reason, settings=home.settings, now=now, later_stages=STAGES[1:])


def turn_down(home, number, reason="a misprint"):
    with transaction(home.uri) as connection:
        return reject(connection, number, reason)


def take(home, day, symbol="", reason="halted all day"):
    with transaction(home.uri) as connection:
        return accept(connection, D(day), symbol, reason, now=NOW)


def events(home):
    return home.query(
        "SELECT event_type, session_date::text, symbol FROM audit_events WHERE event_type LIKE 'quality.%%' ORDER BY ts"
    )


def test_the_right_one_of_two_is_released_once_and_enters_as_every_bar_does(home, market):
    right = next(row for row in rows_of(home, "AAPL") if row["raw"]["close"] != "40.0")
    assert let_go(home, right["id"]) is True
    good = market[(market["symbol"] == "AAPL") & (market["date"] == D(DAY))].iloc[0]
    stored = home.query(
        "SELECT close, volume, source, version, known_at > '2026-01-01' FROM market_data "
        f"WHERE symbol = 'AAPL' AND date = '{DAY}'"
    )
    # Its session is done, so it is known from now on; what rests on the session is marked.
    assert stored == [(good["close"], good["volume"], "files", 1, True)]
    assert home.query("SELECT received, accepted FROM ingestion_batches ORDER BY id DESC LIMIT 1") == [(1, 1)]
    assert events(home) == [("quality.released", DAY, "AAPL")]
    before = home.hashes()
    assert let_go(home, right["id"], "once more") is False
    assert home.hashes() == before
    with pytest.raises(ConfigError, match="has been released"):
        turn_down(home, right["id"])
    decided = home.query("SELECT decision, reason, batch_id IS NOT NULL FROM quarantine_decisions")
    assert decided == [("released", "checked with the exchange", True)]
    assert home.query("SELECT count(*) FROM quarantine") == [(4,)]  # the evidence stays


def test_a_released_bar_marks_what_rests_on_its_session(home):
    with transaction(home.owner) as connection:
        connection.execute(
            "INSERT INTO stage_runs (stage, session_date, status, known_at, run_id) SELECT 'feature_engineering', "
            "session_date, 'completed', known_at, 'x' FROM stage_runs WHERE stage = 'data_ingestion'"
        )
    let_go(home, next(r for r in rows_of(home, "AAPL") if r["raw"]["close"] != "40.0")["id"])
    stale = home.query(
        "SELECT min(session_date)::text FROM stage_runs WHERE stale_reason LIKE 'quarantine/%%'"
    )
    assert stale == [(DAY,)]


def test_what_cannot_be_true_is_refused(home):
    impossible = rows_of(home, "IBM")[0]["id"]
    before = home.hashes()
    with pytest.raises(
        DataQualityError, match="still cannot be true: high is below another price of the bar"
    ):
        let_go(home, impossible)
    with pytest.raises(ConfigError, match="a corporate action"):
        let_go(home, rows_of(home, "MSFT")[0]["id"])
    assert home.hashes() == before and events(home) == []


def test_a_rejected_row_can_still_be_released_and_both_stay_on_record(home):
    right = next(row for row in rows_of(home, "AAPL") if row["raw"]["close"] != "40.0")["id"]
    assert turn_down(home, right) is True and turn_down(home, right, "again") is False
    assert let_go(home, right) is True
    assert home.query("SELECT decision, reason FROM quarantine_decisions ORDER BY id") == [
        ("rejected", "a misprint"),
        ("released", "checked with the exchange"),
    ]
    assert [e[0] for e in events(home)] == ["quality.rejected", "quality.released"]


@pytest.mark.parametrize("reason", ["", "  ", "no"])
def test_each_decision_needs_a_reason(home, reason):
    number = rows_of(home, "IBM")[0]["id"]
    for decide in (
        lambda: let_go(home, number, reason),
        lambda: turn_down(home, number, reason),
        lambda: take(home, DAY, "", reason),
    ):
        with pytest.raises(ConfigError, match="say why"):
            decide()


def test_an_unknown_row_is_refused(home):
    for decide in (let_go, turn_down):
        with pytest.raises(ConfigError, match="no such row"):
            decide(home, 999)


def test_a_session_or_a_symbol_in_it_is_accepted_once(home):
    assert take(home, DAY) is True and take(home, DAY, "", "another reason") is False
    assert take(home, DAY, "IBM") is True
    held = home.query("SELECT session_date::text, symbol, reason FROM session_exceptions ORDER BY symbol")
    assert held == [(DAY, "", "halted all day"), (DAY, "IBM", "halted all day")]
    assert events(home) == [("quality.accepted", DAY, None), ("quality.accepted", DAY, "IBM")]


@pytest.mark.parametrize(
    ("day", "symbol", "message"),
    [
        ("2005-03-12", "", "not a session that has closed"),
        ("2026-11-23", "", "not a session that has closed"),
        ("1950-01-04", "", "not a session that has closed"),
        (DAY, "XOM", "nothing is known of this symbol"),
        (DAY, "'; DROP TABLE market_data; --", "nothing is known of this symbol"),
    ],
)
def test_what_is_unknown_is_not_accepted(home, day, symbol, message):
    with pytest.raises(ConfigError, match=message):
        take(home, day, symbol)
    assert home.query("SELECT count(*) FROM session_exceptions") == [(0,)] and events(home) == []


def test_a_day_the_calendar_had_wrong_can_be_released_once_it_is_right(home, monkeypatch):
    row = home.query("SELECT id FROM quarantine WHERE symbol = 'IBM'")[0][0]
    with transaction(home.owner) as connection:  # the exchange was said to be shut on that day
        connection.execute(
            "UPDATE quarantine SET reason = 'not a session of the exchange', "
            "raw = raw || '{\"high\": \"93.0\"}' WHERE id = %s", [row],
        )  # fmt: skip
    monkeypatch.setattr(sessions, "closures", lambda: {dt.date(2005, 3, 11): "a test"})
    sessions._table.cache_clear()
    try:
        with pytest.raises(DataQualityError, match=r"not a session of the exchange.*calendar_overrides"):
            let_go(home, row)
    finally:
        monkeypatch.undo()
        sessions._table.cache_clear()
    assert let_go(home, row) is True
