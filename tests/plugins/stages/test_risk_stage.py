"""risk_execution: what stops an order stops it, each session keeps the rules it began with, the books are right."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import defaultdict
from decimal import ROUND_HALF_EVEN, Decimal

import psycopg
import pytest

from models.errors import DataQualityError
from plugins.stages import trading_day
from tests.support.chain import STEPS, open_stage, query, run_stage, take_step
from tests.support.prepared import DUE, END, MIDDLE, SPLIT, change, failed_checks, hashes

STAGE = "risk_execution"
DECIDED = (
    "target_positions",
    "risk_decisions",
    "orders",
    "fills",
    "positions",
    "ledger_entries",
    "account_snapshots",
)
FIRST = DUE[0]


def throw(database, engaged=True, reason="the market is mad"):
    change(
        database,
        "INSERT INTO kill_switch (account_id, engaged, reason) VALUES ('paper', %(engaged)s, %(reason)s) "
        "ON CONFLICT (account_id) DO UPDATE SET engaged = excluded.engaged, reason = excluded.reason",
        {"engaged": engaged, "reason": reason},
    )


def decisions(database, *days):
    return query(
        database.reader,
        "SELECT * FROM risk_decisions WHERE session_date = ANY(%(days)s) ORDER BY session_date, symbol",
        {"days": [dt.date.fromisoformat(d) for d in days]},
    )


def orders(database, *days):
    return query(
        database.reader,
        "SELECT * FROM orders WHERE session_date = ANY(%(days)s) ORDER BY session_date, symbol",
        {"days": [dt.date.fromisoformat(d) for d in days]},
    )


def audit(database, kind, day):
    return query(
        database.reader,
        "SELECT symbol, payload FROM audit_events WHERE event_type = %(kind)s AND session_date = %(day)s",
        {"kind": kind, "day": day},
    )


def held(database, day):
    rows = query(
        database.reader, "SELECT symbol, quantity FROM positions WHERE session_date = %(d)s", {"d": day}
    )
    return {r["symbol"]: r["quantity"] for r in rows}


def assert_sound(database, settings):
    """All invariants hold, and every session can be decided again."""
    assert failed_checks(database.reader) == []
    before = hashes(database.writer)
    run_stage(database.writer, settings, STAGE, start="2005-02-14", end=END)
    assert hashes(database.writer) == before


def test_kill_switch_rejects_everything_with_its_reason(prepared, small_settings):
    database = prepared(STAGE)
    throw(database)
    run_stage(database.writer, small_settings, STAGE)
    found = decisions(database, *DUE)
    assert found
    assert {d["decision"] for d in found} == {"rejected"}
    assert all("the market is mad" in d["reason"] for d in found)
    assert orders(database, *DUE) == []
    assert len(audit(database, "risk.rejected", FIRST)) == len(decisions(database, FIRST))
    assert held(database, "2005-02-25") == held(database, FIRST)  # but what was ordered before has filled
    throw(database, engaged=False)
    assert_sound(database, small_settings)


def test_kill_switch_thrown_before_submitting_blocks_the_session(prepared, small_settings):
    database = prepared(STAGE)
    run_stage(
        database.writer, small_settings, STAGE, end=FIRST,
        before=lambda step: throw(database) if step == "submit_orders" else None,
    )  # fmt: skip
    assert {d["decision"] for d in decisions(database, FIRST)} == {"approved"}
    assert orders(database, FIRST) == []
    assert audit(database, "execution.blocked", FIRST) == [
        {"symbol": None, "payload": {"reason": "the market is mad"}}
    ]
    throw(database, engaged=False)
    run_stage(database.writer, small_settings, STAGE)
    assert orders(database, DUE[1])
    assert_sound(database, small_settings)


def test_kill_switch_thrown_while_a_run_was_dead_blocks_what_it_had_approved(prepared, small_settings):
    database = prepared(STAGE)
    stage = open_stage(database.writer, small_settings, STAGE, end=FIRST)
    for step in STEPS[STAGE][:3]:
        take_step(stage, step)
    throw(database)
    run_stage(database.writer, small_settings, STAGE)  # the next run finds the session among its earlier ones
    assert {d["decision"] for d in decisions(database, FIRST)} == {"approved"}
    assert orders(database, FIRST) == []
    assert len(audit(database, "execution.blocked", FIRST)) == 1
    throw(database, engaged=False)
    assert_sound(database, small_settings)


def test_kill_switch_thrown_after_submitting_leaves_the_orders_out(prepared, small_settings):
    database = prepared(STAGE)
    stage = open_stage(database.writer, small_settings, STAGE, end=FIRST)
    for step in STEPS[STAGE][:4]:
        take_step(stage, step)
    sent = orders(database, FIRST)
    throw(database)
    for step in STEPS[STAGE][3:]:  # the task is run a second time
        take_step(stage, step)
    assert sent
    assert orders(database, FIRST) == sent
    assert audit(database, "execution.blocked", FIRST) == []
    throw(database, engaged=False)
    run_stage(database.writer, small_settings, STAGE)
    assert {o["state"] for o in orders(database, FIRST)} == {"filled"}
    assert_sound(database, small_settings)


def test_dry_run_only_plans(prepared, small_settings):
    database = prepared(STAGE)
    dry = dataclasses.replace(small_settings, dry_run=True)
    run_stage(database.writer, dry, STAGE, end=DUE[4])
    planned = orders(database, *DUE[:5])
    assert planned
    assert {(o["state"], o["reason"], o["filled_quantity"]) for o in planned} == {("planned", "dry_run", 0)}
    assert audit(database, "execution.blocked", FIRST) == [{"symbol": None, "payload": {"reason": "dry_run"}}]
    run_stage(database.writer, small_settings, STAGE)
    assert orders(database, *DUE[:5]) == planned
    assert {o["state"] for o in orders(database, *DUE[5:-1])} == {"filled"}
    filled = query(database.reader, "SELECT o.session_date FROM fills f JOIN orders o ON o.id = f.order_id")
    assert not {str(r["session_date"]) for r in filled} & set(DUE[:5])
    assert_sound(database, dry)  # either way: a session is compared by the rules it had


def test_changed_limits_are_for_later_sessions(prepared, small_settings):
    database = prepared(STAGE)
    run_stage(database.writer, small_settings, STAGE, end=DUE[2])
    before = decisions(database, *DUE[:3])
    change(database, "UPDATE risk_limits SET threshold = 0.005 WHERE name = 'max_position'")
    run_stage(database.writer, small_settings, STAGE)
    assert decisions(database, *DUE[:3]) == before
    reduced = [d for d in decisions(database, *DUE[3:]) if d["decision"] == "reduced"]
    assert reduced
    for d in reduced:
        check = next(c for c in d["checks"] if c["limit"] == "max_position")
        assert check["threshold"] == 0.005
        assert check["reason"]
        assert check["reason"] in d["reason"]
        ordered = [o for o in orders(database, str(d["session_date"])) if o["symbol"] == d["symbol"]]
        assert [o["signed_quantity"] for o in ordered] == [d["approved_quantity"]]
    change(database, "UPDATE risk_limits SET threshold = 0.5 WHERE name = 'max_position'")
    assert_sound(database, small_settings)


def test_a_session_keeps_the_rules_it_began_with(prepared, small_settings):
    calm, troubled = prepared(STAGE), prepared(STAGE)
    run_stage(calm.writer, small_settings, STAGE, end=FIRST)

    stage = open_stage(troubled.writer, small_settings, STAGE, end=FIRST)
    stricter = dataclasses.replace(
        small_settings,
        full_score_weight=0.01,
        slippage_bps=Decimal(50),
        commission_minimum=Decimal(9),
        dry_run=True,
    )
    for step in STEPS[STAGE]:
        take_step(stage, step)
        change(troubled, "UPDATE risk_limits SET threshold = 0.0002 WHERE name = 'max_position'")
        stage = type(stage)(dataclasses.replace(stage.context, settings=stricter))
    assert hashes(troubled.writer, *DECIDED, "stage_runs", "audit_events") == hashes(
        calm.writer, *DECIDED, "stage_runs", "audit_events"
    )
    run_stage(troubled.writer, stricter, STAGE)
    assert {o["state"] for o in orders(troubled, *DUE[1:])} == {"planned"}
    assert "reduced" in {d["decision"] for d in decisions(troubled, *DUE[1:])}
    assert_sound(troubled, small_settings)


def test_a_failed_session_keeps_its_rules_too(prepared, small_settings, monkeypatch):
    calm, troubled = prepared(STAGE), prepared(STAGE)
    run_stage(calm.writer, small_settings, STAGE)

    real = trading_day.build_targets

    def fail(session, *args, **kwargs):
        if str(session) == END:
            raise RuntimeError("no luck")
        return real(session, *args, **kwargs)

    monkeypatch.setattr(trading_day, "build_targets", fail)
    with pytest.raises(RuntimeError, match="no luck"):
        run_stage(troubled.writer, small_settings, STAGE)
    failed = query(troubled.reader, "SELECT session_date, detail FROM stage_runs WHERE status = 'failed'")
    assert [(str(r["session_date"]), r["detail"]["error"]) for r in failed] == [
        (END, "RuntimeError: no luck")
    ]
    monkeypatch.setattr(trading_day, "build_targets", real)
    change(troubled, "UPDATE risk_limits SET threshold = 0.002 WHERE name = 'max_position'")
    run_stage(troubled.writer, small_settings, STAGE)
    assert hashes(troubled.writer, *DECIDED, "stage_runs") == hashes(calm.writer, *DECIDED, "stage_runs")


def test_an_order_before_a_split_is_sized_in_new_shares(prepared):
    database = prepared("")
    eve = "2005-02-25"
    target = query(database.reader, "SELECT * FROM target_positions WHERE symbol = 'AAPL' AND session_date = %(d)s",
                   {"d": eve})[0]  # fmt: skip
    raw = query(
        database.reader, "SELECT close FROM market_data WHERE symbol = 'AAPL' AND date = %(d)s", {"d": eve}
    )
    assert float(target["reference_price"]) == raw[0]["close"] / 2
    assert target["current_quantity"] == 2 * held(database, eve)["AAPL"] != 0
    traded = [o["signed_quantity"] for o in orders(database, eve) if o["symbol"] == "AAPL"]
    assert traded == [target["target_quantity"] - target["current_quantity"]]
    assert held(database, SPLIT)["AAPL"] == target["target_quantity"]
    assert "check_positions_equal_fills" not in failed_checks(database.reader)


def test_an_order_without_a_bar_expires(prepared, small_settings):
    database = prepared(STAGE)
    change(database, "DELETE FROM market_data WHERE symbol = 'MSFT' AND date = %(d)s", {"d": DUE[1]})
    run_stage(database.writer, small_settings, STAGE)
    order = next(o for o in orders(database, FIRST) if o["symbol"] == "MSFT")
    assert (order["state"], order["filled_quantity"]) == ("expired", 0)
    assert order["reason"] == f"no bar for MSFT on {DUE[1]}"
    assert {"symbol": "MSFT", "payload": {"reason": order["reason"]}} in audit(
        database, "execution.blocked", DUE[1]
    )
    assert held(database, DUE[1])["MSFT"] == held(database, FIRST)["MSFT"]
    last = query(database.reader, "SELECT price_date FROM positions WHERE symbol = 'MSFT' AND session_date = %(d)s",
                 {"d": DUE[1]})  # fmt: skip
    assert str(last[0]["price_date"]) == FIRST
    noted = query(database.reader, "SELECT detail -> 'warnings' AS w FROM stage_runs WHERE stage = %(s)s "
                                   "AND model = '' AND session_date = %(d)s", {"s": STAGE, "d": DUE[1]})  # fmt: skip
    assert noted[0]["w"] == [f"no close for MSFT on {DUE[1]}: the holding stays"]
    assert_sound(database, small_settings)


def test_dividends_are_credited_to_the_cent(prepared):
    """What was held the evening before, times the dividend, and nothing else."""
    database = prepared("")
    due = query(
        database.reader,
        "SELECT a.symbol, a.ex_date, a.value, p.quantity FROM corporate_actions a "
        "JOIN positions p ON p.symbol = a.symbol AND p.session_date = "
        "(SELECT max(session_date) FROM positions WHERE session_date < a.ex_date) "
        "WHERE a.action_type = 'dividend' AND p.quantity <> 0",
    )
    paid = query(
        database.reader,
        "SELECT symbol, session_date, ledger_account, amount_usd FROM ledger_entries WHERE kind = 'dividend'",
    )
    expected = set()
    for row in due:
        amount = (row["value"] * row["quantity"]).quantize(Decimal("0.01"), ROUND_HALF_EVEN)
        expected |= {
            (row["symbol"], row["ex_date"], "cash", amount),
            (row["symbol"], row["ex_date"], "dividend", -amount),
        }
    assert due
    assert {tuple(row.values()) for row in paid} == expected


def test_equity_recomputed_in_plain_python(prepared):
    """From fills, actions and raw closes alone, without any of the code that keeps the books."""
    database = prepared("")
    fills, actions, closes = defaultdict(list), defaultdict(list), defaultdict(dict)
    for row in query(database.reader, "SELECT * FROM fills"):
        fills[row["session_date"]].append(row)
    for row in query(database.reader, "SELECT * FROM corporate_actions ORDER BY action_type DESC"):
        actions[row["ex_date"]].append(row)
    for row in query(database.reader, "SELECT symbol, date, close FROM market_data"):
        closes[row["date"]][row["symbol"]] = Decimal(str(row["close"]))
    cash, shares, prices = Decimal(100_000), defaultdict(int), {}
    snapshots = query(database.reader, "SELECT * FROM account_snapshots ORDER BY session_date")
    for snapshot in snapshots:
        day = snapshot["session_date"]
        for action in actions[day]:  # the split before the dividend
            if action["action_type"] == "split":
                shares[action["symbol"]] = int(shares[action["symbol"]] * action["value"])
            else:
                cash += round(shares[action["symbol"]] * action["value"], 2)
        for fill in fills[day]:
            sign = 1 if fill["side"] == "buy" else -1
            shares[fill["symbol"]] += sign * fill["quantity"]
            cash -= sign * fill["quantity"] * fill["price"] + fill["commission_usd"]
        prices |= closes[day]
        equity = cash + sum(shares[s] * prices[s] for s in prices)
        assert round(equity, 2) == round(snapshot["equity_usd"], 2), day
        assert round(cash, 2) == round(snapshot["cash_usd"], 2), day
    assert len(snapshots) > 290
    assert len({s["equity_usd"] for s in snapshots}) > 200


def test_fills_are_at_the_open_after_slippage(prepared):
    rows = query(
        prepared("").reader,
        "SELECT f.side, f.price, f.quantity, f.commission_usd, b.open FROM fills f "
        "JOIN market_data b ON b.symbol = f.symbol AND b.date = f.session_date",
    )
    assert len(rows) > 100
    for row in rows:
        worse = 1 if row["side"] == "buy" else -1
        assert float(row["price"]) == pytest.approx(row["open"] * (1 + worse * 0.0005), abs=0.0001)
        assert row["commission_usd"] == max(Decimal("1.00"), round(row["quantity"] * Decimal("0.005"), 2))


def test_the_database_refuses_an_order_without_an_approved_decision(prepared, small_settings):
    database = prepared(STAGE)
    throw(database)
    run_stage(database.writer, small_settings, STAGE, end=FIRST)
    refused = decisions(database, FIRST)[0]
    row = {"id": refused["id"], "symbol": refused["symbol"], "day": FIRST}
    for quantity in (1, abs(refused["requested_quantity"])):
        with (
            pytest.raises(psycopg.errors.ForeignKeyViolation),
            psycopg.connect(database.writer) as connection,
        ):
            connection.execute(
                "INSERT INTO orders (client_order_id, risk_decision_id, account_id, session_date, symbol, side, "
                "quantity, reference_price) VALUES (repeat('A', 32), %(id)s, 'paper', %(day)s, %(symbol)s, 'buy', "
                "%(quantity)s, 10)",
                {**row, "quantity": quantity},
            )


def test_the_database_refuses_an_unbalanced_transaction(prepared):
    database = prepared("")
    with pytest.raises(psycopg.errors.CheckViolation), psycopg.connect(database.writer) as connection:
        connection.execute(
            "INSERT INTO ledger_entries (account_id, transaction_key, session_date, kind, ledger_account, amount_usd) "
            "VALUES ('paper', 'x', '2005-03-04', 'deposit', 'cash', 5), "
            "('paper', 'x', '2005-03-04', 'deposit', 'capital', -4)"
        )


SMUGGLED = {
    "a target": "INSERT INTO target_positions (account_id, session_date, symbol, score, target_weight, target_quantity, "
    "current_quantity, reference_price) VALUES ('paper', '2005-02-25', 'ZZZ', 0, 0, 0, 0, 1)",
    "a ledger transaction": "INSERT INTO ledger_entries (account_id, transaction_key, session_date, kind, "
    "ledger_account, amount_usd) VALUES ('paper', 'x', '2005-02-25', 'deposit', 'cash', 5), "
    "('paper', 'x', '2005-02-25', 'deposit', 'capital', -5)",
    "a position": "INSERT INTO positions (account_id, session_date, symbol, quantity, cost_basis_usd, price_date, "
    "market_value_usd, unrealized_pnl_usd, realized_pnl_usd) "
    "VALUES ('paper', '2005-02-25', 'ZZZ', 1, 1, '2005-02-25', 1, 0, 0)",
}


@pytest.mark.parametrize("what", SMUGGLED)
def test_verifying_finds_rows_nobody_decided(prepared, small_settings, what):
    database = prepared("")
    change(database, SMUGGLED[what])
    with pytest.raises(DataQualityError, match="stored rows differ.*stored rows are not computed"):
        run_stage(database.writer, small_settings, STAGE, start="2005-02-25")


def test_without_the_books_of_the_session_before_nothing_is_decided(prepared, small_settings):
    database = prepared(STAGE)
    change(database, "DELETE FROM account_snapshots WHERE session_date = %(d)s", {"d": MIDDLE})
    with pytest.raises(DataQualityError, match=f"no snapshot at the close before.*{MIDDLE}"):
        run_stage(database.writer, small_settings, STAGE)
    assert orders(database, *DUE) == []
