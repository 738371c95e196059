"""risk_execution with Alpaca's stub: only the newest session is sent, approved, filled, booked and compared."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

import pytest

from data_layer.settings import Settings
from data_layer.storage.database import transaction
from models.errors import BlockedError, RetryableError
from plugins.execution import truth
from plugins.execution.approval import decide_approval, request_approval
from plugins.execution.broker import open_broker
from plugins.execution.opening import open_account
from plugins.stages.cash import current_account
from plugins.stages.risk import RiskExecution
from tests.support.alpaca_stub import ACCOUNT as STUB
from tests.support.alpaca_stub import Desk, serve
from tests.support.chain import open_stage, query, sample_settings, take_step
from tests.support.prepared import DUE, change, failed_checks, prepared

__all__ = ["prepared"]
STAGE = "risk_execution"
BEFORE = ("reconcile_fills", "blend_signals", "build_targets", "check_risk", "plan_orders")
AFTER = ("submit_orders", "mark_positions", "check_books")


@pytest.fixture
def desk() -> Iterator[Desk]:
    with serve() as running:
        yield running


@pytest.fixture
def real(desk, tmp_path, small_settings) -> Settings:
    return sample_settings(
        tmp_path, symbols="AAPL MSFT GOOG", start="2004-01-02", end="2005-12-30", broker="alpaca",
        alpaca_paper_key="k", alpaca_paper_secret="s", alpaca_account_id=STUB["id"], alpaca_paper_url=desk.url,
    )  # fmt: skip


def run(database, settings, end, approve=True, **more):
    """Run the stage up to a session, with somebody's approval of its orders or without."""
    stage = open_stage(database.writer, settings, STAGE, end=end, **more)
    for step in BEFORE:
        take_step(stage, step)
    with transaction(database.writer) as connection:
        account = current_account(connection, settings)
    asked = request_approval(
        database.writer, account, stage.context.sessions[-1], stage.context.request.run_id
    )
    if asked and approve:
        decide_approval(database.writer, asked[0], True, "tester")
    for step in AFTER:
        take_step(stage, step)
    return stage


def plan(database, settings, end):
    """Run the stage up to a session whose orders are approved, and not sent yet."""
    stage = open_stage(database.writer, settings, STAGE, end=end)
    for step in BEFORE:
        take_step(stage, step)
    context = stage.context
    asked = request_approval(database.writer, "alpaca", context.sessions[-1], context.request.run_id)
    decide_approval(database.writer, asked[0], True, "tester")
    return context


def again(context, **changes):
    """Return the stage of the same run with settings changed meanwhile."""
    return RiskExecution(replace(context, settings=replace(context.settings, **changes)))


def orders(database):
    return query(
        database.reader,
        "SELECT session_date::text AS day, symbol, order_type, state, quantity, reason, client_order_id "
        "FROM orders WHERE account_id <> 'paper' ORDER BY session_date, symbol, order_type",
    )


def fill_all(desk, day, price=40.0):
    for n, row in enumerate([r for r in desk.orders.values() if r["status"] == "accepted"]):
        desk.fill(row["client_order_id"], price, f"{day}T14:30:{n:02d}Z")


def test_a_session_is_planned_approved_sent_filled_booked_and_compared(prepared, real, desk):
    database = prepared(STAGE)
    run(database, real, DUE[1])
    sent = orders(database)
    assert sent and {o["day"] for o in sent} == {DUE[1]} and {o["state"] for o in sent} == {"accepted"}
    assert {p["client_order_id"] for p in desk.posts} == {o["client_order_id"] for o in sent}
    fill_all(desk, DUE[2])
    run(database, real, DUE[2])
    filled = [o for o in orders(database) if o["day"] == DUE[1]]
    assert {o["state"] for o in filled} == {"filled"}
    held = query(
        database.reader, "SELECT symbol, quantity FROM positions WHERE account_id = 'alpaca' AND session_date = %(d)s",
        {"d": DUE[2]},
    )  # fmt: skip
    assert {r["symbol"]: r["quantity"] for r in held if r["quantity"]} == {
        s: q for s, q in desk.positions.items() if q
    }
    cash = query(
        database.reader, "SELECT cash_usd FROM account_snapshots WHERE account_id = 'alpaca' AND session_date = %(d)s",
        {"d": DUE[2]},
    )  # fmt: skip
    assert float(cash[0]["cash_usd"]) == pytest.approx(desk.cash)
    assert not query(database.reader, "SELECT 1 FROM kill_switch WHERE engaged")
    assert failed_checks(database.reader) == []


