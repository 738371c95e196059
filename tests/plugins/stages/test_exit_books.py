"""Exits in the database: rows like any other order's, tied to their entry's decision, the same however they came."""

from __future__ import annotations

import dataclasses

import psycopg
import pytest

from tests.support.books import STAGE, assert_sound, held, throw
from tests.support.chain import STEPS, open_stage, query, run_stage, take_step
from tests.support.prepared import DUE, change, failed_checks, hashes, stopping

__all__ = ["stopping"]


@pytest.fixture(scope="module")
def traded(stopping):
    """A year of sessions; for reading only."""
    return stopping("")


def test_an_exit_belongs_to_the_order_that_opened_its_holding(traded):
    rows = query(
        traded.reader,
        "SELECT e.*, p.order_type AS parent_of, p.side AS parent_side_is, p.risk_decision_id AS parent_decision, "
        "p.stop_loss AS fraction, p.session_date AS decided, h.average_cost, h.quantity AS holding "
        "FROM orders e JOIN orders p ON p.id = e.parent_order_id "
        "LEFT JOIN positions h ON (h.account_id, h.session_date, h.symbol) = (e.account_id, e.session_date, e.symbol) "
        "AND e.ended_session IS DISTINCT FROM e.session_date",
    )
    assert {r["state"] for r in rows} >= {"filled", "cancelled"}
    for r in rows:
        assert (r["parent_of"], r["time_in_force"]) == ("market", "gtc")
        assert r["parent_side_is"] != r["side"]
        assert r["risk_decision_id"] == r["parent_decision"]
        assert r["session_date"] > r["decided"]
        side = 1 if r["side"] == "sell" else -1
        assert float(r["stop_price"]) == pytest.approx(
            float(r["reference_price"]) * (1 - side * r["fraction"]), abs=1e-4
        )
        if r["holding"] is not None:
            assert r["holding"] == side * r["quantity"]
            assert r["average_cost"] == r["reference_price"]


def test_the_stops_are_the_tightest_that_the_signals_state(traded):
    rows = query(
        traded.reader,
        "SELECT o.stop_loss, (SELECT min(s.stop_loss) FROM signals s WHERE s.symbol = o.symbol "
        "AND s.session_date = o.session_date AND s.score * o.signed_quantity > 0) AS stated "
        "FROM orders o WHERE o.stop_loss IS NOT NULL",
    )
    assert len(rows) > 20
    assert all(r["stop_loss"] == r["stated"] for r in rows)
    assert {r["stop_loss"] for r in rows} >= {0.02, 0.03, 0.05}


def test_each_event_of_an_exit_is_on_the_trail(traded):
    events = query(
        traded.reader,
        "SELECT event_type, count(*) AS n, count(DISTINCT correlation_id) AS orders FROM audit_events "
        "WHERE event_type LIKE 'execution.%%' AND (event_type <> 'execution.completed' OR payload ? 'exit') GROUP BY 1",
    )
    states = query(
        traded.reader, "SELECT state, count(*) AS n FROM orders WHERE order_type <> 'market' GROUP BY 1"
    )
    states = {r["state"]: r["n"] for r in states}
    assert {r["event_type"]: r["n"] for r in events} == {
        "execution.resting": sum(states.values()), "execution.cancelled": states["cancelled"],
        "execution.completed": states["filled"],
    }  # fmt: skip
    assert all(r["n"] == r["orders"] for r in events)


def test_a_holding_stopped_out_is_not_entered_again_before_its_score_turns(traded):
    rows = query(
        traded.reader,
        "SELECT t.score, t.target_quantity, t.reason, p.ended_side FROM target_positions t CROSS JOIN LATERAL ("
        "SELECT ended_side FROM positions p WHERE p.account_id = t.account_id AND p.symbol = t.symbol "
        "AND p.session_date <= t.session_date ORDER BY p.session_date DESC LIMIT 1) p WHERE p.ended_side <> 0",
    )
    assert len(rows) > 20
    for r in rows:
        assert r["ended_side"] * r["score"] > 0
        assert (r["target_quantity"], bool(r["reason"])) == (0, True)


