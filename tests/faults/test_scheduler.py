"""A task killed in the middle of each stage while the scheduler runs it: retried, and the tables end the same."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import psycopg
import pytest

from data_layer.runtime.airflow_api import AirflowApi
from data_layer.runtime.home import Home
from plugins.stages.context import CHAIN
from tests.support.chain import query, run_chain, sample_settings
from tests.support.running import (
    assert_as_undisturbed,
    hold,
    running_home,
    running_tasks,
    wait_for,
    wait_until_completed,
    waiting,
)

pytestmark = pytest.mark.faults
WANTED = {"symbols": "AAPL MSFT", "start": "2012-01-03", "end": "2013-03-01"}
# Each round is one daily run, the first one also the history; a table its stage writes is held to catch it there.
ROUNDS = {
    "data_ingestion": ("market_data", "2013-02-25"),
    "feature_engineering": ("feature_values", "2013-02-26"),
    "model_execution": ("signals", "2013-02-27"),
    "risk_execution": ("account_snapshots", "2013-02-28"),
    "performance_testing": ("model_performance", "2013-03-01"),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Iterator[Home]:
    """A home with everything running and nothing loaded."""
    values = {name.upper(): value for name, value in WANTED.items()}
    with running_home(tmp_path_factory.mktemp("scheduled") / "home", values) as running:
        yield running.home


@pytest.mark.parametrize("stage", CHAIN)
def test_killed_task_is_retried(home, stage):
    table, session = ROUNDS[stage]
    with psycopg.connect(home.uri("postgres")) as holder:
        hold(holder, table)
        AirflowApi(home).trigger("data_ingestion", {"end": session})
        wait_for(f"{stage} to write {table}", lambda: waiting(home, table))
        os.kill(wait_for("its process", lambda: running_tasks(home, stage))[0], signal.SIGKILL)
        holder.rollback()
    wait_until_completed(home, session)
    tries = query(
        home.uri("airflow", "airflow"),
        "SELECT max(try_number) AS tries FROM task_instance WHERE dag_id = %(dag)s",
        {"dag": stage},
    )
    assert tries[0]["tries"] >= 2  # it was killed, and tried again


def test_tables_end_as_undisturbed(home, database, tmp_path):
    run_chain(database.writer, sample_settings(tmp_path, **WANTED))
    assert_as_undisturbed(home.uri("quant_writer"), database.writer)
