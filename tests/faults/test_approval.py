"""Orders for Alpaca's stub wait in a real Airflow: an approval sends them, no answer blocks them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from data_layer.runtime.airflow_api import AirflowApi
from data_layer.runtime.home import Home
from data_layer.settings import Settings, parse_settings
from data_layer.storage.database import transaction
from tests.support.alpaca_stub import ACCOUNT as STUB
from tests.support.alpaca_stub import Desk, serve
from tests.support.chain import query, run_stage
from tests.support.prepared import DUE, EAGER
from tests.support.running import running_home, wait_for

pytestmark = pytest.mark.faults
UPSTREAM = ("data_ingestion", "feature_engineering", "model_execution")
STAGE, TASK = "risk_execution", "approve_orders"


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with serve() as running:
        yield running


@pytest.fixture(scope="module")
def running(tmp_path_factory, desk) -> Iterator[tuple[Home, Settings]]:
    """A home with everything running, whose orders go to the stub."""
    path = tmp_path_factory.mktemp("approval") / "home"
    values = {"SYMBOLS": "AAPL MSFT GOOG", "START": "2004-01-02", "END": "2005-12-30", "BROKER": "alpaca",
              "ALPACA_PAPER_KEY": "k", "ALPACA_PAPER_SECRET": "s", "ALPACA_ACCOUNT_ID": STUB["id"],
              "ALPACA_PAPER_URL": desk.url}  # fmt: skip
    with running_home(path, values, EAGER) as services:
        yield services.home, parse_settings(path, values)


def begin(running: tuple[Home, Settings], session: str) -> str:
    """Bring the stages before up to a session, start the stage, and return its run once it waits for an answer."""
    home, settings = running
    for stage in UPSTREAM:
        run_stage(home.uri("quant_writer"), settings, stage, **({"end": session} if stage == UPSTREAM[0] else {}))
    api = AirflowApi(home)
    wait_for("the DAG", lambda: STAGE in api.dag_ids())
    run = api.trigger(STAGE, {})
    wait_for("the question", lambda: state_of(home, "task_instance", run, TASK) == "awaiting_input")
    # An answer within the second, before the scheduler has heard that the task's process is gone, starts the task anew:
    # then it asks again. Nobody answers as fast.
    heard = f"executor event with state success for task instance TaskInstanceKey(dag_id='{STAGE}', task_id='{TASK}', "
    log = home.logs / "scheduler.log"
    wait_for("the scheduler", lambda: f"{heard}run_id='{run}'" in log.read_text(errors="replace"))
    return run


def state_of(home: Home, table: str, run: str, task: str = "") -> str:
    only = " AND task_id = %(task)s" if task else ""
    rows = query(home.uri("airflow", "airflow"),
                 f"SELECT state FROM {table} WHERE dag_id = '{STAGE}' AND run_id = %(run)s{only}",
                 {"run": run, "task": task})  # fmt: skip
    return rows[0]["state"] if rows else ""


def orders_of(home: Home, session: str) -> set[str]:
    rows = query(home.uri("quant_reader"), "SELECT state FROM orders WHERE session_date = %(day)s", {"day": session})
    return {row["state"] for row in rows}


def approval_of(home: Home, session: str) -> tuple[str, str]:
    statement = "SELECT status, decided_by FROM order_approvals WHERE session_date = %(day)s"
    (row,) = query(home.uri("quant_reader"), statement, {"day": session})
    return row["status"], row["decided_by"]


def test_an_approval_through_airflow_sends_the_batch(running, desk):
    home, _ = running
    run = begin(running, DUE[1])
    assert not desk.posts and orders_of(home, DUE[1]) == {"planned"}
    AirflowApi(home).answer(STAGE, run, TASK, "Approve")
    wait_for("the run", lambda: state_of(home, "dag_run", run) == "success")
    assert desk.posts and orders_of(home, DUE[1]) == {"accepted"}
    assert approval_of(home, DUE[1]) == ("used", "admin")


def blocked_events(home: Home, session: str) -> int:
    statement = "SELECT symbol FROM audit_events WHERE event_type = 'execution.blocked' AND session_date = %(day)s"
    return len(query(home.uri("quant_reader"), statement, {"day": session}))


def test_no_answer_in_time_blocks_the_batch(running, desk):
    home, _ = running
    for row in desk.orders.values():
        row["status"] = "expired"
    posts = len(desk.posts)
    run = begin(running, DUE[2])
    with transaction(home.uri("airflow", "airflow")) as connection:  # half an hour later
        connection.execute(
            "UPDATE task_instance SET trigger_timeout = now() - interval '1 minute' WHERE run_id = %s AND task_id = %s",
            [run, TASK],
        )
    wait_for("the run", lambda: state_of(home, "dag_run", run) == "success")
    assert len(desk.posts) == posts and orders_of(home, DUE[2]) == {"blocked"}
    assert approval_of(home, DUE[2]) == ("rejected", "nobody in time")
    assert blocked_events(home, DUE[2]) > 0
