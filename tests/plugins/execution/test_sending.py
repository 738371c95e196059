"""Orders on their way to Alpaca's stub: each once, each on its own, none without an approval."""

from __future__ import annotations

import datetime as dt

import pytest
from psycopg import errors

from data_layer.storage.database import transaction
from models.errors import BlockedError, RetryableError
from plugins.execution.approval import decide_approval, request_approval, revoke_approval, use_approval
from plugins.execution.sending import send_batch
from tests.support.alpaca_stub import serve
from tests.support.real_account import (
    ACCOUNT,
    SESSION,
    approve_all,
    broker_at,
    close_at,
    open_account,
    plan_orders,
    states,
)

FIVE = ("AAPL", "GOOG", "IBM", "MSFT", "POOR")


@pytest.fixture
def desk():
    with serve() as running:
        yield running


@pytest.fixture
def planned(database):
    open_account(database.owner)
    plan_orders(database.owner, FIVE)
    return database


def send(database, desk, **more):
    return send_batch(database.writer, ACCOUNT, SESSION, broker_at(desk), **{"run_id": "run", **more})


def query(database, statement):
    with transaction(database.reader) as connection:
        return connection.execute(statement).fetchall()


def test_one_order_failing_leaves_the_others_going_and_is_told(planned, desk):
    approve_all(planned.writer)
    tries = iter(["", "", "504_before"])
    desk.plan = lambda method, _path: next(tries, "") if method == "POST" else ""
    with pytest.raises(RetryableError, match="2 of 5 orders failed: IBM: unknown; POOR: rejected"):
        send(planned, desk)
    assert list(states(planned).values()) == ["accepted", "accepted", "unknown", "accepted", "rejected"]
    assert send(planned, desk).states == {"accepted": 1}
    assert len(desk.orders) == 4 and states(planned)["POOR"] == "rejected"
    assert send(planned, desk).states == {} and len(desk.orders) == 4
    events = query(planned, "SELECT symbol, payload FROM audit_events WHERE event_type = 'execution.blocked'")
    assert [e["symbol"] for e in events] == ["POOR"] and "buying power" in events[0]["payload"]["reason"]


def test_an_order_that_the_database_refuses_leaves_the_others_going(planned, desk):
    later = dt.date(2024, 7, 2)
    plan_orders(planned.owner, ["ZZZ"], later)
    other = approve_all(planned.writer, later)
    approve_all(planned.writer)
    with transaction(planned.owner) as connection:  # an approval of another session
        connection.execute("UPDATE orders SET approval_id = %s WHERE symbol = 'AAPL'", [other])
    with pytest.raises(RetryableError, match=r"AAPL: order .* has no approval"):
        send(planned, desk)
    assert [row["symbol"] for row in desk.orders.values()] == ["GOOG", "IBM", "MSFT"]
    assert states(planned)["AAPL"] == "planned"


def test_an_answer_about_another_order_leaves_it_unknown_for_it_may_be_live(planned, desk):
    approve_all(planned.writer)
    answer = desk.answer

    def other(method, path, query, body):
        status, row = answer(method, path, query, body)
        return status, {**row, "qty": "11"} if method == "POST" and body["symbol"] == "IBM" else row

    desk.answer = other
    with pytest.raises(RetryableError, match=r"IBM: .*the broker has another order of this name"):
        send(planned, desk)
    assert states(planned)["IBM"] == "unknown"
    desk.answer = answer
    assert send(planned, desk).states == {"accepted": 1}
    assert len(desk.posts) == 5  # never sent again


def test_without_an_approval_nothing_is_sent_and_all_is_blocked(planned, desk):
    assert request_approval(planned.writer, ACCOUNT, SESSION, "run") is not None
    with pytest.raises(RetryableError, match="5 of 5"):
        send(planned, desk)
    assert use_approval(planned.writer, ACCOUNT, SESSION, "run") == ""  # nothing waits any more
    assert set(states(planned).values()) == {"blocked"} and not desk.posts
    assert len(query(planned, "SELECT 1 FROM audit_events WHERE event_type = 'execution.blocked'")) == 5


