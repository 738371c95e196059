import datetime as dt
from collections import defaultdict
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.accounting import Book, split_quantity
from models.errors import DataQualityError
from models.records import CorporateAction, Fill

DAY = dt.date(2024, 7, 1)
D = Decimal


def fill(side, quantity, price, symbol="A", commission="0", name="f", day=DAY):
    return Fill(name, "o", symbol, day, side, quantity, D(price), D(commission), D(0))


def book_with(*fills, cash="10000"):
    book = Book()
    book.deposit(DAY, D(cash))
    for one in fills:
        book.apply_fill(one)
    return book


def legs(entries):
    return {(e.kind, e.ledger_account): e.amount_usd for e in entries}


def test_deposit():
    book = Book()
    (cash, capital) = book.deposit(DAY, D("100000"))
    assert (cash.ledger_account, cash.amount_usd) == ("cash", 100_000)
    assert (capital.ledger_account, capital.amount_usd, capital.symbol) == ("capital", -100_000, None)
    assert cash.transaction_key == capital.transaction_key == "deposit:2024-07-01"
    assert book.cash == 100_000


def test_buy_then_sell_a_part_at_average_cost():
    book = book_with(fill("buy", 100, "10"), fill("buy", 50, "13"))
    entries = book.apply_fill(fill("sell", 60, "12", commission="1.00", name="x"))
    assert legs(entries) == {
        ("fill", "cash"): D(720), ("fill", "securities"): D(-660), ("fill", "realized_pnl"): D(-60),
        ("commission", "commission"): D(1), ("commission", "cash"): D(-1),
    }  # fmt: skip
    held = book.positions["A"]
    assert (held.quantity, held.cost_basis_usd, held.average_cost, held.realized_pnl_usd) == (90, 990, 11, 60)
    assert book.cash == D("10000") - 1000 - 650 + 720 - 1
    assert {e.transaction_key for e in entries} == {"fill:x", "commission:x"}


def test_through_zero_and_back():
    book = book_with(fill("buy", 100, "10"), fill("sell", 150, "12"))
    held = book.positions["A"]
    assert (held.quantity, held.cost_basis_usd, held.average_cost) == (-50, -600, 12)
    assert held.realized_pnl_usd == 200
    book.apply_fill(fill("buy", 80, "11"))  # 50 cover a short at 12, 30 are new
    held = book.positions["A"]
    assert (held.quantity, held.cost_basis_usd, held.realized_pnl_usd) == (30, 330, 250)
    book.apply_fill(fill("sell", 30, "11"))
    held = book.positions["A"]
    assert (held.quantity, held.cost_basis_usd, held.average_cost, held.realized_pnl_usd) == (0, 0, None, 250)
    assert book.cash == 10_250


def test_dividends_are_paid_to_longs_and_by_shorts():
    book = book_with(fill("buy", 33, "10"), fill("sell", 10, "10", symbol="B"))
    assert legs(book.apply_dividend("A", DAY, D("0.125"))) == {
        ("dividend", "cash"): D("4.12"), ("dividend", "dividend"): D("-4.12"),
    }  # fmt: skip
    assert legs(book.apply_dividend("B", DAY, D("0.5"))) == {
        ("dividend", "cash"): D(-5), ("dividend", "dividend"): D(5),
    }  # fmt: skip
    assert book.apply_dividend("C", DAY, D(1)) == []


def test_split_keeps_cost_and_value_and_pays_fractions():
    book = book_with(fill("buy", 100, "30"))
    assert book.apply_split("A", DAY, D(3), None) == []
    held = book.positions["A"]
    assert (held.quantity, held.cost_basis_usd, held.average_cost, held.price) == (300, 3000, 10, 10)
    entries = book.apply_split("A", DAY, D("0.007"), D("1500"))  # 2.1 shares: a tenth is paid in cash
    assert legs(entries) == {
        ("cash_in_lieu", "cash"): D(150), ("cash_in_lieu", "securities"): D("-142.85714286"),
        ("cash_in_lieu", "realized_pnl"): D("-7.14285714"),
    }  # fmt: skip
    assert book.positions["A"].quantity == 2


def test_a_short_pays_for_its_fraction_and_a_position_can_end_in_a_split():
    book = book_with(fill("sell", 5, "10"))
    entries = book.apply_split("A", DAY, D("0.1"), D(90))
    assert legs(entries) == {
        ("cash_in_lieu", "cash"): D(-45), ("cash_in_lieu", "securities"): D(50),
        ("cash_in_lieu", "realized_pnl"): D(-5),
    }  # fmt: skip
    assert (book.positions["A"].quantity, book.positions["A"].cost_basis_usd) == (0, 0)
    with pytest.raises(DataQualityError, match=r"no price for the 0\.5 shares"):
        book_with(fill("buy", 5, "10")).apply_split("A", DAY, D("0.1"), None)


