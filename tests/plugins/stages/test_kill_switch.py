"""The kill switch in the database: who may change it, what it cancels, what it keeps."""

from __future__ import annotations

import datetime as dt

import numpy as np
import psycopg
import pytest
from psycopg import errors

from data_layer.storage.database import transaction
from data_layer.storage.kill_switch import heed_switch, latch, note_by_itself, read_switch, rearm
from data_layer.storage.limits import change_limit, default_limits, load_defaults
from models.errors import BlockedError, ConfigError
from models.risk.base import ALL, Verdict
from plugins.stages import drill as drill_module
from plugins.stages.drill import drill, operate
from plugins.stages.trading_rules import rules_now
from tests.support.chain import query
from tests.support.prepared import change

TODAY = dt.date(2024, 7, 1)


@pytest.fixture
def account(database):
    change(database, "INSERT INTO accounts (id, broker, initial_cash_usd) VALUES ('paper', 'simulated', 1000)")
    return database


def events(database):
    rows = query(database.reader, "SELECT action, cause, by_itself, reason FROM kill_switch_events ORDER BY id")
    return [tuple(r.values()) for r in rows]


def test_an_account_begins_armed_and_every_change_is_kept(account):
    with transaction(account.writer) as connection:
        assert read_switch(connection, "paper").cause == ""
        assert latch(connection, "paper", "no trust") == 0
        assert read_switch(connection, "paper").by_hand == "no trust"
        rearm(connection, "paper", "mended")
        assert read_switch(connection, "paper").last_rearm > 0
    assert events(account) == [("latched", "manual", False, "no trust"), ("rearmed", "manual", False, "mended")]
    trail = query(account.reader, "SELECT event_type FROM audit_events WHERE source = 'kill_switch' ORDER BY ts")
    assert [r["event_type"] for r in trail] == ["risk.latched", "risk.rearmed"]
    for statement in ("UPDATE kill_switch_events SET reason = ''", "DELETE FROM kill_switch_events"):
        with pytest.raises(errors.CheckViolation, match="append-only"):
            change(account, statement)


def test_the_writer_may_change_it_in_no_other_way(account):
    for statement in (
        "UPDATE kill_switch SET engaged = false",
        "INSERT INTO kill_switch (account_id, engaged, reason) VALUES ('paper', false, '')",
        "DELETE FROM kill_switch", "DELETE FROM risk_limits", "UPDATE risk_limits SET name = 'none'",
        "INSERT INTO kill_switch_events (account_id, action, cause, reason) VALUES ('paper', 'rearmed', 'manual', '')",
    ):  # fmt: skip
        with pytest.raises(errors.InsufficientPrivilege), transaction(account.writer) as connection:
            connection.execute(statement)
    with pytest.raises(errors.InsufficientPrivilege), transaction(account.reader) as connection:
        connection.execute("SELECT latch_kill_switch('paper', 'x')")


def test_arming_needs_a_reason_a_latch_and_books_that_reconcile(account):
    def refused(what, message):
        with pytest.raises(BlockedError, match=message), transaction(account.writer) as connection:
            what(connection)

    refused(lambda c: rearm(c, "paper", "why not"), "not latched")
    refused(lambda c: latch(c, "paper", "  "), "a reason is needed")
    for unknown in (latch, rearm):
        with pytest.raises(ConfigError, match=r"no such account .*'nobody'.*name one of: paper"), \
                transaction(account.writer) as connection:  # fmt: skip
            unknown(connection, "nobody", "x")
    with transaction(account.writer) as connection:
        latch(connection, "paper", "found", "reconciliation")
    refused(lambda c: rearm(c, "paper", ""), "a reason is needed")
    change(account, "INSERT INTO account_snapshots (account_id, session_date, cash_usd, securities_usd, equity_usd, "
                    "gross_exposure_usd, net_exposure_usd) VALUES ('paper', '2024-07-01', 7, 0, 7, 0, 0)")  # fmt: skip
    change(account, "INSERT INTO ledger_entries (account_id, transaction_key, session_date, kind, ledger_account, "
                    "amount_usd) VALUES ('paper', 'a', '2024-07-01', 'deposit', 'cash', 5), "
                    "('paper', 'a', '2024-07-01', 'deposit', 'capital', -5)")  # fmt: skip
    refused(lambda c: rearm(c, "paper", "looks fine"), "do not reconcile: check_cash_equals_ledger")
    assert events(account) == [("latched", "reconciliation", False, "found")]


def test_what_a_pass_finds_is_noted_once_and_never_takes_over_a_hand(account):
    latched = {"session_date": "2024-07-01", "action": "latched", "cause": "drawdown", "reason": "deep"}
    armed = {"session_date": "2024-07-31", "action": "rearmed", "cause": "", "reason": "21 sessions after: deep"}
    with transaction(account.writer) as connection:
        note_by_itself(connection, "paper", [latched])
        found = read_switch(connection, "paper")
        assert (found.cause, found.by_hand) == ("drawdown", "")
        note_by_itself(connection, "paper", [latched])  # the next task takes the same steps again
        latch(connection, "paper", "by hand too")
        note_by_itself(connection, "paper", [armed])
        assert read_switch(connection, "paper").by_hand == "by hand too"
        rearm(connection, "paper", "over")
        note_by_itself(connection, "paper", [latched, armed])
        assert read_switch(connection, "paper").cause == ""
    assert events(account) == [
        ("latched", "drawdown", True, "deep"), ("latched", "manual", False, "by hand too"),
        ("rearmed", "drawdown", True, "21 sessions after: deep"), ("rearmed", "manual", False, "over"),
    ]  # fmt: skip


