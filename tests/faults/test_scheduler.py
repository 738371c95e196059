"""A task killed in the middle of each stage while the scheduler runs it: retried, and the tables end the same."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from data_layer.runtime.airflow_api import AirflowApi
from data_layer.runtime.bring_up import bring_up_database, check_source
from data_layer.runtime.home import Home
from data_layer.runtime.services import Services
from data_layer.settings import parse_settings
from data_layer.storage.database import transaction
from data_layer.storage.hashes import table_hashes
from plugins.stages.context import CHAIN
from tests.support.chain import query, run_chain, sample_settings

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
PATIENCE = 240  # seconds for one chain on two busy cores


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Iterator[Home]:
    """A home with everything running and nothing loaded."""
    path = tmp_path_factory.mktemp("scheduled") / "home"
    values = {name.upper(): value for name, value in WANTED.items()}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**values, "ALMANAC_HOME": str(path)}.items():
            patch.setenv(name, value)
        home = Home(path)
        services = Services(home)
        check_source(home, parse_settings(path, values))
        bring_up_database(home, services, print, {})
        services.start_airflow()
        try:
            AirflowApi(home).wait_until_healthy(PATIENCE, home.logs)
            yield home
        finally:
            services.stop()


def wait_for(what: str, check: Callable[[], Any]) -> Any:
    until = time.monotonic() + PATIENCE
    while not (found := check()):
        assert time.monotonic() < until, f"waited in vain for {what}"
        time.sleep(0.2)
    return found


def running_task(home: Home, stage: str) -> int | None:
    """Return the process of the stage's running task, from Airflow's own table."""
    rows = query(
        home.uri("airflow", "airflow"),
        "SELECT pid FROM task_instance WHERE dag_id = %(dag)s AND state = 'running' AND pid IS NOT NULL",
        {"dag": stage},
    )
    return rows[0]["pid"] if rows else None


def is_waiting(home: Home, table: str) -> bool:
    """Tell whether somebody waits for the table: the task is in the middle of its transaction."""
    statement = "SELECT 1 FROM pg_locks WHERE relation = %(table)s::regclass AND NOT granted"
    return bool(query(home.uri("postgres"), statement, {"table": table}))


@pytest.mark.parametrize("stage", CHAIN)
def test_killed_task_is_retried(home, stage):
    table, session = ROUNDS[stage]
    with psycopg.connect(home.uri("postgres")) as holder:
        holder.execute(sql.SQL("LOCK TABLE {} IN SHARE MODE").format(sql.Identifier(table)))
        AirflowApi(home).trigger("data_ingestion", {"end": session})
        wait_for(f"{stage} to write {table}", lambda: is_waiting(home, table))
        victim = wait_for("its process", lambda: running_task(home, stage))
        os.kill(victim, signal.SIGKILL)
        holder.rollback()
    done = "SELECT 1 FROM stage_runs WHERE stage = 'performance_testing' AND model = '' AND session_date = %(day)s"
    wait_for(
        f"the chain to complete {session}", lambda: query(home.uri("quant_reader"), done, {"day": session})
    )
    tries = query(
        home.uri("airflow", "airflow"),
        "SELECT max(try_number) AS tries FROM task_instance WHERE dag_id = %(dag)s",
        {"dag": stage},
    )
    assert tries[0]["tries"] >= 2  # it was killed, and tried again


def test_tables_end_as_undisturbed(home, database, tmp_path):
    run_chain(database.writer, sample_settings(tmp_path, **WANTED))
    with transaction(database.writer) as undisturbed, transaction(home.uri("quant_writer")) as disturbed:
        assert json.dumps(table_hashes(disturbed)) == json.dumps(table_hashes(undisturbed))
        views = (
            "SELECT viewname FROM pg_views WHERE schemaname = 'public' AND starts_with(viewname, 'check_')"
        )
        for view in disturbed.execute(views).fetchall():
            assert (
                disturbed.execute(
                    sql.SQL("SELECT * FROM {}").format(sql.Identifier(view["viewname"]))
                ).fetchall()
                == []
            )
