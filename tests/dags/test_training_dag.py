"""model_training: its form and its five tasks, on a real database as Airflow executes them."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from plugins.ml import training as steps
from tests.conftest import SMALL
from tests.support.chain import query
from tests.support.dags import parse_dags

STEPS = ("build_dataset", "run_walk_forward", "evaluate", "register_version", "promote_or_refuse")


@pytest.fixture(scope="module")
def dag():
    return parse_dags()["dags"]["model_training"]


def take(step, training_run=None, **form):
    """One task, as Airflow executes it."""
    from airflow.sdk import DAG

    from plugins.operators.training_step import TrainingStepOperator

    with DAG("model_training", schedule=None):
        task = TrainingStepOperator(task_id=step, training_run=training_run)
    run = SimpleNamespace(run_id="manual__1", triggering_user_name="admin")
    params = {"model": "alpha158_lightgbm", "parameters": "rounds=5 stop_share=0", "symbols": [], "start": None,
              "end": None, "folds": 3, "train_months": 12, "test_months": 1, "mode": "rolling", "seed": 0}  # fmt: skip
    return task.execute({"params": {**params, **form}, "dag_run": run})


@pytest.fixture
def home(monkeypatch, chained, small_settings, tmp_path):
    monkeypatch.setenv(
        "AIRFLOW_CONN_QUANT_TRAINER", chained.trainer.replace("postgresql://", "postgres://", 1)
    )
    monkeypatch.setenv("ALMANAC_HOME", str(tmp_path))
    monkeypatch.setattr(steps, "track", lambda *_args: {"tracking_run": "none in tests"})
    for name, value in SMALL.items():
        monkeypatch.setenv(name.upper(), value)
    return chained


def test_five_tasks_in_a_row_and_a_form(dag):
    assert tuple(t["id"] for t in dag["tasks"]) == STEPS
    for before, task in zip(STEPS, dag["tasks"][1:], strict=False):
        assert before in task["after"]
    assert (dag["waits_for"], dag["catchup"], dag["paused"], dag["max_active_runs"]) == (
        "None",
        False,
        False,
        1,
    )
    assert {"model", "parameters", "start", "end", "folds", "mode", "seed", "symbols"} <= set(dag["params"])
    assert all(callable(getattr(steps.Training, name)) for name in STEPS)


def test_a_live_source_trains_on_saturdays():
    live = parse_dags(SOURCE="yfinance", START="2020-01-02")["dags"]["model_training"]
    assert (live["expression"], live["zone"]) == ("0 8 * * 6", "America/New_York")


def test_ids_go_from_task_to_task_and_a_refusal_is_no_failure(home):
    run_id = take("build_dataset")
    given = [take(step, training_run=str(run_id)) for step in STEPS[1:]]
    assert given == [3, {"folds": 3, "findings": 0}, 1, "refused"]
    assert len(json.dumps(given)) < 100  # counts and ids only
    (run,) = query(home.trainer, "SELECT * FROM training_runs")
    assert (run["run_key"], run["started_by"], run["error"]) == ("manual__1", "admin", None)
    assert run["finished_at"] is not None


def test_what_a_retry_cannot_mend_fails_at_once_and_stands_in_the_run(home, monkeypatch):
    from airflow.sdk.exceptions import AirflowFailException

    with pytest.raises(AirflowFailException, match=r"no such model family.*did you mean alpha158_lightgbm"):
        take("build_dataset", model="alpha158")
    run_id = take("build_dataset", symbols=["AAPL"])
    with pytest.raises(AirflowFailException, match="one symbol cannot be ranked"):
        take("run_walk_forward", training_run=run_id)
    (run,) = query(home.trainer, "SELECT * FROM training_runs")
    assert "one symbol cannot be ranked" in run["error"]
