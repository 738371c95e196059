"""What a run asks of vendors and how often, and what it makes of one that does not know or show a symbol."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import pytest

from data_layer.settings import parse_settings
from data_layer.sources import universe
from data_layer.sources.calls import PlanError
from data_layer.sources.polygon import PolygonSource
from models.errors import RetryableError
from plugins.stages.opening import resolve
from plugins.stages.window import Request
from tests.support.chain import STEPS, open_stage, query, run_stage, stage_class, take_step
from tests.support.vendor_market import sample_market
from tests.support.vendor_stub import Fault, serve

D = dt.date.fromisoformat
STAGE = "data_ingestion"
LINES = "symbol,name,sector,active_from,active_to,restricted\nAAPL,Apple,Tech,,,\nIBM,IBM,Tech,,,\nMSFT,MS,Tech,,,\n"
LEFT = "SELECT symbol, active_to FROM trading_universe WHERE active_to IS NOT NULL"


@pytest.fixture
def stub():
    with serve(sample_market(end="2005-05-31"), page_size=1000) as running:
        running.market.until = D("2005-03-30")
        yield running


@pytest.fixture
def settings_of(stub, tmp_path):
    def settings(lines=LINES, **values):
        listed = tmp_path / "universe.csv"
        listed.write_text(lines)
        usual = {"SOURCES": "polygon", "UNIVERSE": str(listed), "START": "2005-02-01"}
        return parse_settings(tmp_path, {**stub.settings(), **usual, **values})

    return settings


def run_day(database, settings, stub, day):
    """Each task with an object of its own, at seven on the morning after; return what was asked."""
    stub.asked.clear()
    now = dt.datetime.combine(D(day) + dt.timedelta(days=1), dt.time(12), tzinfo=dt.UTC)
    first = open_stage(database.writer, settings, STAGE, logical_date=now, now=now)
    for step in STEPS[STAGE]:
        take_step(stage_class(STAGE)(first.context), step)
    return Counter("/".join(path.split("?")[0].split("/")[1:4]) for path, _ in stub.asked)


def of_yahoo(mode):
    fault = Fault(mode)
    fault.strikes = lambda page: "chart" in page.body
    return fault


def of_polygon(mode):
    fault = Fault(mode)
    fault.strikes = lambda page: page.kind == "bars" and "chart" not in page.body
    return fault


def sources_of(database):
    return {r["source"] for r in query(database.reader, "SELECT DISTINCT source FROM market_data")}


def test_a_daily_run_of_a_known_universe_costs_three_calls(database, stub, settings_of):
    began = run_day(database, settings_of(), stub, "2005-03-30")
    assert (began["v3/reference/tickers"], began["vX/reference/tickers"]) == (3, 3)  # once, not in each task
    for day in ("2005-03-31", "2005-04-01"):
        stub.market.until = D(day)
        asked = run_day(database, settings_of(), stub, day)
        assert asked == {"v2/aggs/grouped": 1, "v3/reference/splits": 1, "v3/reference/dividends": 1}
    held = query(database.reader, "SELECT symbol, name, active_from, active_to FROM trading_universe ORDER BY 1")
    assert [tuple(r.values()) for r in held] == [
        (s, n, D("2005-02-01"), None) for s, n in (("AAPL", "Apple"), ("IBM", "IBM"), ("MSFT", "MS"))
    ]


def test_a_symbol_whose_bars_vanish_is_asked_about_again_and_has_left(database, stub, settings_of):
    stub.market.renames["IBM"] = [("IBM", "1980-01-01")]
    run_day(database, settings_of(), stub, "2005-03-30")
    stub.market.rows = [r for r in stub.market.rows if r["symbol"] != "IBM" or r["date"] <= D("2005-03-30")]
    stub.market.delisted["IBM"] = D("2005-03-30")
    stub.market.until = D("2005-03-31")
    asked = run_day(database, settings_of(), stub, "2005-03-31")
    assert sum(asked.values()) == 3 + 2 + 1  # details, then the list of those gone, and its renames
    said = "SELECT detail -> 'warnings' AS w FROM stage_runs WHERE session_date = '2005-03-31'"
    assert query(database.reader, said) == [{"w": None}]
    stub.market.until = D("2005-04-01")
    assert sum(run_day(database, settings_of(), stub, "2005-04-01").values()) == 3
    assert query(database.reader, LEFT) == [{"symbol": "IBM", "active_to": D("2005-03-30")}]


def test_a_day_that_is_not_there_yet_costs_one_more_call(database, stub, settings_of):
    run_day(database, settings_of(), stub, "2005-03-30")
    with pytest.raises(RetryableError, match="no bar of AAPL, IBM, MSFT on 2005-03-31"):
        run_day(database, settings_of(), stub, "2005-03-31")
    assert [path.split("?")[0] for path, _ in stub.asked] == [
        "/v2/aggs/grouped/locale/us/market/stocks/2005-03-31", "/v3/reference/tickers/AAPL",
    ]  # fmt: skip


def test_what_was_learnt_outlives_a_run_that_fails(database, stub, settings_of):
    stub.fault = Fault("500", kind="actions")
    with pytest.raises(RetryableError):
        run_day(database, settings_of(), stub, "2005-03-30")
    stub.fault = None
    assert run_day(database, settings_of(), stub, "2005-03-30")["v3/reference/tickers"] == 0


def test_another_vendors_list_is_handed_on(database, stub, settings_of, tmp_path, monkeypatch):
    settings = settings_of(LINES.splitlines()[0], SOURCES="polygon,yfinance", UNIVERSE="")
    monkeypatch.setattr(universe, "FILE", str(tmp_path / "universe.csv"))
    stub.fault = of_polygon("403")
    run_day(database, settings, stub, "2005-03-30")
    assert sources_of(database) == {"yfinance"}
    symbols = query(database.reader, "SELECT count(DISTINCT symbol) AS n FROM market_data")
    assert symbols == [{"n": 3}]


def test_a_later_vendors_unknown_symbol_does_not_hide_the_firsts_error(database, stub, settings_of, monkeypatch):
    def down(*_):
        raise RetryableError("polygon is down")

    stub.fault = of_yahoo("unknown")
    monkeypatch.setattr(PolygonSource, "bars_in_chunks", down)
    both = r"every source.*polygon: polygon is down; yfinance: .*No data found.*MSFT"
    with pytest.raises(RetryableError, match=both):
        run_day(database, settings_of(SOURCES="polygon,yfinance"), stub, "2005-03-30")
    assert sources_of(database) == set()


@pytest.mark.parametrize("missing", ["unknown", "silent"])
def test_who_only_checks_stops_nothing(database, stub, settings_of, missing):
    stub.fault = of_yahoo(missing)
    run_day(database, settings_of(SOURCES="polygon,yfinance", CROSS_CHECK="true"), stub, "2005-03-30")
    assert sources_of(database) == {"polygon"}
    said = "SELECT DISTINCT detail -> 'warnings' ->> 0 AS w FROM stage_runs WHERE status = 'completed'"
    (warning,) = query(database.reader, said)
    assert warning["w"].startswith("yfinance failed to give bars, polygon did: ")
    assert ("chart of MSFT" if missing == "unknown" else "not one bar of IBM in 40 sessions") in warning["w"]


def test_a_plans_limit_is_not_waited_for_and_lets_the_next_vendor_answer(database, stub, settings_of):
    for mode in ("403", "not_authorized"):
        stub.fault = of_polygon(mode)
        with pytest.raises(PlanError, match=r"polygon refuses.*plan.*POLYGON_API_KEY.*name another vendor"):
            run_day(database, settings_of(), stub, "2005-03-30")
        assert not isinstance(PlanError("x"), RetryableError)
    run_day(database, settings_of(SOURCES="polygon,yfinance"), stub, "2005-03-30")
    assert sources_of(database) == {"yfinance"}


def test_a_symbol_silent_for_a_week_is_an_error_until_somebody_says_it_is_true(database, stub, settings_of):
    run_day(database, settings_of(), stub, "2005-03-30")
    gap = [D("2005-03-31"), D("2005-04-01")]
    stub.market.rows = [r for r in stub.market.rows if r["symbol"] != "IBM" or r["date"] not in gap]
    stub.market.until = gap[-1]
    with pytest.raises(RetryableError, match=r"not one bar of IBM in 2 sessions.*2005-03-31\.\.2005-04-01"):
        run_day(database, settings_of(), stub, "2005-04-01")
    query(
        database.owner,
        "INSERT INTO session_exceptions (session_date, symbol, reason) VALUES ('2005-04-01', 'IBM', 'halted') "
        "RETURNING 1",
    )
    run_day(database, settings_of(), stub, "2005-04-01")
    done = query(database.reader, "SELECT max(session_date) AS d FROM stage_runs WHERE status = 'completed'")
    assert done == [{"d": D("2005-04-01")}]


def test_the_universe_file_says_when_a_symbol_does_not_trade(database, stub, settings_of, tmp_path):
    stub.market.rows = [r for r in stub.market.rows if r["symbol"] != "IBM" or r["date"] > D("2005-03-30")]
    settings = settings_of()
    (tmp_path / "universe.csv").write_text(LINES.replace("IBM,IBM,Tech,", "IBM,IBM,Tech,2005-03-31"))
    run_day(database, settings, stub, "2005-03-30")
    settings = settings_of()
    with pytest.raises(RetryableError, match=r"not one bar of IBM in 40 sessions"):
        run_stage(database.writer, settings, STAGE, start="2005-02-01", end="2005-03-30")


def test_resolving_the_window_asks_for_nothing(database, stub, settings_of):
    now = dt.datetime(2005, 3, 31, 12, tzinfo=dt.UTC)
    assert resolve(database.writer, Request(STAGE, "run", {}, now, now), settings_of())
    assert stub.asked == []