def test_after_an_outage_only_the_newest_sessions_orders_are_sent(prepared, real, desk):
    database = prepared(STAGE)
    run(database, real, DUE[1])
    for name in list(desk.orders):
        desk.orders[name]["status"] = "expired"
    run(database, real, DUE[4])
    days = {
        o["day"]: {x["state"] for x in orders(database) if x["day"] == o["day"]} for o in orders(database)
    }
    assert days[DUE[1]] == {"expired"} and days[DUE[4]] <= {"accepted"}
    for missed in DUE[2:4]:
        assert days.get(missed, {"expired"}) == {"expired"}
    reasons = {o["reason"] for o in orders(database) if o["day"] in DUE[2:4]}
    assert reasons <= {"missed: a later session is sent"}


def test_without_an_approval_nothing_is_sent_and_the_session_ends(prepared, real, desk):
    database = prepared(STAGE)
    run(database, real, DUE[1], approve=False)
    assert not desk.posts and {o["state"] for o in orders(database)} == {"blocked"}
    done = query(
        database.reader,
        "SELECT status FROM stage_runs WHERE stage = 'risk_execution' AND session_date = %(d)s",
        {"d": dt.date.fromisoformat(DUE[1])},
    )
    assert done[0]["status"] == "completed"


def test_what_nobody_knows_latches_and_nothing_is_sent(prepared, real, desk):
    database = prepared(STAGE)
    run(database, real, DUE[1])
    fill_all(desk, DUE[2])
    desk.positions["TSLA"] = 7
    posts = len(desk.posts)
    run(database, real, DUE[2])
    (switch,) = query(database.reader, "SELECT cause, reason FROM kill_switch WHERE engaged")
    assert switch["cause"] == "reconciliation" and "TSLA 7 at the broker" in switch["reason"]
    assert len(desk.posts) == posts


def test_an_account_that_holds_something_is_adopted_by_command_only(prepared, real, desk):
    database = prepared(STAGE)
    desk.positions["AAPL"] = 3
    with pytest.raises(BlockedError, match="make adopt"):
        run(database, real, DUE[1])
    assert not orders(database)
    broker = open_broker(real)
    opened = open_account(database.writer, broker, dt.date.fromisoformat(DUE[0]), adopt=True)
    with pytest.raises(BlockedError, match="taken over before"):
        open_account(database.writer, broker, opened.session, adopt=True)
    desk.account |= {"account_number": "PA3STUB00002"}
    with pytest.raises(BlockedError, match=r"another account.*make adopt"):
        run(database, real, DUE[1])
    again = open_account(database.writer, broker, opened.session, adopt=True)
    assert (opened.account, again.account) == ("alpaca", "alpaca-2")
    closed = query(database.reader, "SELECT id, broker_account FROM accounts WHERE closed_at IS NOT NULL")
    assert [(r["id"], r["broker_account"]) for r in closed] == [("alpaca", "PA3STUB00001")]
    run(database, real, DUE[1])
    held = query(database.reader, "SELECT symbol, quantity, cost_basis_usd FROM positions "
                 "WHERE account_id = 'alpaca-2' AND quantity <> 0 AND session_date = %(d)s", {"d": DUE[0]})  # fmt: skip
    assert [(r["symbol"], r["quantity"], r["cost_basis_usd"]) for r in held] == [("AAPL", 3, 30)]
    assert not query(database.reader, "SELECT 1 FROM kill_switch WHERE engaged")
    assert failed_checks(database.reader) == []


def live(desk):
    return [row["symbol"] for row in desk.orders.values() if row["status"] == "accepted"]


def test_an_order_whose_open_has_gone_by_is_cancelled_before_the_next_is_made(prepared, real, desk):
    """Sent late, it waits at the broker for another open, where it would fill beside the next session's."""
    database = prepared(STAGE)
    run(database, real, DUE[1])
    late = live(desk)
    run(database, real, DUE[2])
    assert late and len(live(desk)) == len(set(live(desk)))
    states = {o["state"] for o in orders(database) if o["day"] == DUE[1]}
    assert states == {"cancelled"}
    told = query(database.reader, "SELECT symbol FROM audit_events WHERE event_type = 'execution.blocked' "
                 "AND payload->>'reason' = 'cancelled'")  # fmt: skip
    assert sorted(r["symbol"] for r in told) == sorted(late)
    assert failed_checks(database.reader) == []


