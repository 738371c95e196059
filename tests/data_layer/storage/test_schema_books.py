"""The schema itself refuses unbalanced books, orders that no decision allows, and fills that do not add up."""

from __future__ import annotations

import pytest
from psycopg import errors

from data_layer.storage.database import transaction
from models.ensemble import EnsembleRules
from plugins.stages.trading_rules import _ensemble
from tests.models.test_ensemble import RULES
from tests.support.order_rows import hashes
from tests.support.rows import insert

ACCOUNT = "INSERT INTO accounts (id, broker, initial_cash_usd) VALUES ('a', 'simulated', 1000)"


@pytest.fixture(scope="module")
def shared_database(copy_database):
    return copy_database("quant_data")


@pytest.fixture
def connection(shared_database):
    with transaction(shared_database.owner) as opened:
        yield opened
        opened.rollback()


@pytest.fixture
def books(connection):
    """A connection with one account, and one decision of each kind on a wanted change of 10 shares."""
    connection.execute(ACCOUNT)
    for symbol, decision, approved in (("A", "approved", 10), ("B", "reduced", 4), ("C", "rejected", 0)):
        insert(
            connection,
            "target_positions",
            account_id="a",
            session_date="2005-06-01",
            symbol=symbol,
            score=1,
            target_weight=0.05,
            target_quantity=10,
            current_quantity=0,
            reference_price=5,
        )
        insert(
            connection,
            "risk_decisions",
            account_id="a",
            session_date="2005-06-01",
            symbol=symbol,
            decision=decision,
            requested_quantity=10,
            approved_quantity=approved,
            reason="why",
            checks="[]",
        )
    return connection


def order(connection, of="A", **values):
    decision = connection.execute("SELECT id FROM risk_decisions WHERE symbol = %s", [of]).fetchone()
    row = {
        "client_order_id": "A" * 32,
        "risk_decision_id": decision["id"],
        "account_id": "a",
        "symbol": of,
        "session_date": "2005-06-01",
        "side": "buy",
        "quantity": 10,
        "reference_price": 5,
    }
    approved = {"A": 10, "B": 4, "C": 0}[of]
    row |= values
    decided = "2005-06-01" if row.get("order_type", "market") != "market" else ""
    insert(connection, "orders", **hashes(row, approved, decided), **row)


def leg(account, amount, key="t1"):
    return f"('a', '{key}', '2005-06-01', 'deposit', '{account}', {amount})"


def legs(connection, *rows):
    connection.execute(
        "INSERT INTO ledger_entries "
        "(account_id, transaction_key, session_date, kind, ledger_account, amount_usd) "
        "VALUES " + ", ".join(rows)
    )


def test_a_balanced_transaction_is_taken(books):
    legs(books, leg("cash", 100), leg("capital", -100), leg("cash", 5, "t2"), leg("capital", -5, "t2"))


@pytest.mark.parametrize(
    "rows",
    [
        [leg("cash", 100)],
        [leg("cash", 100), leg("capital", "-99.99999999")],
        [leg("cash", 100), leg("capital", -100), leg("cash", 1, "t2")],
        [leg("cash", 100), leg("capital", -100, "t2")],  # zero in sum, and in no transaction
    ],
)
def test_an_unbalanced_transaction_is_refused(books, rows):
    with pytest.raises(errors.CheckViolation, match="does not sum to zero"):
        legs(books, *rows)


def test_an_approved_order_is_taken(books):
    order(books)
    order(books, "B", quantity=4, client_order_id="B" * 32)


@pytest.mark.parametrize(
    ("of", "values"),
    [
        ("A", {"risk_decision_id": 10**9}),
        ("A", {"quantity": 11}),
        ("A", {"side": "sell"}),
        ("A", {"symbol": "B"}),
        ("A", {"session_date": "2005-06-02"}),
        ("A", {"account_id": "b"}),
        ("B", {"quantity": 10}),
        ("C", {"quantity": 10}),
    ],
)
def test_an_order_that_no_decision_allows_is_refused(books, of, values):
    with pytest.raises(errors.ForeignKeyViolation):
        order(books, of, **values)


def test_an_order_cannot_say_that_its_decision_was_a_rejection(books):
    with pytest.raises(errors.CheckViolation):
        order(books, "C", risk_may_order=False)


def test_one_decision_allows_one_order(books):
    order(books)
    with pytest.raises(errors.UniqueViolation):
        order(books, client_order_id="B" * 32)


@pytest.mark.parametrize(
    ("state", "filled"), [("filled", 0), ("filled", 9), ("submitted", 10), ("expired", 10)]
)
def test_filled_means_the_whole_quantity(books, state, filled):
    with pytest.raises(errors.CheckViolation):
        order(books, state=state, filled_quantity=filled)


@pytest.mark.parametrize("filled", [-1, 11])
def test_no_more_is_filled_than_ordered(books, filled):
    with pytest.raises(errors.CheckViolation):
        order(books, filled_quantity=filled)


def exit_of(connection, **values):
    parent = connection.execute("SELECT id FROM orders WHERE order_type = 'market'").fetchone()
    row = {"client_order_id": "E" * 32, "session_date": "2005-06-02", "side": "sell", "order_type": "stop",
           "time_in_force": "gtc", "begun": "resting", "parent_order_id": parent["id"], "stop_price": 4}  # fmt: skip
    order(connection, **{**row, **values})