def test_an_approval_is_bound_to_run_batch_and_once(planned, desk):
    approval, batch = request_approval(planned.writer, ACCOUNT, SESSION, "run")
    assert (batch.orders, batch.notional_usd) == (5, 2500)
    decide_approval(planned.writer, approval, True, "tester")
    with pytest.raises(BlockedError, match="nothing to decide"):
        decide_approval(planned.writer, approval, True, "tester")
    assert "no approval was asked for" in use_approval(planned.writer, ACCOUNT, SESSION, "another run")
    assert set(states(planned).values()) == {"blocked"} and not desk.posts


def half_sent(planned, desk):
    """A run that was approved, used its approval, and ended after two of its orders."""
    approve_all(planned.writer, run_id="first")
    held = dict.fromkeys(["IBM", "MSFT", "POOR"], "later")
    with pytest.raises(RetryableError):
        send(planned, desk, run_id="first", held=held)
    with transaction(planned.owner) as connection:  # it died before their turn
        connection.execute("ALTER TABLE orders DISABLE TRIGGER USER")
        connection.execute("UPDATE orders SET state = 'planned', reason = '' WHERE state = 'blocked'")
        connection.execute("ALTER TABLE orders ENABLE TRIGGER USER")


def test_another_run_sends_nothing_under_an_approval_that_the_first_has_used(planned, desk):
    half_sent(planned, desk)
    assert "no approval was asked for" in use_approval(planned.writer, ACCOUNT, SESSION, "second")
    assert len(desk.posts) == 2
    assert list(states(planned).values()) == ["accepted", "accepted", "blocked", "blocked", "blocked"]


def test_another_run_asks_for_what_the_first_has_not_sent(planned, desk):
    half_sent(planned, desk)
    _, batch = request_approval(planned.writer, ACCOUNT, SESSION, "second")
    assert batch.orders == 3
    approve_all(planned.writer, run_id="second")
    with pytest.raises(RetryableError, match="1 of 3 orders failed: POOR: rejected"):
        send(planned, desk, run_id="second")
    assert sorted(row["symbol"] for row in desk.orders.values()) == ["AAPL", "GOOG", "IBM", "MSFT"]


@pytest.mark.parametrize("run_id", ["second", "first"])
def test_an_order_is_claimed_under_an_approval_of_its_run_and_day_only(planned, desk, run_id):
    half_sent(planned, desk)
    if run_id == "first":
        with transaction(planned.owner) as connection:  # the same run, cleared a day later
            connection.execute("ALTER TABLE order_approvals DISABLE TRIGGER USER")
            connection.execute("UPDATE order_approvals SET requested_at = requested_at - interval '24 hours', "
                               "expires_at = expires_at - interval '24 hours'")  # fmt: skip
    with pytest.raises(RetryableError, match="3 of 3"):
        send(planned, desk, run_id=run_id)
    assert len(desk.posts) == 2
    reasons = query(planned, "SELECT DISTINCT reason FROM orders WHERE state = 'blocked'")
    assert [r["reason"] for r in reasons] == ["no approval of this run in force"]


def test_the_same_run_goes_on_where_it_ended(planned, desk):
    half_sent(planned, desk)
    assert use_approval(planned.writer, ACCOUNT, SESSION, "first") == ""
    with pytest.raises(RetryableError, match="1 of 3 orders failed: POOR: rejected"):
        send(planned, desk, run_id="first")
    assert len(desk.orders) == 4


def test_another_batch_needs_another_approval(planned, desk):
    approval, _ = request_approval(planned.writer, ACCOUNT, SESSION, "run")
    decide_approval(planned.writer, approval, True, "tester")
    plan_orders(planned.owner, ["ZZZ"])
    assert "no approval" in use_approval(planned.writer, ACCOUNT, SESSION, "run")


