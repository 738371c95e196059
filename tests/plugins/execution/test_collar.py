"""How far a price may have moved between the decision and the sending."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from data_layer.storage.database import transaction
from plugins.execution.collar import held_back, trades_of
from tests.support.chain import sample_settings
from tests.support.real_account import ACCOUNT, SESSION, close_at, open_account, plan_orders
from tests.support.rows import insert

NEXT = dt.date(2024, 7, 2)
BEFORE_OPEN = dt.datetime(2024, 7, 2, 11, tzinfo=dt.UTC)  # 07:00 in New York


@pytest.fixture
def account(database):
    open_account(database.owner)
    return database


def reasons(database, ask=None):
    with transaction(database.reader) as connection:
        names = {r["client_order_id"]: r["symbol"] for r in connection.execute("SELECT * FROM orders")}
        return {names[name]: why for name, why in held_back(connection, ACCOUNT, SESSION, ask).items()}


def split(database, ratio, day):
    with transaction(database.owner) as connection:
        insert(connection, "corporate_actions", symbol="AAPL", ex_date=day, action_type="split", value=Decimal(ratio),
               inferred=False, source="test", batch_id=1, known_at=SESSION)  # fmt: skip


def test_within_the_collar_nothing_is_held_back_and_beyond_it_both_ways(account):
    plan_orders(account.owner, ["AAPL", "IBM", "MSFT"])
    assert reasons(account) == {}
    close_at(account.owner, "IBM", 54.9)
    close_at(account.owner, "MSFT", 44.9)
    assert reasons(account).keys() == {"MSFT"}


def test_what_only_takes_risk_off_is_never_held_back(account):
    plan_orders(account.owner, ["AAPL"], quantity=-10, held=10)
    plan_orders(account.owner, ["IBM"], quantity=4, held=-10)
    plan_orders(account.owner, ["MSFT"], quantity=-10, held=5)
    for symbol in ("AAPL", "IBM", "MSFT"):
        close_at(account.owner, symbol, 1.0)
    assert reasons(account).keys() == {"MSFT"}


def test_without_a_price_or_a_threshold_an_order_is_held_back(account):
    plan_orders(account.owner, ["AAPL", "IBM"])
    with transaction(account.owner) as connection:
        connection.execute("DELETE FROM market_data WHERE symbol = 'IBM'")
    assert reasons(account) == {"IBM": "price_collar: no price of IBM to compare with"}
    with transaction(account.owner) as connection:
        connection.execute("ALTER TABLE risk_limits DISABLE TRIGGER USER")
        connection.execute("DELETE FROM risk_limits WHERE name = 'price_collar'")
    assert reasons(account)["AAPL"] == "price_collar: no threshold of AAPL to compare with"


def test_a_symbols_own_threshold_counts(account):
    plan_orders(account.owner, ["AAPL", "IBM"])
    with transaction(account.writer) as connection:
        connection.execute(
            "INSERT INTO risk_limits (name, symbol, threshold, unit, description, reason) "
            "SELECT name, 'AAPL', 0.01, unit, description, 'test' FROM risk_limits WHERE name = 'price_collar'"
        )
    close_at(account.owner, "AAPL", 50.6)
    close_at(account.owner, "IBM", 50.6)
    assert reasons(account).keys() == {"AAPL"}


@pytest.mark.parametrize(("close", "day"), [(100.0, SESSION), (50.0, NEXT), (25.0, dt.date(2024, 7, 9))])
def test_closes_on_either_side_of_a_split_are_compared_in_the_same_shares(account, close, day):
    """50.00 is what it was decided on, in the shares of 2 July; the newest close may be of before, or of much later."""
    plan_orders(account.owner, ["AAPL"])
    split(account, "2", NEXT)
    split(account, "2", dt.date(2024, 7, 8))
    close_at(account.owner, "AAPL", 100.0)
    close_at(account.owner, "AAPL", close, day)
    assert reasons(account) == {}
    close_at(account.owner, "AAPL", close * 1.2, day)
    assert reasons(account).keys() == {"AAPL"}


@pytest.mark.parametrize(
    ("instant", "price", "held"),
    [
        (BEFORE_OPEN, 52.0, set()),
        (BEFORE_OPEN, 60.0, {"AAPL"}),
        (dt.datetime(2024, 7, 1, 21, tzinfo=dt.UTC), 104.0, set()),  # the evening before: old shares
        (dt.datetime(2024, 7, 1, 21, tzinfo=dt.UTC), 60.0, {"AAPL"}),
        (dt.datetime(2024, 6, 28, 21, tzinfo=dt.UTC), 1.0, set()),  # older than the close
    ],
)
def test_a_trade_newer_than_the_close_counts(account, instant, price, held):
    plan_orders(account.owner, ["AAPL"])
    split(account, "2", NEXT)
    close_at(account.owner, "AAPL", 100.0)
    asked = []
    found = reasons(account, lambda symbols: asked.append(symbols) or {"AAPL": (instant, price)})
    assert found.keys() == held and asked == [["AAPL"]]


def test_trades_are_asked_for_where_alpacas_data_is_a_source(tmp_path):
    assert trades_of(sample_settings(tmp_path, symbols="AAPL")) is None
    live = sample_settings(tmp_path, source="alpaca", start="2024-01-02", symbols="AAPL")
    assert trades_of(live) is not None