def test_exits_rest_as_children_of_their_entry(books):
    order(books)
    exit_of(books)
    exit_of(books, client_order_id="F" * 32, order_type="limit", stop_price=None, limit_price=6)
    states = books.execute("SELECT DISTINCT state FROM orders WHERE parent_order_id IS NOT NULL").fetchall()
    assert [row["state"] for row in states] == ["resting"]


@pytest.mark.parametrize(
    ("refusal", "values"),
    [
        (errors.ForeignKeyViolation, {"side": "buy"}),  # it would add to what its parent opened
        (errors.ForeignKeyViolation, {"parent_order_id": 10**9}),
        (errors.CheckViolation, {"parent_order_id": None}),
        (
            errors.CheckViolation,
            {"order_type": "market", "time_in_force": "day", "stop_price": None, "begun": "submitted"},
        ),
        (errors.CheckViolation, {"time_in_force": "day"}),
        (errors.CheckViolation, {"stop_price": None}),
        (errors.CheckViolation, {"stop_price": "NaN"}),
        (errors.CheckViolation, {"limit_price": 5}),
        (errors.CheckViolation, {"order_type": "wish"}),
        (errors.CheckViolation, {"stop_loss": 0.1}),
        (errors.CheckViolation, {"ended_session": "2005-06-03"}),
    ],
)
def test_exits_that_are_none_are_refused(books, refusal, values):
    order(books)
    with pytest.raises(refusal):
        exit_of(books, **values)


def test_an_exit_has_no_children_and_rests_on_its_parents_decision(books):
    order(books)
    order(books, "B", quantity=4, client_order_id="B" * 32)
    first, second = (r["id"] for r in books.execute("SELECT id FROM orders ORDER BY id"))
    exit_of(books, parent_order_id=first)
    with pytest.raises(errors.ForeignKeyViolation), books.transaction():
        exit_of(books, parent_order_id=second, client_order_id="F" * 32, order_type="trailing_stop")
    child = books.execute("SELECT id FROM orders WHERE order_type = 'stop'").fetchone()["id"]
    with pytest.raises(errors.ForeignKeyViolation):
        exit_of(
            books, parent_order_id=child, side="buy", client_order_id="F" * 32, order_type="trailing_stop"
        )


@pytest.mark.parametrize(
    "values",
    [{"state": "submitted"}, {"state": "planned"}, {"state": "accepted"}, {"state": "cancelled"},
     {"state": "filled", "filled_quantity": 10},
     {"ended_session": "2005-06-02"}, {"state": "cancelled", "ended_session": "2005-06-01"}],
)  # fmt: skip
def test_an_exit_ends_in_a_session_or_rests(books, values):
    order(books)
    exit_of(books)
    assignments = ", ".join(f"{name} = %({name})s" for name in values)
    with pytest.raises(errors.CheckViolation):
        books.execute(f"UPDATE orders SET {assignments} WHERE order_type = 'stop'", values)


def test_a_decision_agrees_with_its_quantities(books):
    row = {"account_id": "a", "session_date": "2005-06-01", "symbol": "A", "reason": "why", "checks": "[]"}
    books.execute("DELETE FROM risk_decisions WHERE symbol = 'A'")
    for decision, approved in (
        ("approved", 9),
        ("rejected", 1),
        ("reduced", 10),
        ("reduced", -1),
        ("reduced", 0),
    ):
        with pytest.raises(errors.CheckViolation), books.transaction():
            insert(
                books,
                "risk_decisions",
                **row,
                decision=decision,
                requested_quantity=10,
                approved_quantity=approved,
            )


def test_rows_of_no_account_are_refused_and_an_account_with_rows_stays(books):
    order(books)
    of_day = {"session_date": "2005-06-01", "symbol": "A"}
    rows = {
        "ledger_entries": {"session_date": "2005-06-01", "transaction_key": "k", "kind": "deposit", "amount_usd": 0,
                           "ledger_account": "cash"},
        "fills": {**of_day, "broker_fill_id": "f", "side": "buy", "quantity": 1, "price": 1, "commission_usd": 0,
                  "slippage_usd": 0, "order_id": books.execute("SELECT id FROM orders").fetchone()["id"]},
        "positions": {**of_day, "quantity": 0, "cost_basis_usd": 0, "price_date": "2005-06-01", "market_value_usd": 0,
                      "unrealized_pnl_usd": 0, "realized_pnl_usd": 0},
        "target_positions": {**of_day, "score": 1, "target_weight": 0, "target_quantity": 0, "current_quantity": 0,
                             "reference_price": 5},
    }  # fmt: skip
    for table, values in rows.items():
        with pytest.raises(errors.ForeignKeyViolation, match="account b"), books.transaction():
            insert(books, table, account_id="b", **values)
    for statement in ("DELETE FROM accounts WHERE id = 'a'", "UPDATE accounts SET id = 'b'",
                      "UPDATE target_positions SET account_id = 'b'"):  # fmt: skip
        with pytest.raises(errors.ForeignKeyViolation), books.transaction():
            books.execute(statement)


def test_a_new_database_has_the_ensemble_whose_votes_are_counted_by_hand(connection):
    assert EnsembleRules.from_json(_ensemble(connection)) == RULES