def test_a_dividend_of_the_same_day_is_per_share_after_the_split():
    split = CorporateAction("A", DAY, "split", D(2))
    dividend = CorporateAction("A", DAY, "dividend", D(1))
    for actions in ([split, dividend], [dividend, split]):
        book = book_with(fill("buy", 10, "10"))
        assert legs(book.apply_actions(DAY, actions, {}))["dividend", "cash"] == 20
        assert book.positions["A"].quantity == 20


def test_mark_keeps_the_last_price_where_there_is_none():
    book = book_with(fill("buy", 10, "10"), fill("sell", 20, "10", symbol="B"))
    book.mark(DAY, {"A": D(11), "B": D(12)})
    later = DAY + dt.timedelta(1)
    snapshot = book.mark(later, {"A": D(13)})
    a, b = snapshot.positions
    assert (a.price, a.price_date, a.market_value_usd, a.unrealized_pnl_usd) == (13, later, 130, 30)
    assert (b.price, b.price_date, b.market_value_usd, b.unrealized_pnl_usd) == (12, DAY, -240, -40)
    assert (snapshot.securities_usd, snapshot.gross_exposure_usd) == (-110, 370)
    assert snapshot.equity_usd == snapshot.cash_usd - 110 == 10_000 + 30 - 40


@pytest.mark.parametrize(
    "step",
    [
        lambda b: b.apply_fill(fill("hold", 1, "1")),
        lambda b: b.apply_fill(fill("buy", 0, "1")),
        lambda b: b.apply_fill(fill("buy", 1, "NaN")),
        lambda b: b.apply_fill(fill("buy", 1, "-1")),
        lambda b: b.apply_fill(fill("buy", 1, "1", commission="NaN")),
        lambda b: b.apply_dividend("A", DAY, D("-1")),
        lambda b: b.apply_dividend("A", DAY, D("NaN")),
        lambda b: b.apply_split("A", DAY, D(0), D(1)),
        lambda b: b.apply_split("A", DAY, D("Infinity"), D(1)),
        lambda b: b.mark(DAY, {"A": D("NaN")}),
        lambda b: b.mark(DAY, {"A": D(0)}),
        lambda b: b.apply_actions(DAY, [CorporateAction("A", DAY, "merger", D(1))], {}),
        lambda b: b.apply_actions(DAY, [CorporateAction("A", dt.date(2024, 7, 2), "split", D(2))], {}),
        lambda b: b.apply_actions(DAY, [CorporateAction("A", DAY, "split", D(2))] * 2, {}),
    ],
)
def test_refusals(step):
    with pytest.raises(DataQualityError, match="accounting"):
        step(book_with(fill("buy", 10, "10")))


# --- generated histories -------------------------------------------------------------------------------

SYMBOLS = st.sampled_from(["A", "B"])
PRICES = st.decimals("0.01", "2000", places=4)
CENTS = st.decimals(0, 5, places=2)
RATIOS = st.sampled_from([D(2), D(7), D("1.5"), D("0.1"), D("0.0333")])
EVENTS = st.one_of(
    st.tuples(st.just("fill"), SYMBOLS, st.sampled_from(["buy", "sell"]), st.integers(1, 500), PRICES, CENTS),
    st.tuples(st.just("dividend"), SYMBOLS, st.decimals(0, 3, places=4)),
    st.tuples(st.just("split"), SYMBOLS, RATIOS, PRICES),
    st.tuples(st.just("mark"), st.dictionaries(SYMBOLS, PRICES)),
)
SIDES = st.sampled_from(["buy", "sell"])
FILLS_OF_A = st.tuples(st.just("fill"), st.just("A"), SIDES, st.integers(1, 500), PRICES, CENTS)
SPLITS_OF_A = st.tuples(st.just("split"), st.just("A"), RATIOS, PRICES)


def play(book, events, start=0):
    entries = []
    for number, (kind, *rest) in enumerate(events, start):
        day = DAY + dt.timedelta(number)
        if kind == "fill":
            symbol, side, quantity, price, commission = rest
            entries += book.apply_fill(
                Fill(f"f{number}", "o", symbol, day, side, quantity, price, commission, D(0))
            )
        elif kind == "dividend":
            entries += book.apply_dividend(rest[0], day, rest[1])
        elif kind == "split":
            entries += book.apply_split(rest[0], day, rest[1], rest[2])
        else:
            book.mark(day, rest[0])
    return entries


