"""The supervisor with Postgres alone; Airflow's services differ only in the command."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from data_layer.runtime import processes
from data_layer.runtime.files import exclusive_lock
from data_layer.runtime.home import SECRETS, Home
from data_layer.runtime.services import Services
from data_layer.settings import ROOT
from models.errors import ConfigError


def started(path: Path) -> Services:
    home = Home(path)
    services = Services(home)
    services.clear_away() if home.ports else None
    home.settle_ports(ours=services.are_up)
    services.start_postgres()
    return services


@pytest.fixture
def services(tmp_path):
    running = started(tmp_path / "home")
    yield running
    running.stop()


def ours(services):
    home = services.home
    return [
        pid for pid in processes.all_processes()
        if processes.is_alive(pid)
        and (processes.serves(pid, str(home.path)) or processes.is_postgres_of(pid, home.pgdata))
    ]  # fmt: skip


def answers(services):
    try:
        with psycopg.connect(services.postgres.uri("postgres", "postgres")) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


def wait_until(condition, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_start_again_changes_nothing(services):
    before = services.postgres.pid()
    assert started(services.home.path).postgres.pid() == before
    assert answers(services)


def test_no_secret_stands_on_a_command_line(services):
    secrets = [services.home.secret(name) for name in SECRETS]
    for pid in ours(services):
        line = Path(f"/proc/{pid}/cmdline").read_text()
        assert not [secret for secret in secrets if secret in line], line


def test_stop_ends_all_of_this_home_and_nothing_else(services, tmp_path):
    other = started(tmp_path / "other")
    bystander = subprocess.Popen(["/bin/sleep", "60"], env={"ALMANAC_HOME": str(services.home.path)})
    try:
        assert services.stop()
        assert ours(services) == []
        assert answers(other)
        assert bystander.poll() is None
        assert not services.stop()
    finally:
        bystander.kill()
        bystander.wait()
        other.stop()


def test_a_copy_of_a_home_does_not_take_the_services_of_the_first_for_its_own(services, tmp_path):
    """It has their port and their password."""
    copy = tmp_path / "copy"
    shutil.copytree(services.home.path, copy, ignore=shutil.ignore_patterns("pgdata", ".s.*"))
    assert Services(Home(copy)).states() == {}
    assert not Services(Home(copy)).stop()
    assert answers(services) and services.states()["postgres"] in {"RUNNING", "STARTING"}


def test_a_server_that_waits_for_its_next_try_is_started_at_once(services):
    (services.home.pgdata / "PG_VERSION").rename(services.home.path / "away")
    os.kill(services.postgres.pid(), signal.SIGQUIT)
    wait_until(lambda: services.states()["postgres"] == "BACKOFF")
    (services.home.path / "away").rename(services.home.pgdata / "PG_VERSION")
    services.start_postgres()
    assert answers(services)


def test_server_that_cannot_start_is_told_and_not_tried_for_ever(services):
    services.stop()
    (services.home.pgdata / "PG_VERSION").rename(services.home.path / "away")
    with pytest.raises(ConfigError, match=r"Postgres does not start(?s:.*)PG_VERSION"):
        services.start_postgres()
    wait_until(lambda: services.states()["postgres"] in {"STOPPED", "FATAL", "EXITED"})
    (services.home.path / "away").rename(services.home.pgdata / "PG_VERSION")
    services.start_postgres()
    assert answers(services)


def test_second_run_in_a_home_fails_at_once_and_harms_nothing(services):
    with exclusive_lock(services.home.run / "run.lock", what="make run"):
        done = subprocess.run(
            [sys.executable, "-m", "data_layer.runtime.run"],
            env={**os.environ, "ALMANAC_HOME": str(services.home.path), "PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("error: [run] make run already runs for this home")
    assert str(os.getpid()) in done.stderr
    assert done.stderr.count("\n") == 1
    assert answers(services)
