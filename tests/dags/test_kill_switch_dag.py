"""kill_switch: its form, its schedule, and its operator on a real database."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace

import pytest
from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowFailException

from plugins.execution.sending import send_batch
from plugins.operators.kill_switch import KillSwitchOperator
from tests.support.alpaca_stub import ACCOUNT as STUB
from tests.support.alpaca_stub import serve
from tests.support.chain import query
from tests.support.dags import parse_dags
from tests.support.prepared import change
from tests.support.real_account import ACCOUNT, SESSION, approve_all, broker_at, open_account, plan_orders


def test_the_form_offers_what_there_is_and_only_a_live_source_drills_by_itself():
    dag = parse_dags()["dags"]["kill_switch"]
    assert (dag["params"], dag["waits_for"]) == ({"action": "drill", "reason": None}, "None")
    live = parse_dags(SOURCE="yfinance", START="2020-01-02")
    assert "0 12 * * 6#1" in live["dags"]["kill_switch"]["waits_for"]


def test_the_operator_latches_arms_and_drills(database, monkeypatch):
    change(database, "INSERT INTO accounts (id, broker, initial_cash_usd) VALUES ('paper', 'simulated', 1000)")
    monkeypatch.setattr(
        BaseHook, "get_connection", classmethod(lambda *_: SimpleNamespace(get_uri=lambda: database.writer))
    )
    run = SimpleNamespace(run_id="manual", logical_date=None, run_after=dt.datetime(2024, 7, 6, tzinfo=dt.UTC))

    def operate(action, reason=""):
        operator = KillSwitchOperator(task_id="operate_kill_switch", action=action, reason=reason)
        return operator.execute({"dag_run": run})

    assert operate("drill") == {"proved": 6}
    assert operate("latch", "no trust") == {"accounts": 1, "cancelled": 0, "at_broker": {}}
    with pytest.raises(AirflowFailException, match="a reason is needed"):
        operate("rearm")
    assert operate("rearm", "mended") == {"accounts": 1}
    (row,) = query(database.reader, "SELECT session_date FROM audit_events WHERE event_type = 'risk.drill'")
    assert row["session_date"] == dt.date(2024, 7, 6)


def test_latching_cancels_at_a_real_broker_too(database, monkeypatch):
    monkeypatch.setattr(
        BaseHook, "get_connection", classmethod(lambda *_: SimpleNamespace(get_uri=lambda: database.writer))
    )
    open_account(database.owner)
    plan_orders(database.owner, ["AAPL"])
    change(database, "INSERT INTO account_adoptions VALUES ('alpaca', '2024-07-01', 1, '{}')")
    approve_all(database.writer)
    operator = KillSwitchOperator(task_id="operate_kill_switch", action="latch", reason="no trust")
    run = {"dag_run": SimpleNamespace(run_id="manual", logical_date=dt.datetime(2024, 7, 6, tzinfo=dt.UTC))}
    with serve() as desk:
        send_batch(database.writer, ACCOUNT, SESSION, broker_at(desk), run_id="run")
        with pytest.raises(AirflowFailException, match="1 orders are out at alpaca and stay there"):
            operator.execute(run)
        named = {"BROKER": "alpaca", "ALPACA_PAPER_KEY": "k", "ALPACA_PAPER_SECRET": "s", "ALPACA_PAPER_URL": desk.url,
                 "ALPACA_ACCOUNT_ID": STUB["id"]}  # fmt: skip
        for name, value in named.items():
            monkeypatch.setenv(name, value)
        assert operator.execute(run)["at_broker"] == {"cancelled": 1}
        assert [row["status"] for row in desk.orders.values()] == ["canceled"]
