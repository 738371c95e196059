"""The waiting task: none with the simulated broker, and never a hang or a pass under `dags test`."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskAwaitingInput
from structlog.contextvars import clear_contextvars, get_contextvars

import plugins.stages.opening
import plugins.stages.risk
from data_layer.storage.database import transaction
from models.errors import ConfigError
from plugins.execution.approval import use_approval
from plugins.operators import order_approval
from plugins.operators.order_approval import OrderApprovalOperator, approval_tasks
from tests.support.chain import query
from tests.support.real_account import ACCOUNT, SESSION, open_account, plan_orders, states


def test_with_the_simulated_broker_there_is_no_such_task(monkeypatch):
    monkeypatch.setenv("BROKER", "simulated")
    assert approval_tasks("reconcile_fills") == []


@pytest.fixture
def waiting(database, monkeypatch):
    """The task of a run with two planned orders; its context by who has started the run."""
    open_account(database.owner)
    plan_orders(database.owner, ["AAPL", "MSFT"])
    monkeypatch.setenv("BROKER", "alpaca")
    monkeypatch.setenv("ORDER_APPROVERS", "anna bert")
    (task,) = approval_tasks("reconcile_fills")
    window = SimpleNamespace(mode="catch_up")
    settings = SimpleNamespace(broker=SimpleNamespace(name="alpaca"), initial_cash=0)
    run = SimpleNamespace(window=window, sessions=[SESSION], request=SimpleNamespace(run_id="run"), settings=settings,
                          stage="risk_execution", uri=database.writer, recomputes=False, correlations=["batch"],
                          say=lambda what, **more: {"said": what, **more})  # fmt: skip
    stage = SimpleNamespace(real=object(), plan_orders=lambda: None, context=run, ALWAYS=())
    monkeypatch.setattr(plugins.stages.opening, "open_context", lambda *_: run)
    monkeypatch.setattr(plugins.stages.risk, "RiskExecution", lambda _run: stage)
    monkeypatch.setattr(order_approval, "database_uri", lambda: database.writer)
    kept: dict[str, object] = {}
    ti = SimpleNamespace(id="x", xcom_push=lambda key, value: kept.update({key: value}),
                         xcom_pull=lambda task_ids, key: kept[key])  # fmt: skip
    asked: list[dict] = []
    monkeypatch.setattr(
        "airflow.providers.standard.operators.hitl.upsert_hitl_detail", lambda **detail: asked.append(detail)
    )

    def context(by):
        return {"dag_run": SimpleNamespace(triggering_user_name=by), "ti": ti, "task_instance": ti}

    yield task, context, asked, database
    clear_contextvars()


def test_it_waits_half_an_hour_for_the_named_users_and_nobodys_answer_is_a_no(waiting):
    task, context, asked, database = waiting
    assert isinstance(task, OrderApprovalOperator)
    with pytest.raises(TaskAwaitingInput):
        task.execute(context("anna"))
    (detail,) = asked
    assert detail["defaults"] == ["Reject"] and [u["id"] for u in detail["assigned_users"]] == [
        "anna",
        "bert",
    ]
    assert "2 orders, 1000.00 USD" in detail["subject"] and "buy 10 AAPL at about 50" in detail["body"]
    assert task.response_timeout == dt.timedelta(minutes=30)
    task.execute_complete(context("anna"), {"chosen_options": ["Reject"], "responded_by_user": None})
    assert "is rejected" in use_approval(database.writer, ACCOUNT, SESSION, "run")
    assert set(states(database).values()) == {"blocked"}


def test_an_approval_by_a_user_lets_the_batch_pass_once(waiting):
    task, context, _, database = waiting
    with pytest.raises(TaskAwaitingInput):
        task.execute(context("anna"))
    event = {"chosen_options": ["Approve"], "responded_by_user": {"id": "1", "name": "anna"}}
    assert task.execute_complete(context("anna"), event)["by"] == "anna"
    assert use_approval(database.writer, ACCOUNT, SESSION, "run") == ""
    with transaction(database.reader) as connection:
        row = connection.execute("SELECT status, decided_by FROM order_approvals").fetchone()
    assert (row["status"], row["decided_by"]) == ("used", "anna")


def test_a_timeout_is_a_no(waiting):
    task, context, _, database = waiting
    with pytest.raises(TaskAwaitingInput):
        task.execute(context("anna"))
    task.execute_complete(context("anna"), {"error": "timeout", "error_type": "timeout"})
    assert "is rejected" in use_approval(database.writer, ACCOUNT, SESSION, "run")


def test_under_dags_test_it_neither_waits_nor_passes(waiting):
    task, context, asked, database = waiting
    said = task.execute(context("dag_test"))
    assert "no approval can arrive" in said["said"] and not asked
    assert "is requested" in use_approval(database.writer, ACCOUNT, SESSION, "run")
    assert set(states(database).values()) == {"blocked"}


def test_a_batch_that_cannot_be_planned_is_noted_as_the_stages_failure_and_logged_as_its_line(waiting, monkeypatch):
    task, context, asked, database = waiting

    def fail():
        raise ConfigError("no limits")

    stage = plugins.stages.risk.RiskExecution(None)
    monkeypatch.setattr(stage, "plan_orders", fail)
    with pytest.raises(AirflowFailException, match="no limits"):
        task.execute(context("anna"))
    fields = get_contextvars()
    assert fields["stage"] == "risk_execution" and fields["correlation_id"] == "batch" and not asked
    (failed,) = query(database.reader, "SELECT session_date, detail FROM stage_runs WHERE status = 'failed'")
    assert (failed["session_date"], failed["detail"]["error"]) == (SESSION, "ConfigError: no limits")
