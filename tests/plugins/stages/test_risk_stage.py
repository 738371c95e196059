"""risk_execution: what stops an order stops it, and a session keeps the rules it began with."""

from __future__ import annotations

import dataclasses
from decimal import Decimal

import pytest

from models.errors import ConfigError
from plugins.stages import deciding
from tests.support.books import STAGE, assert_sound, audit, decisions, held, orders, throw
from tests.support.chain import STEPS, open_stage, query, run_stage, take_step
from tests.support.prepared import DUE, END, change, hashes, prepared

__all__ = ["prepared"]
DECIDED = (
    "target_positions", "risk_decisions", "orders", "fills", "positions", "ledger_entries",
    "account_snapshots",
)  # fmt: skip
FIRST = DUE[0]


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
    assert held(database, "2005-02-25") == held(database, FIRST)
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
    for step in STEPS[STAGE][:4]:
        take_step(stage, step)
    throw(database)
    run_stage(database.writer, small_settings, STAGE)  # the next run finds the session among its earlier ones
    assert {d["decision"] for d in decisions(database, FIRST)} == {"approved"}
    assert orders(database, FIRST) == []
    assert len(audit(database, "execution.blocked", FIRST)) == 1
    throw(database, engaged=False)
    assert_sound(database, small_settings)


def test_kill_switch_thrown_after_submitting_cancels_what_is_out(prepared, small_settings):
    database = prepared(STAGE)
    stage = open_stage(database.writer, small_settings, STAGE, end=FIRST)
    for step in STEPS[STAGE][:5]:
        take_step(stage, step)
    assert orders(database, FIRST)
    throw(database)
    for step in STEPS[STAGE][4:]:  # the task is run a second time
        take_step(stage, step)
    assert {(o["state"], o["reason"]) for o in orders(database, FIRST)} == {
        ("cancelled", "kill switch: the market is mad")
    }
    assert audit(database, "execution.blocked", FIRST) == []
    before = held(database, FIRST)
    throw(database, engaged=False)
    run_stage(database.writer, small_settings, STAGE)
    assert {o["state"] for o in orders(database, FIRST)} == {"cancelled"}
    assert query(database.reader, "SELECT 1 FROM fills WHERE session_date = %(d)s", {"d": DUE[1]}) == []
    assert {s: q for s, q in held(database, DUE[1]).items() if q} == {s: q for s, q in before.items() if q}
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


def test_a_session_decided_before_the_ensemble_is_not_decided_again_and_says_so(prepared, small_settings):
    database = prepared("")
    assert_sound(database, small_settings)
    change(database, "UPDATE stage_runs SET detail = detail #- '{rules,ensemble}' "
                     "WHERE stage = %s AND session_date < %s", [STAGE, DUE[2]])  # fmt: skip
    change(database, "UPDATE stage_runs SET detail = detail - 'rules' WHERE stage = %s AND session_date = %s",
           [STAGE, DUE[0]])  # fmt: skip
    with pytest.raises(ConfigError, match=f"before there was an ensemble.*{DUE[0]}.*start={DUE[2]}"):
        run_stage(database.writer, small_settings, STAGE, start=DUE[0], end=DUE[-1])
    with pytest.raises(ConfigError, match=f"before there was an ensemble.*{DUE[0]}.*from now on"):
        run_stage(database.writer, small_settings, STAGE, start=DUE[0])
    run_stage(database.writer, small_settings, STAGE, start=DUE[2], end=DUE[-1])


def test_a_failed_session_keeps_its_rules_too(prepared, small_settings, monkeypatch):
    calm, troubled = prepared(STAGE), prepared(STAGE)
    run_stage(calm.writer, small_settings, STAGE)

    real = deciding.build_targets

    def fail(session, *args, **kwargs):
        if str(session) == END:
            raise RuntimeError("no luck")
        return real(session, *args, **kwargs)

    monkeypatch.setattr(deciding, "build_targets", fail)
    with pytest.raises(RuntimeError, match="no luck"):
        run_stage(troubled.writer, small_settings, STAGE)
    failed = query(troubled.reader, "SELECT session_date, detail FROM stage_runs WHERE status = 'failed'")
    assert [(str(r["session_date"]), r["detail"]["error"]) for r in failed] == [
        (END, "RuntimeError: no luck")
    ]
    monkeypatch.setattr(deciding, "build_targets", real)
    change(troubled, "UPDATE risk_limits SET threshold = 0.002 WHERE name = 'max_position'")
    run_stage(troubled.writer, small_settings, STAGE)
    assert hashes(troubled.writer, *DECIDED, "stage_runs") == hashes(calm.writer, *DECIDED, "stage_runs")


def test_a_drawdown_latches_the_switch_and_history_goes_on_after_it(prepared, small_settings):
    database = prepared(STAGE)
    change(database, "UPDATE portfolio_settings SET rearm_sessions = 2")
    change(database, "UPDATE risk_limits SET threshold = 0.0002 WHERE name = 'max_drawdown'")
    run_stage(database.writer, small_settings, STAGE)
    events = query(
        database.reader,
        "SELECT session_date, action, cause, by_itself FROM kill_switch_events ORDER BY session_date, id",
    )
    assert [e["action"] for e in events[:2]] == ["latched", "rearmed"]
    assert {(e["cause"], e["by_itself"]) for e in events} == {("drawdown", True)}
    first, armed = (str(e["session_date"]) for e in events[:2])
    assert DUE.index(armed) - DUE.index(first) == 2
    between = DUE[DUE.index(first) : DUE.index(armed)]
    assert {d["decision"] for d in decisions(database, *between)} <= {"rejected"}
    assert orders(database, *between) == []
    assert orders(database, *DUE)
    assert [e["payload"]["cause"] for e in audit(database, "risk.latched", first)] == ["drawdown"]
    assert_sound(database, small_settings)
