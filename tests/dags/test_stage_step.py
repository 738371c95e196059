"""The operator: one run's sessions, errors sorted into retried and not, and nothing but counts in XCom."""

from __future__ import annotations

import datetime as dt
import importlib
from types import SimpleNamespace

import pytest

from data_layer.features.registry import catalogue, feature_sets
from data_layer.storage.database import transaction
from models.errors import BlockedError, ConfigError, DataQualityError, RetryableError
from plugins.stages.context import CHAIN
from tests.conftest import SMALL
from tests.support.chain import STEPS, query
from tests.support.prepared import DUE, ENDS, hashes, prepared

__all__ = ["prepared"]


class Run:
    """One DAG run as its tasks see it; remembers what went to XCom."""

    def __init__(self, stage, run_id="run", logical_date=None, user="", **params):
        self.stage = stage
        self.xcom = {}
        empty = {"start": None, "end": None, "symbols": None, "restate": False}
        self.context = {
            "dag_run": SimpleNamespace(
                dag_id=stage, run_id=run_id, logical_date=logical_date, triggering_user_name=user
            ),
            "params": {**empty, **params},
            "ti": SimpleNamespace(xcom_push=self.push, xcom_pull=lambda task_ids, key: self.xcom.get(key)),
        }

    def push(self, key, value):
        self.xcom[key] = value

    def take(self, step, **arguments):
        from airflow.sdk import DAG

        from plugins.operators.stage_step import StageStepOperator

        first = STEPS[self.stage][0]
        with DAG(self.stage, schedule=None):
            task = StageStepOperator(task_id=step, first_step=first, arguments=arguments)
        returned = task.execute(self.context)
        self.xcom[f"{step} {arguments}"] = returned
        return returned

    def take_all(self):
        for step in STEPS[self.stage]:
            if step == "execute_strategies":
                for model in self.xcom["load_registered_models {}"]:
                    self.take(step, model_id=model)
            elif step == "calculate_all_model_performance":
                self.take(step, model_ids=self.xcom["get_active_models {}"])
            else:
                self.take(step)


@pytest.fixture
def connect(monkeypatch, small_settings):
    """Sets what a task of a home finds in its environment."""

    def to(uri):
        monkeypatch.setenv("AIRFLOW_CONN_QUANT_DATA", uri.replace("postgresql://", "postgres://", 1))
        monkeypatch.setenv("ALMANAC_HOME", str(small_settings.almanac_home))
        for name, value in SMALL.items():
            monkeypatch.setenv(name.upper(), value)

    return to


def plain(value):
    """True for what XCom may carry: counts, ids, dates, names."""
    if isinstance(value, dict):
        return all(isinstance(k, str) and plain(v) for k, v in value.items())
    if isinstance(value, list):
        return all(isinstance(v, int | str) for v in value) and len(value) < 100
    return value is None or isinstance(value, int | bool | str)


def test_a_chain_of_tasks_does_what_the_stages_do(prepared, connect):
    database = prepared(CHAIN[0])
    connect(database.writer)
    for stage in CHAIN:
        run = Run(stage, end=ENDS[stage])
        run.take_all()
        assert all(plain(value) for value in run.xcom.values()), run.xcom
        assert len(str(run.xcom)) < 3000
        again = Run(stage, run_id="run again", end=ENDS[stage])
        again.take_all()
        assert again.xcom["window"]["mode"] == "nothing"
    assert hashes(database.writer) == hashes(prepared("").writer)


def test_all_tasks_of_a_run_are_about_the_same_sessions(prepared, connect):
    database = prepared("model_execution")
    connect(database.writer)
    run = Run("model_execution", end=DUE[3])
    run.take("register_models")
    run.context["params"]["end"] = None  # whatever would be resolved now
    assert run.take("fetch_latest_features") == {"sessions": 4}


