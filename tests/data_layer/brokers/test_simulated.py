import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_layer.brokers.base import client_order_id
from data_layer.brokers.simulated import SimulatedBroker
from models.errors import ConfigError, DataQualityError
from models.records import Order

DECIDED, SESSION = dt.date(2024, 7, 1), dt.date(2024, 7, 2)


def broker(per_share="0.005", minimum="1.00", slippage="5"):
    return SimulatedBroker(Decimal(per_share), Decimal(minimum), Decimal(slippage))


def order(symbol="A", side="buy", quantity=100, name=None, decided=DECIDED):
    return Order(name or f"ID-{symbol}", symbol, decided, side, quantity, Decimal(10))


def one_fill(given, opening, **costs):
    (fill,) = broker(**costs).fills([given], {"A": Decimal(opening)}, SESSION).fills
    return fill


def test_fills_at_the_open_after_slippage_and_commission():
    buy = one_fill(order(quantity=1000), "33.3333")
    assert (buy.price, buy.commission_usd, buy.slippage_usd) == (  # 33.34996665 rounded up
        Decimal("33.3500"), Decimal("5.00"), Decimal("16.7000"),
    )  # fmt: skip
    sell = one_fill(order(side="sell"), "33.3333")
    assert (sell.price, sell.commission_usd, sell.slippage_usd) == (  # 33.31663335 rounded down
        Decimal("33.3166"), Decimal("1.00"), Decimal("1.6700"),
    )  # fmt: skip
    assert (buy.symbol, buy.side, buy.quantity, buy.session_date) == ("A", "buy", 1000, SESSION)
    assert buy.client_order_id == "ID-A" and buy.broker_fill_id == "sim-ID-A-1"


def test_commission_is_rounded_to_the_cent():
    assert one_fill(order(quantity=201), "10").commission_usd == Decimal("1.01")
    free = one_fill(order(), "10", per_share="0", minimum="0", slippage="0")
    assert (free.price, free.commission_usd, free.slippage_usd) == (10, 0, 0)


def test_without_a_bar_the_order_expires():
    result = broker().fills([order("A"), order("B")], {"A": Decimal(10)}, SESSION)
    assert [f.symbol for f in result.fills] == ["A"]
    (expired,) = result.expired
    assert (expired.client_order_id, expired.reason) == ("ID-B", "no bar for B on 2024-07-02")


@pytest.mark.parametrize("opening", ["0", "-1", "NaN", "sNaN", "Infinity"])
def test_no_fill_at_an_impossible_price(opening):
    with pytest.raises(DataQualityError, match="no fill at"):
        one_fill(order(), opening)


def test_no_sale_for_nothing():
    with pytest.raises(DataQualityError, match="no fill at"):
        one_fill(order(side="sell"), "0.00009")


@pytest.mark.parametrize(
    "orders",
    [[order(side="hold")], [order(quantity=0)], [order(quantity=-5)], [order(quantity=1.5)],
     [order(name="X"), order("B", name="X")], [order(decided=SESSION)]],
)  # fmt: skip
def test_impossible_orders_are_refused(orders):
    with pytest.raises(DataQualityError, match="not an order"):
        broker().fills(orders, {"A": Decimal(10), "B": Decimal(10)}, SESSION)


@pytest.mark.parametrize("costs", [{"slippage": "-1"}, {"slippage": "10000"}, {"per_share": "NaN"},
                                   {"minimum": "Infinity"}])  # fmt: skip
def test_impossible_costs_are_refused(costs):
    with pytest.raises(ConfigError, match="not a cost"):
        broker(**costs)


@given(st.decimals("0.01", "9999", places=6), st.sampled_from(["buy", "sell"]), st.integers(1, 10**6),
       st.decimals(0, 500, places=2))  # fmt: skip
def test_costs_are_always_against_us(opening, side, quantity, slippage):
    fill = one_fill(order(side=side, quantity=quantity), opening, slippage=slippage)
    worse = fill.price - opening if side == "buy" else opening - fill.price
    assert worse * 10_000 >= opening * slippage
    assert fill.slippage_usd == worse * quantity >= 0
    assert fill.price == fill.price.quantize(Decimal("0.0001"))
    assert fill.commission_usd >= 1


def test_client_order_id_is_stable_and_plain():
    # printf '["paper","AAPL","buy","2024-07-01",1]' | sha256sum | cut -c-64 | xxd -r -p | base32 | cut -c-32
    expected = "XXAZ4WM2LT3NXOA3KDYESL6375UYYJOA"
    assert client_order_id("paper", "AAPL", "buy", DECIDED, 1) == expected


@given(st.lists(st.tuples(st.text(), st.text(), st.text(), st.dates(), st.integers(1, 99)), unique=True,
                min_size=2, max_size=8))  # fmt: skip
def test_different_orders_have_different_ids(orders):
    assert len({client_order_id(*o) for o in orders}) == len(orders)
    assert all(len(client_order_id(*o)) == 32 for o in orders)


def test_fields_cannot_run_into_each_other():
    assert client_order_id("a", "bc", "buy", DECIDED) != client_order_id("ab", "c", "buy", DECIDED)
    assert client_order_id('a","b', "c", "buy", DECIDED) != client_order_id("a", 'b","c', "buy", DECIDED)
