"""Polygon: the cheaper way of asking, raw prices, delisted names, renames, announcements."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pandas as pd
import pytest

from data_layer.sources.calls import PlanError
from models.errors import ConfigError, RetryableError
from tests.support.vendor_cases import FIRST, LAST, checked, vendor_source
from tests.support.vendor_market import sample_market
from tests.support.vendor_stub import Fault, serve

D = dt.date.fromisoformat


@pytest.fixture
def stub():
    market = sample_market(end=str(LAST))
    market.rows += [dict(row, symbol="GONE") for row in market.rows if row["symbol"] == "IBM"]
    market.rows = [r for r in market.rows if r["symbol"] != "GONE" or r["date"] <= D("2005-03-04")]
    market.delisted["GONE"] = D("2005-03-05")  # a Saturday
    market.renames["MSFT"] = [("MSFT", "2004-06-09"), ("SOFT", "1986-03-13")]
    with serve(market) as running:
        yield running


@pytest.fixture
def source(stub, tmp_path):
    return vendor_source("polygon", stub, tmp_path)


def asked(stub):
    return [path.split("?")[0] for path, _ in stub.asked]


def test_a_day_costs_one_call_and_a_history_one_a_symbol(stub, source):
    source.instruments()
    stub.asked.clear()
    day = source.bars(None, D("2005-03-01"), D("2005-03-01"))
    assert asked(stub) == ["/v2/aggs/grouped/locale/us/market/stocks/2005-03-01"]
    assert "adjusted=false" in stub.asked[0][0]
    stub.asked.clear()
    stub.page_size = 1000
    many = source.bars(None, FIRST, LAST)
    assert asked(stub) == [f"/v2/aggs/ticker/{s}/range/1/day/{FIRST}/{LAST}" for s in ("AAPL", "IBM", "MSFT")]
    assert all("adjusted=false" in path for path, _ in stub.asked)
    one, _ = checked(day)
    assert len(one) == 3
    pd.testing.assert_frame_equal(one, checked(many)[0].loc[one.index])


@pytest.mark.parametrize(
    ("mode", "outcome"),
    [("truncated", "error"), ("no_results", "error"), ("not_authorized", "refused"), ("nan", "kept"),
     ("fewer_results", "error"), ("status_error", "error"),
     ("digits400", "kept"), ("stamp_null", "kept"), ("next_elsewhere", "error"), ("no_object", "error")],
)  # fmt: skip
def test_faults_of_the_markets_days(stub, source, mode, outcome):
    first, last = D("2005-03-01"), D("2005-03-03")
    whole, _ = checked(source.bars(None, first, last))
    stub.fault = Fault(mode, times=1)
    if outcome != "kept":
        with pytest.raises(PlanError if outcome == "refused" else RetryableError, match="polygon"):
            source.bars(None, first, last)
    else:
        rows = source.bars(None, first, last)
        accepted, others = checked(rows)
        assert (len(rows), others) == (9, 1)
        pd.testing.assert_frame_equal(accepted, whole.loc[accepted.index])


def test_another_days_bar_is_no_answer(stub, source):
    source.instruments()
    for row in stub.market.rows:
        if (row["symbol"], row["date"]) == ("IBM", D("2005-03-01")):
            row["stamp"] = 1109797200000  # the day after
    with pytest.raises(RetryableError, match="a bar of 2005-03-02"):
        source.bars(None, D("2005-03-01"), D("2005-03-01"))


def test_the_list_has_those_that_left(stub, source):
    everybody = type(source)(replace(source.settings, symbols=()), patience=source.patience)
    held = everybody.instruments().set_index("symbol")
    assert held.index.to_list() == ["AAPL", "GONE", "IBM", "MSFT"]
    assert held["active_from"].to_list() == [FIRST] * 4
    assert held["active_to"].to_list() == [None, D("2005-03-04"), None, None]
    assert everybody.bars(None, D("2005-03-07"), D("2005-03-07"))["symbol"].to_list() == [
        "AAPL",
        "IBM",
        "MSFT",
    ]
    later = replace(everybody.settings, start=D("2005-03-07"))
    assert "GONE" not in set(type(source)(later).instruments()["symbol"])


def test_a_delisted_symbol_is_known_when_named(stub, tmp_path):
    source = vendor_source("polygon", stub, tmp_path, symbols="GONE AAPL")
    held = source.instruments().set_index("symbol")
    assert held.loc["GONE", "active_to"] == D("2005-03-04")
    assert held.loc["AAPL", ["name", "sector"]].to_list() == ["Apple Inc.", "ELECTRONIC COMPUTERS"]
    source.bars(["GONE"], FIRST, LAST)  # sessions after it left are not missed
    with pytest.raises(ConfigError, match=r"'NOSUCH'.*polygon does not know it"):
        vendor_source("polygon", stub, tmp_path, symbols="NOSUCH").instruments()


def test_a_later_listing_is_not_missed_before(stub, source, monkeypatch):
    monkeypatch.setitem(source.settings.__dict__, "start", D("2005-01-03"))
    listed = type(source)(replace(source.settings, symbols=("AAPL",)), patience=source.patience)
    answer = listed._listing("AAPL", {"list_date": "2005-02-12"}, None)  # a Saturday
    assert listed.listings.membership(answer)[3] == D("2005-02-14")


def test_dividends_carry_their_announcement(source):
    actions = source.actions(["MSFT"], FIRST, LAST)
    assert actions.to_dict("records") == [
        {"symbol": "MSFT", "ex_date": D("2005-02-15"), "action_type": "dividend", "value": Decimal("0.08"),
         "inferred": False, "announced": D("2005-01-25")}
    ]  # fmt: skip


def test_the_whole_markets_actions_are_asked_for_when_that_is_cheaper(stub, source):
    source.instruments()
    stub.asked.clear()
    day = D("2005-02-28")
    few = source.actions(None, day, day)
    assert asked(stub) == ["/v3/reference/splits", "/v3/reference/dividends"]
    assert not any("ticker=" in path for path, _ in stub.asked)
    assert few[["symbol", "action_type", "value"]].to_numpy().tolist() == [["AAPL", "split", Decimal(2)]]
    stub.asked.clear()
    assert len(source.actions(None, FIRST, LAST)) == 3 and len(stub.asked) == 6


@pytest.mark.parametrize(
    "mode", ["status_error", "no_results", "not_authorized", "truncated", "502", "html_200", "next_elsewhere"]
)
@pytest.mark.parametrize("kind", ["actions", "details", "tickers"])
def test_no_fault_hides_an_action_or_a_name(stub, source, mode, kind):
    stub.fault = Fault(mode, kind=kind)
    everybody = type(source)(replace(source.settings, symbols=()), patience=source.patience)
    if (kind, mode) == ("details", "next_elsewhere"):
        return  # one page only
    with pytest.raises(PlanError if mode == "not_authorized" else RetryableError):
        if kind == "actions":
            source.actions(["AAPL"], FIRST, LAST)
        elif kind == "details":
            source.instruments()
        else:
            everybody.instruments()
    assert stub.strangers == 0


def test_currency_and_ratios_that_are_no_numbers_go_to_the_gate(source):
    row = {"ticker": "AAPL", "ex_dividend_date": "2005-02-28", "cash_amount": 1.5}
    assert source._dividend({**row, "currency": "CAD"}, "AAPL")[3] == "1.5 CAD"
    assert source._dividend({**row, "cash_amount": None}, "AAPL")[3] == "None USD"
    split = {"ticker": "AAPL", "execution_date": "2005-02-28", "split_from": 8, "split_to": 1}
    assert source._split(split, None)[3] == Decimal("0.125")
    assert source._split({**split, "split_from": 0}, None)[3] == "1:0"
    for broken in (
        {**split, "execution_date": "soon"},
        {**split, "ticker": None},
        {**split, "ticker": "IBM"},
    ):
        with pytest.raises(RetryableError, match="not an action"):
            source._split(broken, "AAPL")


def test_renames_are_told_oldest_first(source):
    assert source.tickers_of("MSFT").to_numpy().tolist() == [
        ["SOFT", D("1986-03-13")],
        ["MSFT", D("2004-06-09")],
    ]
    assert source.tickers_of("AAPL").empty
    with pytest.raises(ConfigError, match="malformed symbol"):
        source.tickers_of("../AAPL")


def test_renames_of_the_symbols_asked_for_name_the_first_day_of_the_new_ticker(source):
    told = source.renames()
    assert told.to_numpy().tolist() == [["SOFT", "MSFT", D("2004-06-09")]]