def test_two_dags_tests_of_one_date_are_two_runs(prepared, connect):
    database = prepared("")
    connect(database.writer)
    day = dt.datetime(2005, 2, 18, tzinfo=dt.UTC)
    for _ in range(2):
        Run("data_ingestion", run_id="manual__2005-02-18", logical_date=day, user="dag_test").take_all()
    runs = query(database.reader, "SELECT DISTINCT run_id FROM ingestion_batches WHERE run_id LIKE 'manual%'")
    assert len(runs) == 2


def test_settings_and_data_fail_at_once(prepared, connect):
    from airflow.sdk.exceptions import AirflowFailException

    connect(prepared("risk_execution").writer)
    with pytest.raises(AirflowFailException, match=r"risk_execution.*not a date.*start.*soon.*YYYY-MM-DD"):
        Run("risk_execution", start="soon").take("reconcile_fills")


def test_a_lost_database_is_retried(connect, prepared):
    connect(
        prepared("risk_execution").writer.replace(f":{prepared('').server.home.port('postgres')}/", ":1/")
    )
    with pytest.raises(RetryableError, match="no connection to the database"):
        Run("risk_execution").take("reconcile_fills")


@pytest.mark.parametrize(
    "family", [ConfigError, DataQualityError, BlockedError, RetryableError, ZeroDivisionError]
)
def test_errors_by_what_to_do_next(prepared, connect, monkeypatch, family):
    from airflow.sdk.exceptions import AirflowFailException

    database = prepared("risk_execution")
    connect(database.writer)
    stage = importlib.import_module("plugins.stages.risk").RiskExecution

    def fail(self):
        raise family("no luck")

    monkeypatch.setattr(stage, "reconcile_fills", fail)
    expected = family if family in {RetryableError, ZeroDivisionError} else AirflowFailException
    with pytest.raises(expected, match="no luck"):
        Run("risk_execution").take("reconcile_fills")
    noted = query(database.reader, "SELECT session_date, detail FROM stage_runs WHERE status = 'failed'")
    assert [(str(r["session_date"]), r["detail"]["error"]) for r in noted] == [
        (DUE[0], f"{family.__name__}: no luck")
    ]


def test_a_failure_that_cannot_be_noted_is_still_told(prepared, connect, monkeypatch):
    connect(prepared("risk_execution").writer)
    stage = importlib.import_module("plugins.stages.risk").RiskExecution

    def fail(self):
        raise ZeroDivisionError("the first")

    def fail_too(*_args, **_more):
        raise RetryableError("the second")

    monkeypatch.setattr(stage, "reconcile_fills", fail)
    monkeypatch.setattr(importlib.import_module("plugins.stages.runs"), "record_failure", fail_too)
    with pytest.raises(ZeroDivisionError, match="the first"):
        Run("risk_execution").take("reconcile_fills")


def test_without_a_first_task_the_others_say_so(prepared, connect):
    from airflow.sdk.exceptions import AirflowFailException

    connect(prepared("model_execution").writer)
    with pytest.raises(
        AirflowFailException, match=r"first task has not settled its sessions.*register_models"
    ):
        Run("model_execution").take("store_trading_signals")


def test_a_spoilt_feature_fails_the_days_check(prepared, connect):
    from airflow.sdk.exceptions import AirflowFailException

    database = prepared("feature_engineering")
    connect(database.writer)
    run = Run("feature_engineering", end=DUE[-1])
    for step in ("calculate_technical_indicators", "prepare_model_features"):
        run.take(step)
    assert run.take("check_feature_drift")["values"] == 3 * sum(len(catalogue(s)) for s in feature_sets())
    spoil = "UPDATE feature_values SET values[1] = 123 WHERE date = %(day)s AND feature_set = 'alpha158'"
    with transaction(database.owner) as connection:
        assert connection.execute(spoil, {"day": DUE[-1]}).rowcount == 3
    with pytest.raises(
        AirflowFailException, match=r"not what a recompute gives.*alpha158\.kmid.*stored.*123"
    ):
        run.take("check_feature_drift")
