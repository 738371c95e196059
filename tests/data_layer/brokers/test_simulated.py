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


def resting(kind, price, side="sell", quantity=10, placed=SESSION):
    name = "limit_price" if kind == "limit" else "stop_price"
    return Order(f"ID-{kind}", "A", placed, side, quantity, Decimal(100), order_type=kind, time_in_force="gtc",
                 parent="ID-A", **{name: price and Decimal(price)})  # fmt: skip


LONG = [resting("stop", "95"), resting("trailing_stop", "97"), resting("limit", "110")]
SHORT = [resting("stop", "105", "buy"), resting("limit", "90", "buy")]


@pytest.mark.parametrize(
    ("exits", "bar", "expected"),
    [
        (LONG, ("100", "109.99", "97.01"), None),
        (LONG, ("100", "120", "90"), ("trailing_stop", "96.9515")),  # the nearer stop first, 5 bps lower
        (LONG[:1], ("100", "120", "95"), ("stop", "94.9525")),
        (LONG, ("94", "120", "94"), ("trailing_stop", "93.9530")),  # jumped over: at the open
        (LONG, ("100", "110", "98"), ("limit", "110")),
        (LONG, ("112.5", "113", "98"), ("limit", "112.5")),
        (SHORT, ("100", "105", "80"), ("stop", "105.0525")),
        (SHORT, ("107", "108", "104"), ("stop", "107.0535")),
        (SHORT, ("89", "95", "88"), ("limit", "89")),
    ],
)
def test_exits_fill_inside_the_bar(exits, bar, expected):
    opening, high, low = map(Decimal, bar)
    fills = broker().exit_fills(exits, {"A": opening}, {"A": (high, low)}, SESSION)
    assert [(f.client_order_id, f.price) for f in fills] == (
        [(f"ID-{expected[0]}", Decimal(expected[1]))] if expected else []
    )
    for f in fills:
        assert (f.quantity, f.commission_usd, f.session_date) == (10, 1, SESSION)
        assert f.slippage_usd == (0 if f.client_order_id == "ID-limit" else f.slippage_usd) >= 0


def test_exits_without_a_bar_rest_on():
    assert broker().exit_fills(LONG, {}, {}, SESSION) == ()


@pytest.mark.parametrize(
    "exits",
    [[resting("stop", None)], [resting("stop", "95", quantity=0)], [resting("stop", "95")] * 2,
     [resting("stop", "95", placed=SESSION + dt.timedelta(days=1))]],
)  # fmt: skip
def test_impossible_exits_are_refused(exits):
    with pytest.raises(DataQualityError, match="not an order"):
        broker().exit_fills(exits, {"A": Decimal(100)}, {"A": (Decimal(101), Decimal(99))}, SESSION)


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
    names = {
        client_order_id("a", "b", "buy", DECIDED, 1, kind) for kind in ("", "stop", "limit", "trailing_stop")
    }
    assert len(names) == 4
    assert client_order_id('a","b', "c", "buy", DECIDED) != client_order_id("a", 'b","c', "buy", DECIDED)


def limited(share, volume, quantity=100):
    market = SimulatedBroker(Decimal("0.005"), Decimal(1), Decimal(5), Decimal(share))
    return market.fills([order(quantity=quantity)], {"A": Decimal(10)}, SESSION, {"A": volume})


def test_an_order_gets_its_share_of_the_volume_and_the_rest_expires():
    result = limited("0.1", 450.0)
    (fill,), (rest,) = result.fills, result.expired
    assert (fill.quantity, fill.commission_usd) == (45, Decimal("1.00"))
    assert "45 of 100 shares" in rest.reason
    assert limited("0.1", 1000.0).expired == () and limited("0.1", 1e9).fills[0].quantity == 100
    nothing = limited("0.1", 9.0)
    assert nothing.fills == () and nothing.expired[0].reason.startswith("0 of 100")


@given(share=st.decimals("0.001", "1", places=3), volume=st.integers(0, 10**9), quantity=st.integers(1, 10**6))
def test_filled_and_expired_are_the_order(share, volume, quantity):
    result = limited(str(share), float(volume), quantity)
    filled = sum(f.quantity for f in result.fills)
    assert filled <= share * volume and filled <= quantity
    assert bool(result.expired) == (filled < quantity)
