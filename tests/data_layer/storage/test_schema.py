"""The schema itself refuses what must not be: impossible facts, unbalanced books, unapproved orders."""

from __future__ import annotations

import pytest
from psycopg import errors, sql

from data_layer.storage.database import transaction

NAN, INF = float("nan"), float("inf")
BAR = {
    "symbol": "AAPL",
    "date": "2005-06-01",
    "open": 10.0,
    "high": 12.0,
    "low": 9.0,
    "close": 11.0,
    "volume": 100,
}
FIXED = {"source": "x", "batch_id": 1, "known_at": "2005-06-01T20:00:00Z", "backfilled": True}
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


def insert(connection, table, **values):
    names = sql.SQL(", ").join(map(sql.Identifier, values))
    places = sql.SQL(", ").join(sql.Placeholder() * len(values))
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(sql.Identifier(table), names, places)
    connection.execute(statement, list(values.values()))


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
    insert(connection, "orders", **{**row, **values})


def test_a_good_bar_is_taken(connection):
    insert(connection, "market_data", **BAR, **FIXED)


@pytest.mark.parametrize("table", ["market_data", "market_data_history"])
@pytest.mark.parametrize(
    "values",
    [
        *(
            {price: bad}
            for price in ("open", "high", "low", "close")
            for bad in (NAN, INF, -INF, 0.0, -1.0, 1e9)
        ),
        {"low": 10.5},
        {"low": 11.5},
        {"high": 10.5},
        {"high": 9.5},
        {"high": 8.0, "low": 7.0},
        {"volume": -1},
        {"volume": 10**15},
        {"symbol": "aapl"},
        {"symbol": "AAPL\n"},
        {"symbol": "../x"},
        {"symbol": ""},
        {"symbol": "A;--"},
        {"date": "1899-12-31"},
        {"date": "infinity"},
        {"known_at": "infinity"},
        {"known_at": "-infinity"},
        {"version": 0},
    ],
    ids=str,
)
def test_an_impossible_bar_is_refused(connection, table, values):
    more = (
        {"superseded_at": "2005-06-02", "superseded_by": 2, "version": 1, "recorded_at": "2005-06-01"}
        if table != "market_data"
        else {}
    )
    with pytest.raises(errors.CheckViolation):
        insert(connection, table, **{**BAR, **FIXED, **more, **values})


@pytest.mark.parametrize("table", ["corporate_actions", "corporate_actions_history"])
@pytest.mark.parametrize(
    "values",
    [{"value": v} for v in ("NaN", "Infinity", 0, -1, 10**6)]
    + [{"action_type": "merger"}, {"symbol": "A\n"}],
    ids=str,
)
def test_an_impossible_action_is_refused(connection, table, values):
    row = {
        "symbol": "AAPL",
        "ex_date": "2005-02-28",
        "action_type": "split",
        "value": 2,
        "inferred": False,
        "source": "x",
        "batch_id": 1,
        "known_at": "2005-02-25T21:00:00Z",
    }
    more = (
        {"superseded_at": "2005-06-02", "superseded_by": 2, "version": 1, "recorded_at": "2005-06-01"}
        if "history" in table
        else {}
    )
    with pytest.raises(errors.CheckViolation):
        insert(connection, table, **{**row, **more, **values})


def test_a_batch_must_account_for_every_row(connection):
    row = {
        "kind": "bars",
        "source": "x",
        "run_id": "r",
        "start_date": "2005-06-01",
        "end_date": "2005-06-01",
        "symbols": ["A"],
        "received": 10,
        "accepted": 6,
        "duplicates": 3,
        "quarantined": 1,
    }
    insert(connection, "ingestion_batches", **row)
    with pytest.raises(errors.CheckViolation):
        insert(connection, "ingestion_batches", **{**row, "quarantined": 0})


@pytest.mark.parametrize("column", ["score", "confidence", "expected_return", "position_size", "stop_loss"])
@pytest.mark.parametrize("value", [NAN, INF, -INF, 11.0])
def test_an_impossible_signal_is_refused(connection, column, value):
    row = {
        "model_id": 1,
        "model_run_id": 1,
        "symbol": "A",
        "session_date": "2005-06-01",
        "side": "long",
        "score": 0.5,
        "confidence": 0.5,
        column: value,
    }
    with pytest.raises(errors.CheckViolation):
        insert(connection, "signals", **row)


@pytest.mark.parametrize(("side", "score"), [("long", -0.5), ("short", 0.5), ("flat", 0.5), ("long", 0.0)])
def test_side_and_score_of_a_signal_agree(connection, side, score):
    with pytest.raises(errors.CheckViolation):
        insert(
            connection,
            "signals",
            model_id=1,
            model_run_id=1,
            symbol="A",
            session_date="2005-06-01",
            side=side,
            score=score,
            confidence=0.5,
        )


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
