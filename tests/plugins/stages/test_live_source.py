"""A live source from an empty database to the next day, against a vendor that has a day only once it closed."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from data_layer.quality.decisions import accept
from data_layer.settings import parse_settings
from data_layer.sources import open_source
from data_layer.storage.database import transaction
from models.errors import RetryableError
from plugins.stages.ingestion import available_sessions
from plugins.stages.window import Request
from tests.support.chain import CHAIN, query, run_chain, run_stage
from tests.support.vendor_market import sample_market
from tests.support.vendor_stub import Fault, serve

D = dt.date.fromisoformat
NEW_YORK_SEVEN = dt.time(11, 0, tzinfo=dt.UTC)  # in summer
START, BEFORE, NEXT = D("2005-01-03"), D("2005-06-28"), D("2005-06-29")
SESSIONS = 123


def seven(day: dt.date) -> dt.datetime:
    """When the schedule starts the run, which is its logical date too."""
    return dt.datetime.combine(day, NEW_YORK_SEVEN)


@pytest.fixture
def stub():
    with serve(sample_market(), page_size=1000) as running:
        running.market.until = BEFORE
        yield running


def settings_of(stub, home, source="polygon"):
    return parse_settings(
        home, {**stub.settings(), "SOURCE": source, "SYMBOLS": "AAPL IBM MSFT", "START": str(START)}
    )


def daily(database, settings, day, run=run_chain):
    if run is run_stage:
        return run(database.writer, settings, CHAIN[0], logical_date=seven(day), now=seven(day))
    return run(database.writer, settings, logical_date=seven(day), now=seven(day))


def done(database):
    rows = query(
        database.reader,
        "SELECT stage, count(*) AS n, max(session_date) AS last FROM stage_runs "
        "WHERE status = 'completed' AND model = '' GROUP BY stage",
    )
    return {row["stage"]: (row["n"], row["last"]) for row in rows}


def test_the_chain_runs_from_empty_and_one_more_day_comes_to_it(stub, database, tmp_path):
    settings = settings_of(stub, tmp_path)
    daily(database, settings, NEXT)
    assert done(database) == dict.fromkeys(CHAIN, (SESSIONS, BEFORE))

    stub.market.until = NEXT
    stub.asked.clear()
    daily(database, settings, D("2005-06-30"))
    assert done(database) == dict.fromkeys(CHAIN, (SESSIONS + 1, NEXT))
    bars = [path.split("?")[0] for path, _ in stub.asked if "/aggs/" in path]
    assert bars == [f"/v2/aggs/grouped/locale/us/market/stocks/{NEXT}"]
    newest = query(database.reader, "SELECT count(*) AS n FROM market_data WHERE date = '2005-06-29'")
    assert newest == [{"n": 3}]
    told = query(
        database.reader,
        "SELECT symbol, ex_date, action_type FROM corporate_actions WHERE symbol <> 'IBM' ORDER BY ex_date",
    )
    assert [(r["symbol"], str(r["ex_date"]), r["action_type"]) for r in told] == [
        ("MSFT", "2005-02-15", "dividend"),
        ("AAPL", "2005-02-28", "split"),
        ("MSFT", "2005-05-16", "dividend"),
    ]


def test_a_day_the_vendor_does_not_have_yet_is_tried_again_and_then_done(stub, database, tmp_path):
    settings = settings_of(stub, tmp_path)
    daily(database, settings, NEXT, run_stage)
    with pytest.raises(RetryableError, match=r"no bar of AAPL, IBM, MSFT on 2005-06-29"):
        daily(database, settings, D("2005-06-30"), run_stage)
    assert done(database) == {CHAIN[0]: (SESSIONS, BEFORE)}
    stub.market.until, stub.fault = NEXT, Fault("429:long")
    with pytest.raises(RetryableError, match="to be asked again in 3600 s"):
        daily(database, settings, D("2005-06-30"), run_stage)
    stub.fault = None
    daily(database, settings, D("2005-06-30"), run_stage)
    assert done(database) == {CHAIN[0]: (SESSIONS + 1, NEXT)}


@pytest.mark.parametrize("symbol", ["AAPL", ""])
def test_a_halted_session_is_an_error_until_somebody_accepts_it(stub, database, tmp_path, symbol):
    halted = D("2005-02-10")
    stub.market.rows = [r for r in stub.market.rows if (r["symbol"], r["date"]) != ("AAPL", halted)]
    settings = replace(settings_of(stub, tmp_path), symbols=("AAPL",))
    with pytest.raises(RetryableError, match=r"no bar of AAPL on 2005-02-10.*make accept SESSION=2005-02-10"):
        daily(database, settings, NEXT, run_stage)
    with transaction(database.writer) as connection:
        assert accept(connection, halted, symbol, "halted", now=seven(NEXT), asked_for=settings.symbols)
    daily(database, settings, NEXT, run_stage)
    assert done(database) == {CHAIN[0]: (SESSIONS, BEFORE)}
    # The acceptance of one symbol's session is none of another's.
    stub.market.rows = [r for r in stub.market.rows if r["date"] != halted]
    with pytest.raises(RetryableError, match="no bar of IBM on 2005-02-10"):
        source = open_source(replace(settings, symbols=("AAPL", "IBM")))
        source.accepted = {(halted, "AAPL")}
        source.bars(None, halted, halted)


@pytest.mark.parametrize("source", ["yfinance", "alpaca"])
def test_ingestion_of_the_other_vendors(stub, database, tmp_path, source):
    stub.market.until = D("2005-12-30") if source == "alpaca" else BEFORE
    settings = settings_of(stub, tmp_path, source)
    daily(database, settings, NEXT, run_stage)
    assert done(database) == {CHAIN[0]: (SESSIONS, BEFORE)}
    counts = query(database.reader, "SELECT count(*) AS n, max(date) AS last FROM market_data")
    assert counts == [{"n": 3 * SESSIONS, "last": BEFORE}]
    stub.market.until = D("2005-12-30")
    daily(database, settings, D("2005-06-30"), run_stage)
    assert done(database) == {CHAIN[0]: (SESSIONS + 1, NEXT)}
    history = query(database.reader, "SELECT count(*) AS n FROM market_data_history")
    assert history == [{"n": 0}]


@pytest.mark.parametrize(
    ("instant", "last"),
    [
        ("2005-06-29T11:00:00Z", "2005-06-28"),  # the schedule's time
        ("2005-06-29T21:00:00Z", "2005-06-28"),  # after the close, before a free plan has it
        ("2005-06-30T03:59:59Z", "2005-06-28"),
        ("2005-06-30T04:00:00Z", "2005-06-29"),  # midnight in New York
        ("2005-07-05T11:00:00Z", "2005-07-01"),  # after the Fourth of July
    ],
)
def test_the_daily_run_takes_the_last_session_that_closed_and_can_be_had(stub, tmp_path, instant, last):
    source = open_source(settings_of(stub, tmp_path))
    request = Request(CHAIN[0], "run", {}, None, dt.datetime.fromisoformat(instant))
    assert available_sessions(request, source)[-1] == D(last)
    assert stub.asked == []
