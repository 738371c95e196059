"""What stalls instead of dying: a stopped run, a held lock, a slow database, a full disk, a crowd."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager

import psycopg
import pytest

from data_layer.runtime.postgres import embedded_postgres
from data_layer.storage import database as storage
from data_layer.storage.database import transaction
from data_layer.storage.migrate import prepare_database
from models.errors import RetryableError
from plugins.stages.context import CHAIN
from tests.support.chain import run_chain, run_stage
from tests.support.prepared import DUE, EAGER, ENDS, MIDDLE, failed_checks, hashes, prepared
from tests.support.processes import Child
from tests.support.proxy import slow_proxy

__all__ = ["prepared"]
pytestmark = pytest.mark.faults
FOLLOWING = dict(zip(CHAIN, [*CHAIN[1:], ""], strict=True))
FIRST_DUE = DUE[0]
LOCK_SECONDS = 1  # in place of five minutes
# Written in the middle of the stage.
TABLES = {"feature_engineering": "feature_values", "risk_execution": "account_snapshots"}


def expected(prepared, stage):
    return hashes(prepared(FOLLOWING[stage]).writer)


def assert_done(uri, prepared, stage):
    assert hashes(uri) == expected(prepared, stage), stage
    assert failed_checks(uri) == []


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(storage, "LOCK_TIMEOUT_SECONDS", LOCK_SECONDS)


@pytest.mark.parametrize("stage", ["model_execution", "risk_execution"])
def test_a_run_that_is_stopped_for_longer_than_others_wait(prepared, small_settings, impatient, stage, tmp_path):
    """A laptop is closed, a machine is frozen: the run holds its lock and comes back to life later."""
    database = prepared(stage)

    def stop_in_the_middle():
        holds = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = pg_backend_pid()"
        real = psycopg.Connection.execute

        def execute(connection, query, *args, **kwargs):
            answer = real(connection, query, *args, **kwargs)
            if "pg_advisory_xact_lock" in str(query) and real(connection, holds).fetchone():
                psycopg.Connection.execute = real
                os.kill(os.getpid(), signal.SIGSTOP)
            return answer

        psycopg.Connection.execute = execute
        run_stage(database.writer, small_settings, stage, end=ENDS[stage])

    frozen = Child(stop_in_the_middle, tmp_path / "errors")
    pid, status = os.waitpid(frozen.pid, os.WUNTRACED)
    assert (pid, os.WIFSTOPPED(status)) == (frozen.pid, True)
    with pytest.raises(RetryableError, match="another run holds this step"):
        run_stage(database.writer, small_settings, stage, end=ENDS[stage])
    os.kill(frozen.pid, signal.SIGCONT)
    frozen.succeed()
    run_stage(database.writer, small_settings, stage, end=ENDS[stage])  # the other one is tried again
    assert_done(database.writer, prepared, stage)


@pytest.mark.parametrize("stage", TABLES)
def test_a_table_that_somebody_holds(prepared, small_settings, impatient, stage):
    """A person's open transaction, a VACUUM FULL: the run fails in time, leaves nothing half done, and is repeated."""
    database = prepared(stage)
    with transaction(database.owner) as holder:
        holder.execute(f"LOCK TABLE {TABLES[stage]} IN SHARE MODE")
        before, began = hashes(database.reader, TABLES[stage]), time.monotonic()
        with pytest.raises((psycopg.errors.LockNotAvailable, RetryableError)):
            run_stage(database.writer, small_settings, stage, end=ENDS[stage])
        assert time.monotonic() - began < 30 * LOCK_SECONDS
        assert hashes(database.reader, TABLES[stage]) == before
    run_stage(database.writer, small_settings, stage, end=ENDS[stage])
    assert_done(database.writer, prepared, stage)


def test_a_database_fifty_milliseconds_away(prepared, small_settings):
    """Another region, a VPN: one session takes seconds more, and decides the same."""
    near, far = prepared(CHAIN[0]), prepared(CHAIN[0])
    run_chain(near.writer, small_settings, end=FIRST_DUE)
    home = far.server.home
    with slow_proxy(home.port("postgres"), 0.05) as port:
        uri, began = far.writer.replace(f":{home.port('postgres')}/", f":{port}/"), time.monotonic()
        assert uri != far.writer
        run_chain(uri, small_settings, end=FIRST_DUE)
        assert time.monotonic() - began > 100 * 0.05  # each of some hundred statements was late
    assert hashes(far.writer) == hashes(near.writer)
    assert failed_checks(far.writer) == []


def test_fifty_triggers_of_one_session_at_once(prepared, small_settings, tmp_path):
    """A button pressed over and over, of each stage: one run decides, each other one finds it done."""
    quiet, crowded = prepared(CHAIN[0]), prepared(CHAIN[0])
    run_chain(quiet.writer, small_settings, end=FIRST_DUE)

    def triggered(stage):
        for attempt in range(3):  # as a task is tried again: fifty may be more than the server takes at a time
            try:
                run_stage(crowded.writer, small_settings, stage, end=FIRST_DUE if stage == CHAIN[0] else None)
                return
            except RetryableError:
                if attempt == 2:
                    raise
                time.sleep(1.0)

    for stage in CHAIN:
        crowd = [Child(lambda s=stage: triggered(s), tmp_path / f"{stage}{i}") for i in range(50)]
        for one in crowd:
            assert one.wait(300) == 0, one.errors.read_text()
    assert hashes(crowded.writer) == hashes(quiet.writer)
    assert failed_checks(crowded.writer) == []


@contextmanager
def small_disk(folder, megabytes):
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("only root can mount a small disk")
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "tmpfs", str(folder)],
        capture_output=True, check=False,
    )  # fmt: skip
    if mounted.returncode != 0:
        pytest.skip(f"this machine lets nobody mount: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk):
    """Leave not a block of it."""
    with (disk / "filler").open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(size))
    assert shutil.disk_usage(disk).free == 0


def test_a_full_disk(prepared, small_settings, tmp_path):
    """The run fails and says so; what was committed stays, and with room again the next run ends as a quiet one."""
    failed = {}
    with small_disk(tmp_path / "disk", 700) as disk, embedded_postgres(disk / "home", durable=True) as server:
        prepare_database(server)
        with transaction(server.uri("postgres")) as connection:
            connection.execute(EAGER)
        uri = server.uri("quant_writer")
        for stage in CHAIN:
            end = MIDDLE if stage == CHAIN[0] else None
            fill(disk)
            try:
                run_stage(uri, small_settings, stage, end=end)
            except Exception as error:
                failed[stage] = str(error)
            (disk / "filler").unlink()
            if not server.is_running():
                server.start()  # as the supervisor does
            run_stage(uri, small_settings, stage, end=end)
        assert any("No space left on device" in words for words in failed.values()), failed
        assert hashes(uri) == hashes(prepared(CHAIN[0]).writer)
        assert failed_checks(uri) == []
