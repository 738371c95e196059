"""Celery for real: Redis, two workers and Airflow's services on one Postgres; a worker is lost in the middle."""

from __future__ import annotations

import json
import os
import signal

import psutil
import psycopg
import pytest

from data_layer.runtime import processes
from data_layer.runtime.airflow_api import AirflowApi
from plugins.backtest.assessment_steps import assess_shard, prepare_assessment, rank_strategies
from tests.support.chain import query, run_chain, sample_settings
from tests.support.cluster import SERVICES, WORKERS, cluster
from tests.support.running import (
    assert_as_undisturbed,
    hold,
    running_tasks,
    wait_for,
    wait_until_completed,
    waiting,
)

pytestmark = pytest.mark.faults
WANTED = {"symbols": "AAPL MSFT", "start": "2012-01-03", "end": "2012-12-31"}
# A task whose worker is gone is noticed by its heartbeat: here after a third of the usual minute.
QUICK = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
}


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    settings = {name.upper(): value for name, value in WANTED.items()}
    with cluster(tmp_path_factory.mktemp("cluster"), {**settings, **QUICK}) as started:
        yield started


def workers_of(running, dag):
    """By worker, the processes of the DAG's tasks that it runs now."""
    tasks = set(running_tasks(running.home, dag))
    return {name: set(running.tree(name)) & tasks for name in WORKERS if name in running.running}


def test_health_is_the_sign_of_life_of_each(running):
    def check(*arguments):
        return running.command("data_layer.runtime.healthy", *arguments)

    for name in SERVICES:
        wait_for(f"{name} to be healthy", lambda name=name: check(name).returncode == 0)
    assert check("worker", "one@here").returncode == 0
    assert check("worker", "three@here").returncode == 1  # no container has that name
    # A process that hangs is there and does nothing.
    for pid in running.tree("triggerer"):
        os.kill(pid, signal.SIGSTOP)
    with psycopg.connect(running.home.uri("airflow", "airflow")) as connection:
        connection.execute("UPDATE job SET latest_heartbeat = latest_heartbeat - interval '1 hour' "
                           "WHERE job_type = 'TriggererJob'")  # fmt: skip
    hanging = check("triggerer")
    for pid in running.tree("triggerer"):
        os.kill(pid, signal.SIGCONT)
    assert (hanging.returncode, hanging.stdout) == (1, "no heartbeat for 60 s\n")


def test_pgadmin_finds_its_server_and_password(running):
    (server,) = json.loads((running.folder / "servers.json").read_text())["Servers"].values()
    line = (running.folder / "pgpass").read_text().strip()
    assert (server["Username"], server["MaintenanceDB"]) == ("quant_reader", "quant_data")
    assert (running.folder / "pgpass").stat().st_mode & 0o777 == 0o640
    with psycopg.connect(
        host=server["Host"], port=server["Port"], dbname=server["MaintenanceDB"], user=server["Username"],
        password=line.rpartition(":")[2],
    ) as connection:  # fmt: skip
        assert connection.execute("SHOW default_transaction_read_only").fetchone() == ("on",)


def test_the_chain_goes_on_when_a_worker_is_lost(running):
    home = running.home
    with psycopg.connect(home.uri("postgres")) as holder:
        hold(holder, "pending_signals")
        AirflowApi(home).trigger("data_ingestion", {"end": WANTED["end"]})
        wait_for("both workers to run models", lambda: all(workers_of(running, "model_execution").values()))
        wait_for("them to write", lambda: waiting(home, "pending_signals") >= 2)
        running.kill("two")
        holder.rollback()
    wait_until_completed(home, WANTED["end"])
    tries = "SELECT count(*) AS n FROM task_instance WHERE dag_id = 'model_execution' AND try_number > 1"
    assert query(home.uri("airflow", "airflow"), tries)[0]["n"] >= 1


def test_the_assessment_is_shared_and_goes_on_when_a_worker_is_lost(running):
    home = running.home
    running.start("two")  # as the restart policy does
    wait_for(
        "worker two",
        lambda: running.command("data_layer.runtime.healthy", "worker", "two@here").returncode == 0,
    )
    with psycopg.connect(home.uri("postgres")) as holder:
        hold(holder, "backtest_results")
        run_id = AirflowApi(home).trigger("strategy_assessment", {})
        wait_for("both workers to run shards", lambda: all(workers_of(running, "strategy_assessment").values()))
        wait_for("them to write", lambda: waiting(home, "backtest_results") >= 3)
        (lost, *_) = workers_of(running, "strategy_assessment")["one"]
        running.kill("one")
        wait_for("its tasks to be gone", lambda: not processes.is_alive(lost), 20)  # killed, not yet reaped
        holder.rollback()
    state = "SELECT state FROM dag_run WHERE run_id = %(run)s"
    ended = wait_for(
        "the assessment",
        lambda: next((r["state"] for r in query(home.uri("airflow", "airflow"), state, {"run": run_id})
                      if r["state"] in {"success", "failed"}), None),
    )  # fmt: skip
    assert ended == "success"


def test_tables_end_as_undisturbed(running, database, tmp_path, monkeypatch):
    monkeypatch.setenv("ALMANAC_HOME", str(tmp_path))
    run_chain(database.writer, sample_settings(tmp_path, **WANTED))
    shards = prepare_assessment(database.writer, {})
    for shard in shards:
        assess_shard(database.writer, **shard)
    rank_strategies(database.writer, shards)
    assert_as_undisturbed(running.home.uri("quant_writer"), database.writer)


def test_no_secret_is_printed_anywhere(running):
    secrets = {k: v for k, v in running.environment.items() if k.startswith("SECRET_")}
    texts = [*running.folder.glob("*.log"), *(running.home.airflow / "logs").rglob("*.log")]
    assert len(texts) > 20
    for path in texts:
        text = path.read_text(errors="replace")
        assert not [name for name, secret in secrets.items() if secret in text], path
    for pid in (pid for name in running.running for pid in running.tree(name)):
        line = " ".join(psutil.Process(pid).cmdline()) if psutil.pid_exists(pid) else ""
        assert not [name for name, secret in secrets.items() if secret in line], line