@settings(deadline=None)
@given(st.lists(EVENTS, max_size=25))
def test_the_books_balance_and_agree_with_the_positions(events):
    book = Book()
    entries = book.deposit(DAY, D(100_000)) + play(book, events)
    transactions, accounts = defaultdict(Decimal), defaultdict(Decimal)
    for entry in entries:
        assert entry.amount_usd != 0
        transactions[entry.transaction_key] += entry.amount_usd
        accounts[entry.ledger_account, entry.symbol] += entry.amount_usd
    assert set(transactions.values()) <= {D(0)}
    totals = defaultdict(Decimal)
    for (account, _), amount in accounts.items():
        totals[account] += amount
    assert totals["cash"] == book.cash
    for symbol, held in book.positions.items():
        assert accounts["securities", symbol] == held.cost_basis_usd
        assert -accounts["realized_pnl", symbol] == held.realized_pnl_usd
        assert held.quantity == int(held.quantity)
        assert held.cost_basis_usd * held.quantity >= 0
        assert held.quantity or not held.cost_basis_usd
    snapshot = book.mark(DAY + dt.timedelta(99), {})
    assert snapshot.equity_usd == book.cash + sum(p.quantity * p.price for p in snapshot.positions)
    unrealized = sum(p.unrealized_pnl_usd for p in snapshot.positions)
    # Equity is what was paid in and every profit and cost since: nothing appears from nowhere.
    assert (
        snapshot.equity_usd
        == -totals["capital"]
        - totals["realized_pnl"]
        - totals["commission"]
        - totals["dividend"]
        + unrealized
    )


@settings(deadline=None)
@given(st.lists(EVENTS, min_size=1, max_size=25), st.integers(0, 25))
def test_going_on_from_stored_rows_equals_going_on_in_memory(events, cut):
    cut = min(cut, len(events))
    memory = Book()
    play(memory, [*events[:cut], ("mark", {})])
    rows = memory.mark(DAY, {})
    # Stored numerics may come back with other trailing zeros.
    stored = Book.from_state(rows.cash_usd.normalize(), reversed(rows.positions))
    assert repr(play(stored, events[cut:], cut)) == repr(play(memory, events[cut:], cut))
    assert repr(stored.mark(DAY, {})) == repr(memory.mark(DAY, {}))


def exact_average_cost(events):
    """The same history in exact fractions, written for one symbol at a time without rounding."""
    quantity, cost, realized, cash = Fraction(0), Fraction(0), Fraction(0), Fraction(0)
    for kind, *rest in events:
        if kind == "fill":
            _, side, shares, price, _ = rest
            for _ in range(shares):  # share by share
                step, price_ = (1 if side == "buy" else -1), Fraction(price)
                cash -= step * price_
                if quantity * step < 0:
                    average = cost / quantity
                    realized += (average - price_) * step
                    cost += step * average
                else:
                    cost += step * price_
                quantity += step
        elif kind == "split":
            _, ratio, price = rest
            new = quantity * Fraction(ratio)
            left = new - int(new)
            if left:
                gone = cost * left / new
                realized += left * Fraction(price) - gone
                cash += left * Fraction(price)
                cost -= gone
            quantity = Fraction(int(new))
    return quantity, cost, realized, cash


@settings(deadline=None, max_examples=50)
@given(st.lists(st.one_of(FILLS_OF_A, SPLITS_OF_A), max_size=10))
def test_equals_exact_fractions_share_by_share(events):
    book = Book()
    entries = play(book, events)
    quantity, cost, realized, cash = exact_average_cost(events)
    if "A" not in book.positions:
        return
    held = book.positions["A"]
    assert held.quantity == quantity
    rounding = Fraction(len(events) + 1, 100)  # cash in lieu is paid in cents
    assert abs(Fraction(held.cost_basis_usd) - cost) < rounding
    assert abs(Fraction(held.realized_pnl_usd) - realized) < rounding
    paid = [e for e in entries if e.ledger_account == "cash" and e.kind != "commission"]
    trades = sum((e.amount_usd for e in paid), D(0))
    assert abs(Fraction(trades) - cash) < rounding
    if not held.quantity:  # flat: all profit is realised, and it is the cash that came in
        assert held.realized_pnl_usd == trades


@given(st.integers(-(10**6), 10**6), RATIOS, PRICES)
def test_a_split_keeps_the_value(quantity, ratio, price):
    book = Book()
    if quantity == 0:
        return
    book.apply_fill(fill("buy" if quantity > 0 else "sell", abs(quantity), price))
    before = book.mark(DAY, {}).equity_usd
    book.apply_split("A", DAY, ratio, price / ratio)
    after = book.mark(DAY, {}).equity_usd
    # Half a cent of rounding in the cash for the fraction, half a quantum per share in the mark.
    assert abs(after - before) <= D("0.0051") + abs(quantity) * ratio * D("0.5e-8")


def test_split_quantity_cuts_toward_zero():
    assert [split_quantity(D(q), D("0.5")) for q in (3, -3, 1, -1, 0)] == [1, -1, 0, 0, 0]