def test_a_latch_waits_for_who_is_claiming_an_order(account):
    with transaction(account.writer) as claiming:
        assert heed_switch(claiming, "paper").reason == ""
        with psycopg.connect(account.writer) as other:
            other.execute("SET lock_timeout = '200ms'")
            with pytest.raises(errors.LockNotAvailable):
                other.execute("SELECT latch_kill_switch('paper', 'now')")
    with transaction(account.writer) as connection:
        latch(connection, "paper", "now")
        assert heed_switch(connection, "paper").reason == "now"


def test_the_drill_proves_it_leaves_its_event_and_nothing_else(account):
    assert operate(account.writer, "drill", "", TODAY) == {"proved": 6}
    (row,) = query(account.reader, "SELECT payload FROM audit_events WHERE event_type = 'risk.drill'")
    assert len(row["payload"]["proved"]) == 6
    for table in ("orders", "target_positions", "kill_switch_events"):
        assert query(account.reader, f"SELECT * FROM {table}") == []
    assert query(account.reader, "SELECT id FROM accounts") == [{"id": "paper"}]


@pytest.mark.parametrize("broken", ["latch", "heed", "rearm", "check"])
def test_the_drill_goes_red_when_the_switch_does_not_hold(account, monkeypatch, broken):
    if broken == "latch":
        monkeypatch.setattr(drill_module, "latch", lambda *a: 0)
    elif broken == "heed":
        monkeypatch.setattr(drill_module, "heed_switch", lambda c, a: read_switch(c, "paper"))
    elif broken == "rearm":
        monkeypatch.setattr(drill_module, "rearm", lambda *a: None)
    else:
        monkeypatch.setattr(drill_module.KillSwitch, "check", lambda self, batch: Verdict(
            np.zeros(1), np.zeros(1), np.full(1, ALL)))  # fmt: skip
    with pytest.raises(BlockedError, match="does not hold"), transaction(account.writer) as connection:
        drill(connection, TODAY)


def test_by_hand_from_airflow(account):
    assert operate(account.writer, "latch", "no trust", TODAY) == {"accounts": 1, "cancelled": 0}
    with pytest.raises(BlockedError, match="a reason is needed"):
        operate(account.writer, "rearm", "", TODAY)
    assert operate(account.writer, "rearm", "mended", TODAY) == {"accounts": 1}
    assert operate(account.writer, "rearm", "again", TODAY) == {"accounts": 0}
    with pytest.raises(ConfigError, match="no such action"):
        operate(account.writer, "explode", "x", TODAY)


def test_limits_are_loaded_once_changed_with_a_reason_and_kept_in_time(account):
    with transaction(account.writer) as connection:
        assert load_defaults(connection) == len(default_limits())
        change_limit(connection, "max_position", "", 0.04, "smaller bets")
        change_limit(connection, "max_position", "IBM", 0.03, "one of many")
        assert load_defaults(connection) == 0
        for bad in (("luck", "", 1.0, "x"), ("luck", "IBM", 1.0, "x"), ("max_position", "", -1.0, "x"),
                    ("max_position", "", 0.1, " "), ("max_sector", "IBM", 0.03, "x")):  # fmt: skip
            with pytest.raises(ConfigError):
                change_limit(connection, *bad)
    rows = query(account.reader, "SELECT symbol, threshold, changed_by, reason FROM risk_limits "
                                 "WHERE name = 'max_position' ORDER BY symbol")  # fmt: skip
    assert [tuple(r.values()) for r in rows] == [
        ("", 0.04, "quant_writer", "smaller bets"), ("IBM", 0.03, "quant_writer", "one of many"),
    ]  # fmt: skip
    (old,) = query(account.reader, "SELECT * FROM risk_limits_history")
    assert (old["name"], old["threshold"]) == ("max_position", 0.05)
    then = query(account.reader, "SELECT threshold FROM risk_limits_as_of(%(t)s) WHERE name = 'max_position'",
                 {"t": old["valid_from"]})  # fmt: skip
    assert [r["threshold"] for r in then] == [0.05]
    with pytest.raises(errors.CheckViolation, match="changed, not removed"):
        change(account, "DELETE FROM risk_limits WHERE name = 'max_position'")


def test_a_symbols_threshold_of_a_limit_that_has_but_one_is_refused_and_an_old_row_not_used(account, small_settings):
    with transaction(account.writer) as connection:
        load_defaults(connection)
        with pytest.raises(ConfigError, match=r"no symbol has .*max_sector SYMBOL=.*IBM.*max_position"):
            change_limit(connection, "max_sector", "IBM", 0.03, "one of many")
        change_limit(connection, "max_position", "IBM", 0.03, "one of many")
    change(account, "INSERT INTO risk_limits (name, symbol, threshold, unit, description, reason) "
                    "SELECT name, 'IBM', 0.03, unit, description, 'old' FROM risk_limits WHERE name = 'max_sector'")
    with transaction(account.writer) as connection:
        rules = rules_now(connection, small_settings, "paper")
    assert rules["overrides"] == {"max_position": {"IBM": 0.03}} and rules["limits"]["max_sector"] == 0.25


def test_settings_of_an_account_keep_their_versions(account):
    change(account, "UPDATE portfolio_settings SET method = 'top_n'")
    (old,) = query(account.reader, "SELECT * FROM portfolio_settings_history")
    (new,) = query(account.reader, "SELECT * FROM portfolio_settings")
    assert (old["method"], new["method"], old["valid_to"]) == ("score_proportional", "top_n", new["valid_from"])
    assert new["rearm_sessions"] == 21
