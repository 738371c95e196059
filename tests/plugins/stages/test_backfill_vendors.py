"""make backfill against vendors: whose word counts, what is missing, what fails, and how long it waits."""

from __future__ import annotations

import datetime as dt

import pytest

from data_layer.quality.decisions import accept, quarantined_rows, release
from data_layer.runtime.remember import remember
from data_layer.settings import parse_settings
from data_layer.storage.database import transaction
from models.errors import ConfigError
from plugins import backfill as command
from tests.support.chain import query, run_stage
from tests.support.prepared import failed_checks
from tests.support.vendor_market import sample_market
from tests.support.vendor_stub import Fault, serve

D = dt.date.fromisoformat
NOW = dt.datetime(2005, 4, 1, 11, 0, tzinfo=dt.UTC)
DAY, SESSIONS = "2005-02-10", 41
SPAN = {"SYMBOLS": "AAPL IBM MSFT", "START": "2005-02-01", "END": "2005-03-31"}
BAR = f"SELECT source, version, close FROM market_data WHERE symbol = 'IBM' AND date = '{DAY}'"

WORDS = f"SELECT source, close FROM vendor_bars WHERE symbol = 'IBM' AND date = '{DAY}' ORDER BY 1"


@pytest.fixture
def stub():
    with serve(sample_market(end="2005-03-31"), page_size=1000) as running:
        yield running


@pytest.fixture
def settings(stub, tmp_path):
    def make(**values):
        return parse_settings(tmp_path, {**stub.settings(), **SPAN, **values})

    return make


@pytest.fixture
def slept(monkeypatch):
    seconds = []
    monkeypatch.setattr(command, "sleep", seconds.append)
    return seconds


def rows(uri, statement, **parameters):
    return [tuple(row.values()) for row in query(uri, statement, parameters)]


def restate(stub, symbol="IBM", factor=1.05):
    """The vendors' words change from here on; return the new close."""
    (bar,) = [r for r in stub.market.rows if (r["symbol"], r["date"]) == (symbol, D(DAY))]
    bar["close"] = bar["high"] = round(bar["high"] * factor, 2)
    return bar["close"]


def forget(stub, symbol, day=None):
    """The vendors have no bar of a symbol on a day, or on none of the days asked for."""
    stub.market.rows = [
        r
        for r in stub.market.rows
        if r["symbol"] != symbol or (r["date"] != D(day) if day else r["date"] < D(SPAN["START"]))
    ]


def states(database):
    return rows(database.reader, "SELECT symbols[1], state FROM backfill_chunks ORDER BY 1")


def test_the_second_vendor_is_asked_and_the_first_one_is_believed(stub, database, settings, tmp_path):
    both = settings(SOURCES="polygon,yfinance")
    run_stage(database.writer, both, "data_ingestion", logical_date=NOW, now=NOW)
    held, other = rows(database.reader, BAR), restate(stub)
    assert command.run(database.writer, both, "yfinance") == 0
    assert rows(database.reader, BAR) == held and held[0][:2] == ("polygon", 1)
    assert rows(database.reader, WORDS) == [("polygon", held[0][2]), ("yfinance", other)]
    disagreed = "SELECT field, source, value, chosen_source FROM vendor_disagreements WHERE field = 'close'"
    assert rows(database.reader, disagreed) == [("close", "yfinance", other, "polygon")]
    # The first vendor's new word replaces; what it replaced is in the history.
    assert command.run(database.writer, both, "polygon") == 0
    assert rows(database.reader, BAR) == [("polygon", 2, other)]
    assert failed_checks(database.reader) == []


def test_evidence_is_kept_also_when_the_order_does_not_name_all_that_have_spoken(stub, database, settings):
    both = settings(SOURCES="polygon,yfinance", CROSS_CHECK="true")
    run_stage(database.writer, both, "data_ingestion", logical_date=NOW, now=NOW)
    restate(stub)
    assert command.run(database.writer, settings(SOURCE="yfinance")) == 0
    disagreed = "SELECT source, other_source, chosen_source FROM vendor_disagreements WHERE field = 'close'"
    assert rows(database.reader, disagreed) == [("yfinance", "polygon", "yfinance")]


def test_a_released_bar_of_the_second_vendor_replaces_nothing(stub, database, settings):
    both = settings(SOURCES="polygon,yfinance")
    run_stage(database.writer, both, "data_ingestion", logical_date=NOW, now=NOW)
    held = rows(database.reader, BAR)
    (bar,) = [r for r in stub.market.rows if (r["symbol"], r["date"]) == ("IBM", D(DAY))]
    stub.market.rows.append({**bar, "close": bar["low"]})
    command.run(database.writer, both, "yfinance")
    with transaction(database.writer) as connection:
        (row,) = [r for r in quarantined_rows(connection) if float(r["raw"]["close"]) == bar["low"]]
        assert release(connection, row["id"], "it is right", settings=both, now=NOW, later_stages=[])
    assert rows(database.reader, BAR) == held and held[0][2] != bar["low"]
    assert rows(database.reader, WORDS) == [("polygon", held[0][2]), ("yfinance", bar["low"])]