def test_a_symbol_is_not_ordered_while_an_older_order_stays_open(prepared, real, desk):
    database = prepared(STAGE)
    run(database, real, DUE[1])
    late, answer = live(desk), desk.answer
    desk.answer = lambda method, *rest: (204, None) if method == "DELETE" else answer(method, *rest)
    with pytest.raises(RetryableError, match="blocked"):
        run(database, real, DUE[2])
    assert len(live(desk)) == len(set(live(desk)))
    newest = {o["symbol"]: (o["state"], o["reason"]) for o in orders(database) if o["day"] == DUE[2]}
    blocked = {s for s, what in newest.items() if what == ("blocked", f"an order of {DUE[1]} is still out")}
    assert blocked == set(late) & newest.keys() and blocked


def test_nothing_is_sent_once_its_open_has_gone_by(prepared, real, desk):
    database = prepared(STAGE)
    desk.time = f"{DUE[2]}T09:30:00.000000001-05:00"
    run(database, real, DUE[1])
    assert not desk.posts
    assert {(o["state"], o["reason"]) for o in orders(database)} == {
        ("blocked", f"its open, {DUE[2]} 14:30 UTC, has gone by: it is {DUE[2]} 14:30 at the broker")
    }
    assert failed_checks(database.reader) == []


def test_a_dry_run_stops_a_session_that_has_begun(prepared, real, desk):
    database = prepared(STAGE)
    context = plan(database, real, DUE[1])
    taken = iter([""])
    desk.plan = lambda method, _path: next(taken, "429_before") if method == "POST" else ""
    with pytest.raises(RetryableError, match="failed"):
        take_step(again(context), "submit_orders")
    desk.plan, posts = lambda _method, _path: "", len(desk.posts)
    rest = [o["symbol"] for o in orders(database) if o["state"] == "unknown"]
    assert rest and not [o for o in orders(database) if o["state"] == "planned"]
    stage = again(context, dry_run=True)
    for step in AFTER:
        take_step(stage, step)
    assert len(desk.posts) == posts


def test_a_dry_run_leaves_planned_what_was_approved_before_it(prepared, real, desk):
    database = prepared(STAGE)
    context = plan(database, real, DUE[1])
    stage = again(context, dry_run=True)
    for step in AFTER:
        take_step(stage, step)
    assert not desk.posts and {(o["state"], o["reason"]) for o in orders(database)} == {("planned", "dry_run")}
    (approval,) = query(database.reader, "SELECT status FROM order_approvals")
    assert approval["status"] == "approved"  # not used up
    told = query(database.reader, "SELECT payload FROM audit_events WHERE event_type = 'execution.blocked'")
    assert [r["payload"] for r in told] == [{"reason": "dry_run"}]
    take_step(again(context), "submit_orders")
    assert not desk.posts and failed_checks(database.reader) == []


def test_a_dividend_paid_long_ago_explains_itself_for_good(prepared, real, desk, monkeypatch):
    monkeypatch.setattr(truth, "LATE", dt.timedelta(days=1))  # that of fills; there are nine sessions only
    database = prepared(STAGE)
    run(database, real, DUE[1])
    fill_all(desk, DUE[2])
    symbol, held = next((s, q) for s, q in desk.positions.items() if q > 0 and s != "AAPL")
    change(database, "INSERT INTO corporate_actions (symbol, ex_date, action_type, value, source, batch_id, known_at, "
           "inferred) VALUES (%s, %s, 'dividend', 2, 'test', 1, '2005-01-01', false)", [symbol, DUE[3]])  # fmt: skip
    desk.pay("DIV", DUE[3], 2.0 * held, symbol)
    run(database, real, DUE[3])
    credited = query(database.reader, "SELECT -amount_usd AS usd FROM ledger_entries "
                     "WHERE account_id = 'alpaca' AND ledger_account = 'dividend'")  # fmt: skip
    assert [float(r["usd"]) for r in credited] == [2.0 * held]
    desk.positions["AAPL"] *= 2
    for session in DUE[4:6]:  # what was out after that of the payment is read from then on
        run(database, real, session)
    assert not query(database.reader, "SELECT reason FROM kill_switch WHERE engaged")