def test_exits_are_judged_at_the_close_by_setting(stopping, small_settings):
    database = stopping(STAGE)
    throw(database)  # nothing is bought any more; what rests is left to rest
    run_stage(database.writer, small_settings, STAGE, end=DUE[0])
    resting = query(database.reader, "SELECT symbol, quantity FROM orders WHERE state = 'resting'")
    assert {r["symbol"]: r["quantity"] for r in resting} == {
        s: abs(q) for s, q in held(database, DUE[0]).items() if q
    }
    throw(database, engaged=False)
    at_close = dataclasses.replace(small_settings, stops_at_close=True)
    run_stage(database.writer, at_close, STAGE)
    assert query(database.reader, "SELECT * FROM orders WHERE state = 'resting'") == []
    ended = query(
        database.reader,
        "SELECT DISTINCT reason FROM orders WHERE state = 'cancelled' AND ended_session = %(d)s",
        {"d": DUE[1]},
    )
    assert [r["reason"] for r in ended] == ["exits are judged at the close"]
    assert_sound(database, small_settings)


def test_steps_taken_twice_leave_what_one_pass_leaves(stopping, small_settings):
    once, twice = stopping(STAGE), stopping(STAGE)
    run_stage(once.writer, small_settings, STAGE, end=DUE[2])
    for day in DUE[:3]:
        stage = open_stage(twice.writer, small_settings, STAGE, end=day)
        for step in [s for name in STEPS[STAGE] for s in (name, name)]:
            take_step(stage, step)
    assert hashes(twice.writer) == hashes(once.writer)
    assert failed_checks(once.reader) == []
    exits = query(once.reader, "SELECT state FROM orders WHERE order_type <> 'market' AND session_date >= %(d)s",
                  {"d": DUE[0]})  # fmt: skip
    assert {r["state"] for r in exits} >= {"resting", "cancelled"}


# The payload's hash already refuses the change; the check view must find it all the same.
GROWN = (
    "ALTER TABLE orders DROP CONSTRAINT orders_payload_hash; "
    "UPDATE orders SET quantity = quantity + 1 WHERE state = 'resting'"
)


def test_the_database_refuses_an_exit_larger_than_its_holding(stopping, small_settings):
    database = stopping(STAGE)
    assert change(database, GROWN)
    assert "check_exits_fit_holdings" in failed_checks(database.reader)
    again = (
        'INSERT INTO positions SELECT (jsonb_populate_record(p, \'{"session_date": "2005-02-22"}\')).* '
        "FROM positions p WHERE session_date = '2005-02-18'"
    )
    with pytest.raises(psycopg.errors.CheckViolation, match="does not fit its holding"):
        change(database, again)


def test_the_database_refuses_an_exit_that_turns_a_side(stopping):
    database = stopping("")
    hit = query(database.reader, "SELECT f.symbol, f.session_date FROM fills f JOIN orders o ON o.id = f.order_id "
                "WHERE o.order_type = 'stop' ORDER BY 2 DESC LIMIT 1")[0]  # fmt: skip
    row = query(
        database.reader,
        "SELECT * FROM positions WHERE symbol = %(symbol)s AND session_date = %(session_date)s",
        hit,
    )
    assert row[0]["quantity"] == 0
    change(
        database, "DELETE FROM positions WHERE symbol = %(symbol)s AND session_date = %(session_date)s", hit
    )
    with pytest.raises(psycopg.errors.CheckViolation, match="does not fit its holding"):
        change(
            database,
            "INSERT INTO positions (account_id, session_date, symbol, quantity, cost_basis_usd, price_date, "
            "market_value_usd, unrealized_pnl_usd, realized_pnl_usd) "
            "VALUES ('paper', %(session_date)s, %(symbol)s, -1, -10, %(session_date)s, -10, 0, 0)", hit,
        )  # fmt: skip
