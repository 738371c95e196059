"""Alpaca: data only, actions looked up by the day they are booked, the first bar as the first session."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from data_layer.sources.alpaca_client import AlpacaClient
from data_layer.sources.calls import Patience
from models.errors import ConfigError, RetryableError
from tests.support.vendor_cases import FIRST, LAST, vendor_source
from tests.support.vendor_market import sample_market
from tests.support.vendor_stub import Fault, serve

D = dt.date.fromisoformat


@pytest.fixture
def stub():
    with serve(sample_market()) as running:
        yield running


def test_bars_are_asked_for_as_traded_to_the_end_of_the_day(stub, tmp_path):
    source = vendor_source("alpaca", stub, tmp_path)
    source.instruments()
    stub.asked.clear()
    assert len(source.bars(None, FIRST, LAST)) == 123
    paths = {path.split("?")[0] for path, _ in stub.asked}
    assert paths == {"/v2/stocks/bars"}
    for part in ("adjustment=raw", "timeframe=1Day", "end=2005-03-31T23%3A59%3A59Z"):
        assert all(part in path for path, _ in stub.asked)
    assert len(stub.asked) == 5  # pages of thirty


def test_a_symbol_begins_with_its_first_bar(stub, tmp_path):
    stub.market.rows = [r for r in stub.market.rows if r["symbol"] != "IBM" or r["date"] >= D("2005-02-22")]
    source = vendor_source("alpaca", stub, tmp_path)
    held = source.instruments().set_index("symbol")["active_from"]
    assert held.to_dict() == {"AAPL": FIRST, "IBM": D("2005-02-22"), "MSFT": FIRST}
    assert source.bars(["IBM"], FIRST, LAST)["date"].min().date() == D("2005-02-22")
    with pytest.raises(ConfigError, match=r"'NOSUCH'.*alpaca does not know it"):
        vendor_source("alpaca", stub, tmp_path, symbols="NOSUCH").instruments()


def test_a_dividend_is_found_though_it_is_booked_after_the_window(stub, tmp_path):
    source = vendor_source("alpaca", stub, tmp_path)
    day = D("2005-02-15")  # paid, and booked, thirty days later
    actions = source.actions(["MSFT"], day, day)
    assert actions[["ex_date", "value", "announced"]].to_numpy().tolist() == [
        [day, Decimal("0.08"), D("2005-01-25")]
    ]
    assert source.actions(["MSFT"], D("2005-03-01"), D("2005-03-31")).empty


def test_a_stock_dividend_is_a_split_and_a_malformed_rate_goes_to_the_gate(stub, tmp_path):
    source = vendor_source("alpaca", stub, tmp_path)

    def action(kind, **row):
        return source._action("x", kind, {"symbol": "IBM", "ex_date": "2005-02-15", **row}, ["IBM"])[2:4]

    assert action("stock_dividends", rate=0.05) == ("split", Decimal("1.05"))
    assert action("reverse_splits", new_rate=1, old_rate=8) == ("split", Decimal("0.125"))
    assert action("forward_splits", new_rate=2, old_rate=0) == ("split", "2:0")
    assert action("cash_dividends", rate="much") == ("dividend", "much")
    for broken in ({"symbol": "AAPL"}, {"ex_date": None}, {"ex_date": "soon"}):
        with pytest.raises(RetryableError, match="not an action asked for"):
            action("cash_dividends", rate=1, **broken)


@pytest.mark.parametrize("mode", ["truncated", "502", "html_200", "json_list", "redirect"])
def test_no_fault_hides_an_action(stub, tmp_path, mode):
    source = vendor_source("alpaca", stub, tmp_path)
    stub.fault = Fault(mode, kind="actions")
    with pytest.raises(ConfigError if mode == "redirect" else RetryableError, match="alpaca"):
        source.actions(["AAPL"], FIRST, LAST)
    assert stub.strangers == 0


def test_the_newest_trades_are_told_with_their_instants(stub, tmp_path):
    found = vendor_source("alpaca", stub, tmp_path).newest_trades(["AAPL", "NOSUCH", "IBM"])
    closes = {r["symbol"]: (r["date"], r["close"]) for r in stub.market.bars(["AAPL", "IBM"], FIRST, stub.market.until)}
    assert {s: (instant.date(), price) for s, (instant, price) in found.items()} == closes
    assert {instant.utcoffset() for instant, _ in found.values()} == {dt.timedelta(0)}
    assert len(stub.asked) == 1


@pytest.mark.parametrize(
    "mode",
    ["truncated", "502", "html_200", "json_list", "redirect", "no_results", "nan", "text", "null", "negative",
     "stamp_text", "stamp_null", "other"],
)  # fmt: skip
def test_no_fault_hides_or_makes_a_trade(stub, tmp_path, mode):
    source = vendor_source("alpaca", stub, tmp_path)
    stub.fault = Fault(mode, kind="trades")
    with pytest.raises(ConfigError if mode == "redirect" else RetryableError, match="alpaca"):
        source.newest_trades(["AAPL", "IBM"])
    assert stub.strangers == 0


@pytest.mark.parametrize(
    ("method", "address"),
    [("POST", "{url}/v2/stocks/bars"), ("DELETE", "{url}/v2/orders"), ("GET", "https://paper-api.alpaca.markets/v2/orders"),
     ("GET", "{url}.evil.org/v2/stocks/bars"), ("GET", "https://api.alpaca.markets/v2/account")],
)  # fmt: skip
def test_nothing_but_questions_to_the_data_address(stub, method, address):
    client = AlpacaClient(stub.url, "key", "secret", Patience())
    with pytest.raises(OSError, match="not a question to the market data address"):
        client._session.request(method, address.format(url=stub.url))
    assert stub.asked == []
