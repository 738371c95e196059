"""The real alpaca-py against a stub of Alpaca's paper interface."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_layer.brokers.alpaca import AlpacaBroker
from data_layer.brokers.alpaca_client import PaperClient
from data_layer.brokers.base import NoAnswerError, NotSentError, client_order_id
from models.errors import AlmanacError, BlockedError, ConfigError, DataQualityError, RetryableError
from models.records import Order
from tests.support.alpaca_stub import ACCOUNT, Desk, serve

DECIDED = dt.date(2024, 7, 1)


@pytest.fixture(scope="module")
def running():
    with serve() as desk:
        yield desk


@pytest.fixture
def desk(running):
    fresh = Desk()
    for name in (
        "orders",
        "positions",
        "activities",
        "plan",
        "posts",
        "asked",
        "cash",
        "account",
        "strangers",
    ):
        setattr(running, name, getattr(fresh, name))
    return running


def broker_at(desk, seconds=2.0):
    return AlpacaBroker(PaperClient("key", "secret", desk.url, seconds), ACCOUNT["id"])


def order(symbol="AAPL", side="buy", quantity=10, **more):
    name = client_order_id("alpaca", symbol, side, DECIDED)
    return Order(name, symbol, DECIDED, side, quantity, Decimal("50.00"), **more)


def test_an_order_goes_out_as_meant_and_is_found_again(desk):
    broker, wanted = broker_at(desk), order()
    report = broker.submit(wanted)
    assert (
        report.is_of(wanted) and report.state == "accepted" and broker.find(wanted.client_order_id) == report
    )
    assert desk.posts == [{"symbol": "AAPL", "qty": 10.0, "side": "buy", "type": "market", "time_in_force": "day",
                           "client_order_id": wanted.client_order_id}]  # fmt: skip
    assert broker.find("B" * 32) is None


def test_exits_go_out_as_legs_of_their_entry(desk):
    broker = broker_at(desk)
    report = broker.submit(order(stop_loss=0.1, take_profit=0.25))
    (sent,) = desk.posts
    assert (sent["order_class"], sent["time_in_force"]) == ("bracket", "gtc")
    assert (sent["stop_loss"], sent["take_profit"]) == ({"stop_price": 45.0}, {"limit_price": 62.5})
    assert {leg.order_type for leg in report.legs} == {"stop", "limit"}
    broker.submit(order("MSFT", "sell", stop_loss=0.1))
    assert desk.posts[1]["order_class"] == "oto" and desk.posts[1]["stop_loss"] == {"stop_price": 55.0}
    assert len(broker.open_orders()) == 5


@pytest.mark.parametrize("fault", ["504_before", "504_after", "html_after", "reset_before", "reset_after",
                                   "stall_after", "half_after", "500_before"])  # fmt: skip
def test_a_lost_answer_is_unknown_and_never_sent_again_by_itself(desk, fault):
    desk.plan = lambda method, _path: fault if method == "POST" else ""
    broker, wanted = broker_at(desk, 0.3), order()
    with pytest.raises(NoAnswerError):
        broker.submit(wanted)
    taken = fault.endswith("after")
    assert len([a for a in desk.asked if a[0] == "POST"]) == 1
    assert (broker.find(wanted.client_order_id) is not None) is taken


def test_a_second_order_of_one_name_is_unknown_until_looked_up(desk):
    broker = broker_at(desk)
    broker.submit(order())
    with pytest.raises(NoAnswerError, match="must be unique"):
        broker.submit(order())
    assert len(desk.orders) == 1


def test_what_was_not_taken_says_so(desk):
    desk.plan = lambda method, _path: "429_before" if method == "POST" else ""
    with pytest.raises(NotSentError):
        broker_at(desk).submit(order())
    nobody = AlpacaBroker(PaperClient("key", "secret", "http://127.0.0.1:9"), ACCOUNT["id"])
    with pytest.raises(NotSentError):
        nobody.submit(order())
    with pytest.raises(RetryableError):
        nobody.find("A" * 32)


def test_a_refusal_is_a_report_and_not_an_error(desk):
    report = broker_at(desk).submit(order("POOR"))
    assert report.state == "rejected" and "buying power" in report.reason


@pytest.mark.parametrize(
    "change",
    [{"account_number": "1234567"}, {"id": "another", "account_number": "PA9"}, {"status": "INACTIVE"},
     {"trading_blocked": True}],
)  # fmt: skip
def test_an_account_that_does_not_prove_itself_gets_nothing(desk, change):
    desk.account |= change
    with pytest.raises(BlockedError):
        broker_at(desk).prove()


def test_fills_and_cash_are_read_to_the_last_page(desk):
    broker = broker_at(desk)
    broker.submit(order(quantity=250))
    name = order().client_order_id
    for n in range(250):
        desk.fill(name, 50.25, f"2024-07-02T13:30:{n % 60:02d}.{n:06d}Z", 1)
    desk.pay("DIV", "2024-07-02", 12.5, "AAPL")
    desk.pay("FEE", "2024-07-01", -0.02)
    found = broker.executions(dt.date(2024, 7, 2))
    assert [e.cumulative for e in found] == list(range(1, 251)) and {e.price for e in found} == {
        Decimal("50.25")
    }
    (paid,) = broker.cash_activities(dt.date(2024, 7, 2))
    assert (paid.kind, paid.symbol, paid.amount_usd) == ("dividend", "AAPL", Decimal("12.5"))
    held = broker.holdings()
    assert held.positions == {"AAPL": 250} and held.cash_usd == Decimal("87449.98")


@pytest.mark.parametrize("fault", ["html_after", "half_after", "stall_after", "redirect_after", "500_after"])
def test_a_read_that_fails_is_to_be_repeated(desk, fault):
    desk.plan = lambda _method, _path: fault
    with pytest.raises((RetryableError, ConfigError)):
        broker_at(desk, 0.3).holdings()
    assert desk.strangers == 0


NUMBERS = st.one_of(st.integers(), st.floats(), st.decimals(allow_nan=True), st.text(max_size=3), st.none())


@settings(max_examples=150, suppress_health_check=list(HealthCheck), deadline=None)
@given(
    symbol=st.text(max_size=12), side=st.text(max_size=5), quantity=NUMBERS, stop=st.floats(), target=st.floats(),
    field=st.sampled_from(["symbol", "side", "quantity", "stop_loss", "take_profit", "reference_price", "order_type"]),
)  # fmt: skip
def test_a_malformed_order_is_never_sent(desk, symbol, side, quantity, stop, target, field):
    values = {"symbol": symbol, "side": side, "quantity": quantity, "stop_loss": stop, "take_profit": target,
              "reference_price": Decimal("NaN"), "order_type": "limit"}  # fmt: skip
    desk.posts.clear()
    desk.orders.clear()
    wanted = replace(order(), **{field: values[field]})
    try:
        broker_at(desk).submit(wanted)
    except (DataQualityError, TypeError, AlmanacError):
        assert not desk.posts
    else:
        (sent,) = desk.posts
        assert sent["side"] in {"buy", "sell"} and sent["qty"] > 0 and math.isfinite(sent["qty"])
        legs = [*sent.get("stop_loss", {}).values(), *sent.get("take_profit", {}).values()]
        assert all(math.isfinite(price) and price > 0 for price in legs)
