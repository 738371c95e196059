"""The stage that moves money: killed, raced and cut off from its database, it loses nothing and doubles nothing.

Sizes are multiplied by SOAK (1).
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from random import Random

import pytest

from data_layer.runtime.postgres import embedded_postgres
from data_layer.storage.migrate import prepare_database
from tests.support.chain import STEPS, open_stage, query, run_chain, run_stage, take_step
from tests.support.prepared import DUE, EAGER, MIDDLE, change, failed_checks, hashes, prepared
from tests.support.processes import Child, die, trip

__all__ = ["prepared"]
pytestmark = pytest.mark.faults

STAGE = "risk_execution"
SOAK = int(os.environ.get("SOAK", "1"))
KILLS, CRASHES, PROCESSES, SESSIONS = 300 * SOAK, 15 * SOAK, 50, 5


@pytest.fixture(scope="module")
def quiet(prepared, small_settings):
    """An undisturbed run: what it leaves, at how many points it touches the database, how long it takes."""
    run_stage(prepared(STAGE).writer, small_settings, STAGE)  # warms this process
    database, points = prepared(STAGE), multiprocessing.Value("i", 0)

    def count():
        passed = trip(0, die)
        run_stage(database.writer, small_settings, STAGE)
        points.value = passed()

    began = time.monotonic()
    Child(count, small_settings.almanac_home / "errors").succeed()
    return hashes(database.writer), points.value, time.monotonic() - began


def test_killed_again_and_again(prepared, small_settings, quiet, tmp_path):
    """At random points of random runs; each database up to ten times, or until its run comes through.

    Two thirds of the tries die early on their way: a kill then costs less than the copy, the last run and the
    checks of its database.
    """
    expected, points, seconds = quiet
    random, kills, errors = Random("books"), 0, tmp_path / "errors"  # noqa: S311
    while kills < KILLS:
        database = prepared(STAGE)
        for _ in range(10):
            part = random.choice((1, 4, 8))
            at = random.randint(1, points // part)
            if random.random() < 0.7:
                child = Child(
                    lambda at=at, d=database: (trip(at, die), run_stage(d.writer, small_settings, STAGE)), errors
                )
            else:
                child = Child(lambda d=database: run_stage(d.writer, small_settings, STAGE), errors)
                time.sleep(random.uniform(0, seconds / part))
                child.kill()
            status = child.wait()
            assert status in {0, -signal.SIGKILL}, errors.read_text()
            kills += status != 0
            if status == 0 and random.random() < 0.5:
                break
        run_stage(database.writer, small_settings, STAGE)
        assert hashes(database.writer) == expected
        assert failed_checks(database.reader) == []


def test_fifty_at_once(prepared, small_settings, quiet, tmp_path):
    """Each session is completed by one of them; the others find it done, and say so."""
    database = prepared(STAGE)
    stages = [
        open_stage(database.writer, small_settings, STAGE, end=DUE[SESSIONS - 1]) for _ in range(PROCESSES)
    ]
    wrote = multiprocessing.Value("i", 0)

    def run(stage):
        for step in STEPS[STAGE]:
            done = take_step(stage, step)
            if step == "mark_positions" and done and done.get("account_snapshots"):
                with wrote.get_lock():
                    wrote.value += 1

    children = [Child(lambda s=s: run(s), tmp_path / f"errors{i}") for i, s in enumerate(stages)]
    for child in children:
        child.succeed()
    assert wrote.value == 1
    run_stage(database.writer, small_settings, STAGE)
    assert hashes(database.writer) == quiet[0]


def test_postgres_is_killed_under_writes(small_settings, quiet, tmp_path):
    """With fsync on, as every home has it: what was committed is there after the crash, the rest is not."""
    expected, points, _ = quiet
    random, crashes = Random("postgres"), 0  # noqa: S311
    with embedded_postgres(tmp_path / "home", durable=True) as server:
        prepare_database(server)
        uri = server.uri("quant_writer")

        class Owner:
            owner = server.uri("postgres")

        change(Owner, EAGER)
        run_chain(uri, small_settings, end=MIDDLE)
        for stage in ("data_ingestion", "feature_engineering", "model_execution"):
            run_stage(uri, small_settings, stage, **({"end": DUE[-1]} if stage == "data_ingestion" else {}))
        for at in sorted(random.sample(range(1, points), CRASHES)):
            postmaster = server.pid()

            def work(at=at, postmaster=postmaster):
                trip(at, lambda: os.kill(postmaster, signal.SIGKILL))
                run_stage(uri, small_settings, STAGE)

            Child(work, tmp_path / "errors").wait()
            if server.pid() != postmaster:
                crashes += 1
                server.start()
        run_stage(uri, small_settings, STAGE)
        assert hashes(uri) == expected
        assert failed_checks(uri) == []
        assert query(uri, "SELECT count(*) AS n FROM account_snapshots")[0]["n"] > len(DUE)
    assert crashes > CRASHES / 2  # the last points may lie behind what is left to do
