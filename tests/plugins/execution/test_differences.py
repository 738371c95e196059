import datetime as dt
from decimal import Decimal

import pytest

from data_layer.brokers.base import CashActivity, Execution
from plugins.execution.differences import TOLERANCE_USD, explain_cash, explain_positions

DAY = dt.date(2024, 7, 2)


def activity(kind, amount, symbol=None, name="x"):
    return CashActivity(name, kind, DAY, symbol, Decimal(amount))


def explain(books, broker, *activities, booked=(), dividends=None, renames=()):
    given = [(s, DAY, Decimal(v)) for s, v in (dividends or {}).items()]
    return explain_cash(Decimal(books), Decimal(broker), activities, booked, given, renames)


def test_equal_cash_needs_no_explanation():
    found = explain("100", "100")
    assert (found.to_book, found.unexplained_usd, found.is_explained) == ((), 0, True)


def test_fees_and_interest_are_booked_once():
    fee, interest = activity("fee", "-3.5", name="f"), activity("interest", "12", name="i")
    found = explain("1000", "1008.5", fee, interest)
    assert found.to_book == (fee, interest) and found.unexplained_usd == 0
    assert explain("1008.5", "1008.5", fee, interest, booked=["f", "i"]).to_book == ()
    assert explain("1000", "1008.5", fee, interest, booked=["f", "i"]).unexplained_usd == Decimal("8.5")


def test_a_dividend_the_broker_omits_or_pays_later_is_explained():
    late = explain("1040", "1000", dividends={"A": "40"})
    assert (late.omitted_usd, late.unexplained_usd, late.is_explained) == (40, 0, True)
    paid = explain("1040", "1040", activity("dividend", "40", "A"), dividends={"A": "40"})
    assert (paid.omitted_usd, paid.unexplained_usd) == (0, 0)


def test_a_dividend_is_paid_under_the_ticker_the_share_has_by_then():
    paid, change = activity("dividend", "40", "NEW"), ("OLD", dt.date(2000, 1, 1), DAY + dt.timedelta(days=1), "NEW")
    assert explain("1040", "1040", paid, dividends={"OLD": "40"}, renames=[change]).unexplained_usd == 0
    other = ("OLD", dt.date(2000, 1, 1), DAY, "NEW")  # another share had it by then
    assert explain("1040", "1040", paid, dividends={"OLD": "40"}, renames=[other]).unexplained_usd == 40


@pytest.mark.parametrize(
    ("broker", "explained"), [("1001", True), ("1001.01", False), ("998.99", False), ("1500", False)]
)
def test_what_nothing_explains_is_told(broker, explained):
    assert explain("1000", broker).is_explained is explained
    assert Decimal(1) == TOLERANCE_USD


def test_a_dividend_nobody_expected_and_an_unknown_activity_explain_nothing():
    assert explain("1000", "1040", activity("dividend", "40", "B")).unexplained_usd == 40
    assert explain("1000", "1040", activity("other", "40")).unexplained_usd == 40


def test_holdings_are_compared_share_by_share():
    held = {"A": Decimal(10), "B": Decimal(-5)}
    assert explain_positions(held, dict(held)) == []
    (line,) = explain_positions(held, {"A": Decimal(10), "B": Decimal(-5), "C": Decimal(1)})
    assert "C 1 at the broker, 0 in the books" in line
    assert len(explain_positions(held, {})) == 2


def test_what_was_executed_since_and_a_split_are_no_difference():
    bought = Execution("f", "o", "A", "buy", 3, Decimal(10), 3, dt.datetime(2024, 7, 3, 14, tzinfo=dt.UTC))
    assert explain_positions({"A": Decimal(10)}, {"A": Decimal(13)}, [bought]) == []
    assert explain_positions({"A": Decimal(10)}, {"A": Decimal(20)}, splits={"A": Decimal(2)}) == []
    assert explain_positions({"A": Decimal(10)}, {"A": Decimal(21)}, splits={"A": Decimal(2)})
