"""What Alpaca's stub says happened, and what nobody knows of."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from data_layer.storage.database import transaction
from models.errors import BlockedError, RetryableError
from plugins.execution.booking import executed_in
from plugins.execution.cancelling import cancel_older, cancel_open, free_symbols
from plugins.execution.sending import send_batch
from plugins.execution.truth import ask_broker, note_truth
from tests.support.alpaca_stub import serve
from tests.support.real_account import ACCOUNT, SESSION, approve_all, broker_at, open_account, plan_orders
from tests.support.rows import insert

NEXT = dt.date(2024, 7, 2)
AT = "2024-07-02T13:30:00.1Z"


@pytest.fixture
def desk():
    with serve() as running:
        yield running


@pytest.fixture
def sent(database, desk):
    """Two orders out at the stub, one with exits as legs."""
    open_account(database.owner)
    plan_orders(database.owner, ["AAPL"])
    plan_orders(database.owner, ["MSFT"], stop_loss=0.1, take_profit=0.2)
    approve_all(database.writer)
    send_batch(database.writer, ACCOUNT, SESSION, broker_at(desk), run_id="run")
    return {row["symbol"]: name for name, row in desk.orders.items()}


def note(database, desk, session=NEXT):
    truth = ask_broker(database.writer, ACCOUNT, broker_at(desk), session, dt.date(2024, 6, 28))
    with transaction(database.writer) as connection:
        return note_truth(connection, ACCOUNT, [session], truth)


def fills(database, session=NEXT):
    with transaction(database.reader) as connection:
        return executed_in(connection, ACCOUNT, session, {"AAPL": Decimal(50)})


def rows(database, what="client_order_id, symbol, order_type, state, filled_quantity"):
    with transaction(database.reader) as connection:
        return connection.execute(f"SELECT {what} FROM orders ORDER BY symbol, order_type").fetchall()


def test_fills_are_taken_once_with_cumulative_quantities(database, desk, sent):
    desk.fill(sent["AAPL"], 50.25, AT, 4)
    assert note(database, desk) == []
    assert [(f.symbol, f.quantity, f.price, f.slippage_usd) for f in fills(database).fills] == [
        ("AAPL", 4, Decimal("50.25"), Decimal("1.00"))
    ]
    assert [r["state"] for r in rows(database)] == ["partially_filled", "accepted"]
    desk.fill(sent["AAPL"], 50.5, "2024-07-02T13:31:00Z")
    desk.activities.append(dict(desk.activities[0]))  # told twice
    for _ in range(2):
        assert note(database, desk) == []
    assert [f.quantity for f in fills(database).fills] == [4, 6]
    assert [r["state"] for r in rows(database)] == ["filled", "accepted"]


def test_a_late_fill_is_booked_in_the_session_it_is_told_in(database, desk, sent):
    assert note(database, desk) == [] and not fills(database).fills
    desk.fill(sent["AAPL"], 50.25, AT)
    later = dt.date(2024, 7, 3)
    assert note(database, desk, later) == []
    (fill,) = fills(database, later).fills
    assert fill.session_date == later and not fills(database).fills


def test_legs_rest_as_children_and_their_fill_is_theirs(database, desk, sent):
    desk.fill(sent["MSFT"], 50, AT)
    assert note(database, desk) == []
    assert [(r["order_type"], r["state"]) for r in rows(database)] == [
        ("market", "accepted"), ("limit", "resting"), ("market", "filled"), ("stop", "resting"),
    ]  # fmt: skip
    stop = next(leg for leg in desk.orders[sent["MSFT"]]["legs"] if leg["type"] == "stop")
    desk.fill(stop["client_order_id"], 44.9, "2024-07-03T15:00:00Z")
    later = dt.date(2024, 7, 3)
    assert note(database, desk, later) == []
    booked = fills(database, later)
    (fill,) = booked.fills
    assert (fill.side, fill.quantity, booked.orders[fill.client_order_id].order_type) == ("sell", 10, "stop")


def leg_of(desk, name, kind):
    return next(leg for leg in desk.orders[name]["legs"] if leg["type"] == kind)


def exits(database):
    return {r["order_type"]: (r["state"], r["filled_quantity"]) for r in rows(database) if r["order_type"] != "market"}


def test_an_exit_fills_in_parts_and_ends_the_other(database, desk, sent):
    desk.fill(sent["MSFT"], 50, AT)
    stop = leg_of(desk, sent["MSFT"], "stop")["client_order_id"]
    desk.fill(stop, 44.9, "2024-07-02T15:00:00Z", 4)
    assert note(database, desk) == []
    assert exits(database) == {"limit": ("resting", 0), "stop": ("resting", 4)}
    desk.fill(stop, 44.8, "2024-07-03T15:00:00Z")
    for _ in range(2):
        assert note(database, desk, dt.date(2024, 7, 3)) == []
    assert exits(database) == {"limit": ("cancelled", 0), "stop": ("filled", 10)}
    with transaction(database.reader) as connection:
        ended = connection.execute("SELECT DISTINCT ended_session::text FROM orders WHERE order_type <> 'market'")
        assert [r["ended_session"] for r in ended] == ["2024-07-03"]


def test_exits_rest_once_their_entry_has_executed_in_full(database, desk, sent):
    desk.fill(sent["MSFT"], 50, AT, 6)
    assert note(database, desk) == [] and exits(database) == {}
    desk.fill(sent["MSFT"], 50, "2024-07-02T13:31:00Z")
    assert note(database, desk) == [] and {s for s, _ in exits(database).values()} == {"resting"}


def test_an_exit_that_is_gone_without_a_word_ends_and_a_fill_of_it_is_waited_for(database, desk, sent):
    desk.fill(sent["MSFT"], 50, AT)
    assert note(database, desk) == []
    stop = leg_of(desk, sent["MSFT"], "stop")
    desk.fill(stop["client_order_id"], 44.9, "2024-07-03T15:00:00Z")
    told = desk.activities.pop()
    with pytest.raises(RetryableError, match="do not add up"):
        note(database, desk, dt.date(2024, 7, 3))
    desk.activities.append(told)
    desk.orders[sent["MSFT"]]["legs"] = None  # an answer that leaves them out
    assert note(database, desk, dt.date(2024, 7, 3)) == []
    assert exits(database) == {"limit": ("cancelled", 0), "stop": ("filled", 10)}


@pytest.mark.parametrize(("reason", "left"), [("", "cancelled"), ("dry_run", "resting")])
def test_exits_make_room_for_an_order_that_is_sent_and_for_no_other(database, desk, sent, reason, left):
    desk.fill(sent["MSFT"], 50, AT)
    assert note(database, desk) == []
    plan_orders(database.owner, ["MSFT"], NEXT, quantity=-10, held=10)
    with transaction(database.owner) as connection:
        connection.execute("UPDATE orders SET reason = %s WHERE state = 'planned'", [reason])
    free_symbols(database.writer, ACCOUNT, NEXT, broker_at(desk))
    assert {state for state, _ in exits(database).values()} == {left}


@pytest.mark.parametrize(("ex_date", "left"), [("2024-07-03", "cancelled"), ("2024-07-05", "resting"),
                                               ("2024-07-02", "resting")])  # fmt: skip
def test_exits_of_a_share_that_splits_before_the_next_open_make_way(database, desk, sent, ex_date, left):
    """They are for the shares, at the prices, of before; also when nothing is sent."""
    desk.fill(sent["MSFT"], 50, AT)
    assert note(database, desk) == []
    with transaction(database.owner) as connection:
        insert(connection, "corporate_actions", symbol="MSFT", ex_date=ex_date, action_type="split", value=2,
               source="test", batch_id=1, known_at="2024-07-01", inferred=False)  # fmt: skip
    free_symbols(database.writer, ACCOUNT, NEXT, broker_at(desk), trades=False)
    assert {state for state, _ in exits(database).values()} == {left}
    there = {leg["status"] for leg in desk.orders[sent["MSFT"]]["legs"]}
    assert there == ({"canceled"} if left == "cancelled" else {"held"})


def test_an_exit_of_a_share_that_splits_and_cannot_be_cancelled_stops_the_session(database, desk, sent):
    desk.fill(sent["MSFT"], 50, AT)
    assert note(database, desk) == []
    with transaction(database.owner) as connection:
        insert(connection, "corporate_actions", symbol="MSFT", ex_date="2024-07-03", action_type="split", value=2,
               source="test", batch_id=1, known_at="2024-07-01", inferred=False)  # fmt: skip
    desk.plan = lambda method, _path: "500_before" if method == "DELETE" else ""
    with pytest.raises(RetryableError):
        free_symbols(database.writer, ACCOUNT, NEXT, broker_at(desk), trades=False)
    assert {state for state, _ in exits(database).values()} == {"resting"}


@pytest.mark.parametrize("quantity", [None, 4])
def test_an_exit_that_has_filled_meanwhile_holds_its_symbols_order_back(database, desk, sent, quantity):
    """The holding that the order would end is gone, or smaller: the books take the fill first."""
    for name in sent.values():
        desk.fill(name, 50, AT)
    assert note(database, desk) == []
    plan_orders(database.owner, ["AAPL", "MSFT"], NEXT, quantity=-10, held=10)
    desk.fill(leg_of(desk, sent["MSFT"], "stop")["client_order_id"], 44.9, "2024-07-03T13:30:00Z", quantity)
    for _ in range(2):  # and once more on a retry
        held = free_symbols(database.writer, ACCOUNT, NEXT, broker_at(desk))
        assert held.keys() == {"MSFT"} and f"{quantity or 10} shares executed" in held["MSFT"]
    assert exits(database)["stop"] == ("resting", 0)
    approve_all(database.writer, NEXT)
    with pytest.raises(RetryableError, match="1 of 2 orders failed: MSFT: blocked"):
        send_batch(database.writer, ACCOUNT, NEXT, broker_at(desk), run_id="run", held=held)
    assert [p["symbol"] for p in desk.posts] == ["AAPL", "MSFT", "AAPL"]
    later = dt.date(2024, 7, 3)
    assert note(database, desk, later) == []
    assert [(f.side, f.quantity) for f in fills(database, later).fills] == [("sell", quantity or 10)]


def test_an_exit_the_broker_has_never_heard_of_holds_its_symbols_order_back(database, desk, sent):
    desk.fill(sent["MSFT"], 50, AT)
    assert note(database, desk) == []
    plan_orders(database.owner, ["MSFT"], NEXT, quantity=-10, held=10)
    desk.orders[sent["MSFT"]]["legs"] = None
    held = free_symbols(database.writer, ACCOUNT, NEXT, broker_at(desk))
    assert "not at the broker" in held["MSFT"]


@pytest.mark.parametrize(("restricted", "trades"), [(True, False), (True, True), (False, True)])
def test_exits_of_a_restricted_share_make_way_whether_anything_is_sent_or_not(
    database, desk, sent, restricted, trades
):
    desk.fill(sent["MSFT"], 50, AT)
    assert note(database, desk) == []
    with transaction(database.owner) as connection:
        insert(connection, "trading_universe", symbol="MSFT", active_from="2024-01-02", name="M", source="test",
               restricted=restricted, known_at="2024-01-02")  # fmt: skip
    assert free_symbols(database.writer, ACCOUNT, NEXT, broker_at(desk), trades=trades) == {}
    assert {state for state, _ in exits(database).values()} == {"cancelled" if restricted else "resting"}


def test_fills_that_do_not_add_up_yet_are_asked_for_again(database, desk, sent):
    desk.fill(sent["AAPL"], 50.25, AT)
    told = desk.activities.pop()
    with pytest.raises(RetryableError, match="do not add up"):
        note(database, desk)
    desk.activities.append(told)
    assert note(database, desk) == []


def test_what_nobody_knows_is_told(database, desk, sent):
    desk.take({"symbol": "TSLA", "qty": 5, "side": "buy", "type": "market", "time_in_force": "day"})
    (line,) = note(database, desk)
    assert "an open order nobody knows: buy 5 TSLA" in line
    stranger = next(n for n, row in desk.orders.items() if row["symbol"] == "TSLA")
    desk.fill(stranger, 100, AT)
    (line,) = note(database, desk)
    assert "a fill nobody knows: buy 5 TSLA at 100" in line


def test_an_order_the_broker_never_had_expires_and_one_that_ended_says_so(database, desk, sent):
    desk.orders[sent["AAPL"]]["status"] = "expired"
    gone = desk.orders.pop(sent["MSFT"])
    assert gone
    assert note(database, desk) == []
    assert [(r["symbol"], r["state"]) for r in rows(database)] == [("AAPL", "expired"), ("MSFT", "expired")]
    with transaction(database.reader) as connection:
        told = connection.execute(
            "SELECT count(*) AS n FROM audit_events WHERE event_type = 'execution.blocked'"
        )
        assert told.fetchone()["n"] == 2


def test_cancelling_asks_and_then_looks(database, desk, sent):
    desk.fill(sent["AAPL"], 50.25, AT, 4)
    assert cancel_open(database.writer, ACCOUNT, broker_at(desk)) == {"cancelled": 2}
    assert [(r["state"], r["filled_quantity"]) for r in rows(database)] == [
        ("cancelled", 4),
        ("cancelled", 0),
    ]
    desk.fill(sent["AAPL"], 50.25, AT)  # it had been executed before the cancellation arrived
    assert note(database, desk) == []


def test_what_is_left_of_an_older_entry_is_cancelled_and_what_has_filled_of_it_booked(database, desk, sent):
    """An entry with exits is good till cancelled: its rest would fill beside the next session's order."""
    desk.fill(sent["MSFT"], 50, AT, 6)
    cancel_older(database.writer, ACCOUNT, broker_at(desk), SESSION)
    assert {row["status"] for row in desk.orders.values()} == {"accepted", "partially_filled"}  # not older
    cancel_older(database.writer, ACCOUNT, broker_at(desk), NEXT)
    assert note(database, desk) == []
    market = [(r["symbol"], r["state"], r["filled_quantity"]) for r in rows(database) if r["order_type"] == "market"]
    assert market == [("AAPL", "cancelled", 0), ("MSFT", "cancelled", 6)]
    assert {state for state, _ in exits(database).values()} == {"cancelled"}
    assert [(f.symbol, f.quantity) for f in fills(database).fills] == [("MSFT", 6)]


def test_another_account_tells_nothing(database, desk, sent):
    desk.account["account_number"] = "1"
    with pytest.raises(BlockedError):
        note(database, desk)