def test_a_rejected_approval_blocks(planned, desk):
    approval, _ = request_approval(planned.writer, ACCOUNT, SESSION, "run")
    decide_approval(planned.writer, approval, False, "tester", "too much")
    assert "is rejected" in use_approval(planned.writer, ACCOUNT, SESSION, "run")
    assert set(states(planned).values()) == {"blocked"}


def test_a_revoked_approval_sends_nothing_more(planned, desk):
    approval = approve_all(planned.writer)
    revoke_approval(planned.writer, approval, "tester", "second thoughts")
    assert (
        send(planned, desk).states == {} and not desk.posts and set(states(planned).values()) == {"blocked"}
    )


def test_the_kill_switch_is_read_where_an_order_is_claimed(planned, desk):
    approve_all(planned.writer)
    with transaction(planned.owner) as connection:
        connection.execute("ALTER TABLE kill_switch DISABLE TRIGGER USER")
        connection.execute(
            "UPDATE kill_switch SET engaged = true, reason = 'stop' WHERE account_id = %s", [ACCOUNT]
        )
    with pytest.raises(RetryableError, match="5 of 5"):
        send(planned, desk)
    assert not desk.posts and set(states(planned).values()) == {"blocked"}


def test_an_order_sent_while_the_switch_is_on_is_found_by_its_check(planned):
    approve_all(planned.writer)
    found = "SELECT 1 FROM check_no_orders_while_killed"
    claim = "UPDATE orders SET state = 'submitted', submitted_at = clock_timestamp() WHERE symbol = %s"
    with transaction(planned.owner) as connection:
        connection.execute(claim, ["IBM"])
        connection.execute("UPDATE kill_switch SET engaged = true, reason = 'x', changed_at = clock_timestamp()")
    assert not query(planned, found)
    with transaction(planned.owner) as connection:
        connection.execute(claim, ["AAPL"])
    assert len(query(planned, found)) == 1


def test_a_price_beyond_the_collar_holds_one_order_back(planned, desk):
    approve_all(planned.writer)
    close_at(planned.owner, "IBM", 55.01)
    with pytest.raises(RetryableError, match="IBM: blocked"):
        send(planned, desk)
    assert states(planned)["IBM"] == "blocked" and len(desk.orders) == 3
    (row,) = query(planned, "SELECT reason FROM orders WHERE symbol = 'IBM'")
    assert row["reason"] == (
        "price_collar: 55.0100 USD, close of 2024-07-01, is not within 10.0% of the 50.0000 it was decided on"
    )


def test_without_an_answer_about_trades_nothing_is_sent(planned, desk):
    approve_all(planned.writer)

    def ask(symbols):
        raise RetryableError("no answer", stage="data_ingestion", remedy="later")

    with pytest.raises(RetryableError, match="no answer"):
        send(planned, desk, ask_trades=ask)
    assert not desk.posts and set(states(planned).values()) == {"planned"}


def test_an_account_that_is_not_the_pinned_one_gets_nothing(planned, desk):
    approve_all(planned.writer)
    desk.account["account_number"] = "99"
    with pytest.raises(BlockedError, match="not a paper account"):
        send(planned, desk)
    assert not desk.posts and set(states(planned).values()) == {"planned"}


def test_the_database_refuses_what_the_code_would_send_unapproved(planned):
    with pytest.raises(errors.CheckViolation, match="no approval"), transaction(planned.writer) as connection:
        connection.execute("UPDATE orders SET state = 'submitted'")


def test_a_dead_senders_order_is_looked_up_and_not_sent_again(planned, desk):
    approve_all(planned.writer)
    desk.plan = lambda method, path: (
        "reset_after" if method == "POST" else "500_before" if "by_client" in path else ""
    )
    with pytest.raises(RetryableError):
        send(planned, desk)
    with transaction(planned.owner) as connection:  # as if it had died before it could write what it knows
        connection.execute("UPDATE orders SET state = 'submitted' WHERE state = 'unknown'")
    desk.plan = lambda _method, _path: ""
    with pytest.raises(RetryableError, match="POOR"):
        send(planned, desk)
    assert len(desk.orders) == 4 and len(desk.posts) == 6  # each once, and the refused one a second time
