"""The life of an order in the database: what it may become, and what it must carry."""

from __future__ import annotations

import pytest
from psycopg import errors

from tests.data_layer.storage.test_schema_books import books, connection, exit_of, order, shared_database
from tests.support.order_rows import hashes

__all__ = ["books", "connection", "shared_database"]  # fixtures
STATES = ("planned", "submitted", "unknown", "accepted", "partially_filled", "filled", "cancelled", "rejected",
          "expired", "blocked")  # fmt: skip
MAY = {
    "planned": {"submitted", "blocked", "cancelled", "expired"},
    "submitted": set(STATES) - {"planned", "blocked", "submitted"},
    "unknown": set(STATES) - {"planned", "unknown"},
    "accepted": {"partially_filled", "filled", "cancelled", "rejected", "expired"},
    "partially_filled": {"filled", "cancelled", "expired"},
    "cancelled": {"filled"},
    "expired": {"filled"},
    "filled": set(), "rejected": set(), "blocked": set(),
}  # fmt: skip
WAY = {  # how a state is come to
    "planned": (), "blocked": ("blocked",), "submitted": ("submitted",), "unknown": ("submitted", "unknown"),
    **{s: ("submitted", s) for s in ("accepted", "partially_filled", "filled", "cancelled", "rejected", "expired")},
}  # fmt: skip


def move(connection, state):
    filled = {"filled": 10, "partially_filled": 3}.get(state)
    connection.execute(
        "UPDATE orders SET state = %s, filled_quantity = coalesce(%s, filled_quantity)", [state, filled]
    )


@pytest.mark.parametrize("before", STATES)
def test_states_follow_one_another_as_listed_and_no_other_way(books, before):
    order(books, begun="planned")
    for state in WAY[before]:
        move(books, state)
    done = set()
    for after in STATES:
        with books.transaction(force_rollback=True):
            try:
                move(books, after)
            except errors.CheckViolation:
                continue
            done.add(after)
    fits = {"cancelled", "expired", "filled"} if before == "partially_filled" else set(STATES)
    assert done - {before} == MAY[before] & fits


def test_fills_never_become_fewer(books):
    order(books)
    move(books, "partially_filled")
    with pytest.raises(errors.CheckViolation, match="fewer"):
        books.execute("UPDATE orders SET filled_quantity = 2")


def test_a_brokers_id_stays(books):
    order(books)
    books.execute("UPDATE orders SET broker_order_id = 'one'")
    with pytest.raises(errors.CheckViolation):
        books.execute("UPDATE orders SET broker_order_id = 'two'")


@pytest.mark.parametrize("state", [s for s in STATES if s not in {"planned", "submitted", "blocked"}])
def test_no_order_begins_in_the_middle(books, state):
    with pytest.raises(errors.CheckViolation):
        order(books, state=state, filled_quantity=10 if state == "filled" else 0)
    books.rollback()


@pytest.mark.parametrize("change", [{"quantity": 10, "side": "buy", "stop_loss": 0.25}, {"time_in_force": "gtc"},
                                    {"take_profit": 1.0}])  # fmt: skip
def test_the_payload_hash_is_that_of_the_row(books, change):
    row = {"client_order_id": "A" * 32, "account_id": "a", "symbol": "A", "session_date": "2005-06-01", "side": "buy",
           "quantity": 10}  # fmt: skip
    order(books, **{k: v for k, v in change.items() if k != "time_in_force"})
    with pytest.raises(errors.Error):
        books.execute("UPDATE orders SET payload_hash = %s", [hashes(row | {"quantity": 9})["payload_hash"]])


def test_one_name_has_one_payload_and_a_decision_of_that_hash(books):
    order(books)
    with pytest.raises(errors.UniqueViolation), books.transaction():
        order(books, stop_loss=0.1)
    wrong = {"client_order_id": "B" * 32, "account_id": "a", "symbol": "B", "session_date": "2005-06-01",
             "side": "buy", "quantity": 4}  # fmt: skip
    decision = books.execute("SELECT id FROM risk_decisions WHERE symbol = 'B'").fetchone()["id"]
    values = {**wrong, **hashes(wrong, approved=5), "risk_decision_id": decision, "reference_price": 5}
    names = ", ".join(values)
    with pytest.raises(errors.ForeignKeyViolation):
        books.execute(
            f"INSERT INTO orders ({names}) VALUES ({', '.join(f'%({n})s' for n in values)})", values
        )


def test_exits_end_and_stay_ended(books):
    order(books)
    exit_of(books)
    books.execute(
        "UPDATE orders SET state = 'cancelled', ended_session = '2005-06-03' WHERE order_type = 'stop'"
    )
    with pytest.raises(errors.CheckViolation):
        books.execute("UPDATE orders SET state = 'resting', ended_session = NULL WHERE order_type = 'stop'")


@pytest.fixture
def real(books):
    """The account is one at a real broker, with one planned order."""
    books.execute("UPDATE accounts SET broker = 'alpaca', broker_account = 'PA1' WHERE id = 'a'")
    order(books, begun="planned")
    return books


def approval(connection, status="approved", minutes=30):
    connection.execute(
        "INSERT INTO order_approvals "
        "(account_id, session_date, run_id, batch_hash, orders, max_notional_usd, expires_at) VALUES "
        "('a', '2005-06-01', 'r', repeat('0', 64), 1, 100, clock_timestamp() + make_interval(secs => %s)) ",
        [minutes * 60],
    )
    for step in {"approved": ("approved",), "used": ("approved", "used"), "requested": ()}[status]:
        connection.execute(
            "UPDATE order_approvals SET status = %s, decided_at = now(), decided_by = 'x'", [step]
        )
    return connection.execute("SELECT id FROM order_approvals").fetchone()["id"]


def test_nothing_goes_to_a_real_broker_without_an_approval_in_use(real):
    with pytest.raises(errors.CheckViolation, match="no approval"), real.transaction():
        move(real, "submitted")
    real.execute("UPDATE orders SET approval_id = %s", [approval(real)])
    with pytest.raises(errors.CheckViolation, match="no approval"), real.transaction():
        move(real, "submitted")
    real.execute("UPDATE order_approvals SET status = 'used'")
    move(real, "submitted")


def test_an_approval_is_good_once_and_till_it_expires(real):
    approval(real, "used")
    for status in ("approved", "requested", "rejected", "used"):
        with pytest.raises(errors.CheckViolation), real.transaction():
            real.execute("UPDATE order_approvals SET status = %s", [status])
    with pytest.raises(errors.CheckViolation), real.transaction():
        real.execute("UPDATE order_approvals SET max_notional_usd = 1e6, status = 'revoked'")
    real.execute("UPDATE order_approvals SET status = 'revoked'")
    real.execute("ALTER TABLE order_approvals DISABLE TRIGGER USER")
    real.execute("DELETE FROM order_approvals")
    real.execute("ALTER TABLE order_approvals ENABLE TRIGGER USER")
    approval(real, "requested", minutes=0.0001)
    real.execute("SELECT pg_sleep(0.02)")
    with pytest.raises(errors.CheckViolation):
        real.execute("UPDATE order_approvals SET status = 'approved', decided_at = now(), decided_by = 'x'")