def test_the_command_asks_source_and_keeps_the_homes_order(stub, monkeypatch, tmp_path):
    monkeypatch.setenv("ALMANAC_HOME", str(tmp_path))
    for name, value in {**stub.settings(), **SPAN, "SOURCES": "polygon,yfinance", "SOURCE": ""}.items():
        monkeypatch.setenv(name, value)
    remember(tmp_path)
    seen = []
    monkeypatch.setattr(command, "run", lambda uri, given, ask: seen.append((given.sources, ask)) or 0)
    monkeypatch.setattr(command.Home, "uri", lambda home, role: role)
    for source, sources, ask in [
        ("", "", "polygon"),
        ("yfinance", "", "yfinance"),
        ("yfinance", "polygon,yfinance", "yfinance"),
        ("", "yfinance,polygon", "yfinance"),
    ]:
        monkeypatch.setenv("SOURCE", source)
        monkeypatch.setenv("SOURCES", sources)
        assert command.main() == 0 and seen.pop() == (("polygon", "yfinance"), ask)
    monkeypatch.setenv("SOURCE", "alpaca")
    with pytest.raises(ConfigError, match=r"holds market data of polygon, yfinance.*alpaca"):
        command.main()


def test_the_commands_keys_may_be_airflows_connections(stub, monkeypatch, tmp_path):
    for name, value in {**stub.settings(), **SPAN, "POLYGON_API_KEY": "", "SOURCE": "polygon"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ALMANAC_HOME", str(tmp_path))
    asked, seen = [], []
    monkeypatch.setattr(
        command, "read_connection", lambda home, name: asked.append((home.path, name)) or {"password": "k3y"}
    )
    monkeypatch.setattr(command, "run", lambda uri, given, ask: seen.append(given.vendors) or 0)
    monkeypatch.setattr(command.Home, "uri", lambda home, role: role)
    assert command.main() == 0
    assert asked == [(tmp_path, "polygon")] and seen[0].keys["POLYGON_API_KEY"] == "k3y"


@pytest.mark.parametrize("source", ["polygon", "yfinance"])
def test_the_universe_file_says_whom_to_ask_for(stub, database, settings, tmp_path, source):
    listed = tmp_path / "universe.csv"
    listed.write_text("symbol,name,sector,active_from,active_to,restricted\nIBM,,,,,\n")
    assert command.run(database.writer, settings(SOURCE=source, SYMBOLS="", UNIVERSE=str(listed))) == 0
    assert states(database) == [("IBM", "done")]


@pytest.mark.parametrize("source", ["polygon", "yfinance", "alpaca"])
def test_a_halted_session_is_no_error_of_a_history(stub, database, settings, source):
    forget(stub, "AAPL", DAY)
    assert command.run(database.writer, settings(SOURCE=source)) == 0
    held = rows(database.reader, "SELECT symbol, count(*) FROM market_data GROUP BY 1 ORDER BY 1")
    assert held == [("AAPL", SESSIONS - 1), ("IBM", SESSIONS), ("MSFT", SESSIONS)]


def test_a_symbol_without_any_row_fails_alone_and_is_tried_again(stub, database, settings, capsys):
    whole = list(stub.market.rows)
    forget(stub, "AAPL")
    assert command.run(database.writer, settings(SOURCE="polygon")) == 1
    printed = capsys.readouterr().out
    assert "failed: AAPL: [data_ingestion] no bar of AAPL on 2005-02-01" in printed
    assert "failed: 1 of 3 chunks: AAPL; repeat the command" in printed
    assert states(database) == [("AAPL", "planned"), ("IBM", "done"), ("MSFT", "done")]
    stub.market.rows = whole
    assert command.run(database.writer, settings(SOURCE="polygon")) == 0
    assert "1 symbols in 1 chunks to do, 2 symbols done before" in capsys.readouterr().out
    assert states(database)[0] == ("AAPL", "done")


def test_a_session_nobody_traded_is_accepted_and_filled(stub, database, settings):
    forget(stub, "AAPL", DAY)
    day = settings(SOURCE="polygon", SYMBOLS="AAPL", START=DAY, END=DAY)
    assert command.run(database.writer, day) == 1
    with transaction(database.writer) as connection:
        accept(connection, D(DAY), "AAPL", "halted all day", now=NOW, asked_for=day.symbols)
    assert command.run(database.writer, day) == 0
    assert states(database) == [("AAPL", "done")]


def test_it_waits_as_long_as_the_vendor_asks_and_goes_on(stub, database, settings, slept, capsys):
    stub.fault = Fault("429:long", times=2)
    assert command.run(database.writer, settings(SOURCE="polygon")) == 0
    assert slept == [900.0, 900.0]
    assert "waiting 900 s, the vendor asks for 3600" in capsys.readouterr().out
    assert [state for _, state in states(database)] == ["done"] * 3


def test_it_waits_for_the_list_of_symbols_too(stub, database, settings, slept):
    stub.fault = Fault("429:long", times=1, kind="details")
    assert command.run(database.writer, settings(SOURCE="polygon")) == 0
    assert slept == [900.0]


def test_a_vendor_that_asks_for_ever_more_time_ends_it(stub, database, settings, slept, capsys):
    stub.fault = Fault("429:long")
    assert command.run(database.writer, settings(SOURCE="polygon")) == 1
    assert slept == [900.0] * command.WAITS
    assert "failed: 1 of 3 chunks: AAPL; 2 not tried; repeat the command" in capsys.readouterr().out
    assert {state for _, state in states(database)} == {"planned"}
