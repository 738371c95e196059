"""What every broker must do, whoever wrote it; a new file in data_layer/brokers is found by itself."""

from __future__ import annotations

import datetime as dt
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

import pytest

import data_layer.brokers
from data_layer.brokers.alpaca import AlpacaBroker
from data_layer.brokers.alpaca_client import PaperClient
from data_layer.brokers.base import ENDED, Broker, NoAnswerError, client_order_id
from data_layer.brokers.simulated import SimulatedBroker
from models.errors import DataQualityError
from models.records import Order
from tests.support.alpaca_stub import ACCOUNT, serve

DECIDED, SESSION = dt.date(2024, 7, 1), dt.date(2024, 7, 2)


def found() -> dict[str, type[Broker]]:
    """Return every concrete broker in the package by its name."""
    classes = {}
    for module in pkgutil.iter_modules(data_layer.brokers.__path__, "data_layer.brokers."):
        for _, one in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(one, Broker) and not inspect.isabstract(one):
                classes[one.name] = one
    return classes


@dataclass
class Desk:
    """A broker, and what lets its market trade one order at a price."""

    broker: Broker
    trade: Callable[[Order, int], None]


@pytest.fixture
def simulated() -> Iterator[Desk]:
    broker = SimulatedBroker(Decimal(0), Decimal(0), Decimal(0), Decimal("0.1"), Decimal(100_000))

    def trade(order: Order, quantity: int) -> None:
        broker.trade({order.symbol: Decimal(50)}, SESSION, {order.symbol: quantity * 10})

    yield Desk(broker, trade)


@pytest.fixture
def alpaca() -> Iterator[Desk]:
    with serve() as desk:
        broker = AlpacaBroker(PaperClient("key", "secret", desk.url, 2.0), ACCOUNT["id"])

        def trade(order: Order, quantity: int) -> None:
            desk.fill(order.client_order_id, 50.0, f"{SESSION}T14:30:00Z", quantity)
            if quantity < order.quantity:
                desk.orders[order.client_order_id]["status"] = "expired"

        yield Desk(broker, trade)


@pytest.fixture(params=sorted(found()))
def desk(request) -> Desk:
    return request.getfixturevalue(request.param)


def order(symbol="AAPL", side="buy", quantity=10) -> Order:
    name = client_order_id("a", symbol, side, DECIDED)
    return Order(name, symbol, DECIDED, side, quantity, Decimal(50))


def test_the_brokers_are_the_two_that_settings_know():
    from data_layer.broker_settings import BROKERS

    assert set(found()) == set(BROKERS)


def test_an_order_is_taken_found_and_open(desk):
    wanted = order()
    report = desk.broker.submit(wanted)
    assert report.is_of(wanted) and report.state == "accepted" and report.broker_order_id
    assert desk.broker.find(wanted.client_order_id) == report == desk.broker.look_up(report.broker_order_id)
    assert desk.broker.look_up("0e1c5f5e-0000-4c9a-9c39-0d8f9a2f1c11") is None
    assert [r.client_order_id for r in desk.broker.open_orders()] == [wanted.client_order_id]
    assert desk.broker.find("B" * 32) is None and desk.broker.prove()


def test_the_brokers_time_is_an_instant(desk):
    assert desk.broker.clock().utcoffset() == dt.timedelta(0)


def test_one_name_is_taken_once(desk):
    desk.broker.submit(order())
    with pytest.raises(NoAnswerError):
        desk.broker.submit(order())
    assert len(desk.broker.open_orders()) == 1


def test_a_fill_moves_shares_and_cash_and_is_told_once(desk):
    wanted = order()
    desk.broker.submit(wanted)
    desk.trade(wanted, 10)
    report = desk.broker.find(wanted.client_order_id)
    assert (report.state, report.filled_quantity) == ("filled", 10)
    (fill,) = desk.broker.executions(SESSION)
    assert (fill.symbol, fill.side, fill.quantity, fill.cumulative, fill.price) == ("AAPL", "buy", 10, 10, 50)
    assert fill.broker_order_id == report.broker_order_id and fill.executed_at.date() == SESSION
    held = desk.broker.holdings()
    assert held.positions == {"AAPL": 10} and held.cash_usd == 100_000 - 500
    assert desk.broker.executions(SESSION + dt.timedelta(days=1)) == () and desk.broker.open_orders() == ()


def test_what_fills_in_part_ends_with_what_it_has(desk):
    wanted = order()
    desk.broker.submit(wanted)
    desk.trade(wanted, 4)
    report = desk.broker.find(wanted.client_order_id)
    assert (report.state, report.filled_quantity) == ("expired", 4)
    assert desk.broker.holdings().positions == {"AAPL": 4}


def test_a_cancelled_order_stays_ended(desk):
    report = desk.broker.submit(order(side="sell"))
    desk.broker.cancel(report)
    ended = desk.broker.find(report.client_order_id)
    assert ended.state == "cancelled" and ended.state in ENDED
    desk.broker.cancel(ended)
    assert desk.broker.find(report.client_order_id).state == "cancelled" and desk.broker.open_orders() == ()


@pytest.mark.parametrize("wrong", [{"quantity": 0}, {"quantity": -3}, {"side": "hold"}])
def test_a_malformed_order_is_refused_before_it_leaves(desk, wrong):
    with pytest.raises(DataQualityError):
        desk.broker.submit(order(**wrong))
    assert desk.broker.open_orders() == () and desk.broker.cash_activities(DECIDED) == ()
