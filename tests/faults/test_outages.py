"""What make run started loses tasks, then one part after the other in the middle of a chain, and at last all of it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest

from data_layer.runtime import processes
from data_layer.runtime.airflow_api import AirflowApi
from data_layer.runtime.home import Home
from data_layer.runtime.services import Services
from data_layer.settings import ROOT
from models.errors import ConfigError, RetryableError
from plugins.stages.context import CHAIN
from tests.support.chain import query, run_chain, sample_settings
from tests.support.running import (
    PATIENCE,
    assert_as_undisturbed,
    hold,
    running_home,
    running_tasks,
    wait_for,
    wait_until_completed,
    waiting,
)
from tests.support.soak import TIMES

pytestmark = pytest.mark.faults
WANTED = {"symbols": "AAPL MSFT", "start": "2012-06-01", "end": "2013-03-01"}
KILLS = 10 * TIMES
# A task of each stage is killed in a daily run, the first one with the history before it; a table its stage writes is
# held to catch it there.
ROUNDS = {
    "data_ingestion": ("market_data", "2013-02-15"),
    "feature_engineering": ("feature_values", "2013-02-19"),
    "model_execution": ("signals", "2013-02-20"),
    "risk_execution": ("account_snapshots", "2013-02-21"),
    "performance_testing": ("model_performance", "2013-02-22"),
}


@pytest.fixture(scope="module")
def services(tmp_path_factory) -> Iterator[Services]:
    """A home with everything running and nothing loaded."""
    values = {name.upper(): value for name, value in WANTED.items()}
    with running_home(tmp_path_factory.mktemp("outages") / "home", values) as running:
        yield running


def trigger(home: Home, session: str) -> None:
    """Press the button, again while nobody answers."""

    def pressed() -> bool:
        try:
            AirflowApi(home).trigger("data_ingestion", {"end": session})
        except (RetryableError, ConfigError):
            return False
        return True

    wait_for("the api-server to take a trigger", pressed)


def pids(services: Services) -> dict[str, int]:
    return {entry["name"]: entry["pid"] for entry in services._rpc().getAllProcessInfo() if entry["pid"]}


def kill(services: Services, name: str) -> None:
    os.kill(pids(services)[name], signal.SIGKILL)


@pytest.mark.parametrize("stage", CHAIN)
def test_a_killed_task_is_retried(services, stage):
    home, (table, session) = services.home, ROUNDS[stage]
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


def test_postgres_away_for_seconds(services):
    """Scheduler and dag-processor end for good then: the supervisor brings them back, and the next run succeeds."""
    home, before = services.home, pids(services)
    services._rpc().stopProcess("postgres")
    wait_for("scheduler and dag-processor to give up", lambda: not any(
        processes.is_alive(before[name]) for name in ("scheduler", "dag-processor")
    ))  # fmt: skip
    services._rpc().startProcess("postgres")
    AirflowApi(home).wait_until_healthy(PATIENCE, home.logs)
    after = pids(services)
    assert not {after[name] for name in ("scheduler", "dag-processor")} & set(before.values())
    trigger(home, "2013-02-25")
    wait_until_completed(home, "2013-02-25")


def test_each_service_killed_in_a_running_chain(services):
    home, session = services.home, "2013-02-26"
    killed = []
    victims = {"feature_values": "scheduler", "signals": "api-server", "account_snapshots": "dag-processor"}
    for table, victim in victims.items():
        with psycopg.connect(home.uri("postgres")) as holder:
            hold(holder, table)
            if not killed:
                trigger(home, session)
            wait_for(f"somebody to write {table}", lambda table=table: waiting(home, table))
            killed.append((victim, pids(services)[victim]))
            kill(services, victim)
            holder.rollback()
    wait_until_completed(home, session)
    for victim, pid in killed:
        wait_for(f"{victim} to be back", lambda victim=victim: services.states().get(victim) == "RUNNING")
        assert pids(services)[victim] != pid


def test_postgres_killed_ten_times_in_a_running_chain(services):
    """A run whose three tries all met a dead server has failed; the next one goes on where it stopped."""
    home, session, server = services.home, "2013-02-27", services.postgres
    holder = psycopg.connect(home.uri("postgres"))  # so that the first kill meets a task in its transaction
    hold(holder, "feature_values")
    trigger(home, session)
    wait_for("somebody to write feature_values", lambda: waiting(home, "feature_values"))
    for _ in range(KILLS):
        killed = wait_for("Postgres", lambda: server.is_running() and server.pid())
        os.kill(killed, signal.SIGKILL)
        wait_for("it to be brought back", lambda killed=killed: server.pid() not in {None, killed})
    holder.close()
    AirflowApi(home).wait_until_healthy(PATIENCE, home.logs)
    try:
        wait_until_completed(home, session, 45)
    except AssertionError:
        trigger(home, session)
        wait_until_completed(home, session)


def everything_of(services):
    home = services.home
    return [
        pid for pid in processes.all_processes()
        if processes.is_alive(pid)
        and (processes.serves(pid, str(home.path)) or processes.is_postgres_of(pid, home.pgdata))
    ]  # fmt: skip


def test_everything_killed_in_a_running_chain_and_make_run(services):
    """As when the machine lost its power: nothing is told to stop, and one command goes on."""
    home = services.home
    holder = psycopg.connect(home.uri("postgres"))
    hold(holder, "account_snapshots")
    trigger(home, "2013-02-28")
    wait_for("somebody to write account_snapshots", lambda: waiting(home, "account_snapshots"))
    while left := everything_of(services):
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    holder.close()
    done = subprocess.run(
        [sys.executable, "-m", "data_layer.runtime.run"], cwd=ROOT, text=True, capture_output=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=2 * PATIENCE,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "every stage has completed 2013-03-01" in done.stdout


def test_tables_end_as_undisturbed(services, database, tmp_path):
    run_chain(database.writer, sample_settings(tmp_path, **WANTED))
    assert_as_undisturbed(services.home.uri("quant_writer"), database.writer)
