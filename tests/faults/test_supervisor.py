"""The supervisor with Postgres alone: what is killed comes back, whatever it was, and no log fills the disk."""

from __future__ import annotations

import os
import signal

import psycopg
import pytest

from data_layer.runtime import processes
from tests.data_layer.runtime.test_services import answers, ours, services, started, wait_until

__all__ = ["services"]
pytestmark = pytest.mark.faults


def test_killed_postgres_is_brought_back(services):
    killed = services.postgres.pid()
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: services.postgres.pid() not in {None, killed} and answers(services))


def test_logs_do_not_grow_for_ever(services):
    """Ten megabytes a file, and three files before it."""
    with psycopg.connect(services.postgres.uri("postgres", "postgres"), autocommit=True) as connection:
        for _ in range(50):
            connection.execute("DO $$ BEGIN RAISE LOG '%', repeat('x', 1000000); END $$")
    wait_until(lambda: services.home.logs.joinpath("postgres.log.3").exists())
    sizes = [path.stat().st_size for path in services.home.logs.glob("postgres.log*")]
    assert len(sizes) == 4
    assert max(sizes) < 12_000_000
    assert answers(services)
    configured = (services.home.run / "supervisord.conf").read_text()
    programs = configured.count("[program:")
    assert configured.count("stdout_logfile_maxbytes=10MB") == configured.count("stdout_logfile_backups=3") == programs


def test_start_after_everything_was_killed(services):
    with psycopg.connect(services.postgres.uri("postgres", "postgres")) as connection:
        connection.execute("CREATE TABLE kept (x int)")
    for pid in ours(services):
        os.kill(pid, signal.SIGKILL)
    ports = services.home.ports
    again = started(services.home.path)
    assert again.home.ports == ports
    with psycopg.connect(services.postgres.uri("postgres", "postgres")) as connection:
        assert connection.execute("SELECT to_regclass('kept')").fetchone() == ("kept",)


def test_start_after_the_supervisor_alone_was_killed(services):
    orphan = services.postgres.pid()
    os.kill(services._supervisor_pids()[0], signal.SIGKILL)
    wait_until(lambda: not services._supervisor_pids())
    again = started(services.home.path)
    assert again.home.ports == services.home.ports
    assert again.postgres.pid() != orphan
    assert not processes.is_alive(orphan)
    wait_until(lambda: again.states()["postgres"] == "RUNNING")
