"""The stage that moves money: killed, raced and cut off from its database, it loses nothing and doubles nothing.

A run goes on where it was hurt, as a task is tried again, so a try costs a part of one step. `make soak` multiplies
the sizes.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest

from data_layer.runtime.postgres import embedded_postgres
from data_layer.storage.migrate import prepare_database
from tests.conftest import Database
from tests.support.chain import STEPS, open_stage, query, run_chain, run_stage, take_step
from tests.support.prepared import DUE, EAGER, MIDDLE, change, failed_checks, hashes, prepared
from tests.support.processes import Child, die, trip
from tests.support.soak import TIMES

__all__ = ["prepared"]
pytestmark = pytest.mark.faults

STAGE = "risk_execution"
KILLS, CRASHES, PROCESSES, SESSIONS = 300 * TIMES, 15 * TIMES, 50, 5
KILLS_A_STEP, CRASHES_A_STEP = 5, 2  # of one database at the most


class Run:
    """Takes the stage through a database, each try of a step in a process of its own."""

    def __init__(self, settings: Any, errors: Path):
        self.settings, self.errors = settings, errors
        self.passed = multiprocessing.Value("i", 0)

    def take(self, uri: str, step: str, *, at: int = 0, action: Callable[[], Any] = die, anew: bool = False) -> Child:
        """Begin a step, or the stage from its first step to it; the action comes at a point where it touches data."""

        def work() -> None:
            passed = trip(at, action)
            stage = open_stage(uri, self.settings, STAGE)
            for name in STEPS[STAGE][: STEPS[STAGE].index(step)] if anew else ():
                take_step(stage, name)
            take_step(stage, step)
            self.passed.value = passed()

        return Child(work, self.errors)


@pytest.fixture(scope="module")
def quiet(prepared, small_settings):
    """An undisturbed run: what it leaves, and of each step at how many points it touches data and how long it takes."""
    run_stage(prepared(STAGE).writer, small_settings, STAGE)  # warms this process
    database, run = prepared(STAGE), Run(small_settings, small_settings.almanac_home / "errors")
    steps = {}
    for step in STEPS[STAGE]:
        began = time.monotonic()
        run.take(database.writer, step).succeed()
        steps[step] = run.passed.value, time.monotonic() - began
    return hashes(database.writer), steps


def test_killed_again_and_again(prepared, small_settings, quiet, tmp_path):
    """At random points of every step, or at random moments; then the step or the stage is tried again."""
    expected, steps = quiet
    random, run, kills = Random("books"), Run(small_settings, tmp_path / "errors"), 0  # noqa: S311
    while kills < KILLS:
        database = prepared(STAGE)
        for step, (points, seconds) in steps.items():
            for _ in range(KILLS_A_STEP):
                anew = random.random() < 0.1
                if random.random() < 0.7:
                    child = run.take(database.writer, step, at=random.randint(1, points), anew=anew)
                else:
                    child = run.take(database.writer, step, anew=anew)
                    time.sleep(random.uniform(0, seconds))
                    child.kill()
                status = child.wait()
                assert status in {0, -signal.SIGKILL}, run.errors.read_text()
                if status == 0:
                    break
                kills += 1
            else:
                run.take(database.writer, step).succeed()
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
    expected, steps = quiet
    random, run, crashes = Random("postgres"), Run(small_settings, tmp_path / "errors"), 0  # noqa: S311
    writing = {step: points for step, (points, _) in steps.items() if step != "check_books"}
    with embedded_postgres(tmp_path / "home", durable=True) as server:
        prepare_database(server)
        first = Database(server, "quant_data")
        change(first, EAGER)
        run_chain(first.writer, small_settings, end=MIDDLE)
        for stage in ("data_ingestion", "feature_engineering", "model_execution"):
            run_stage(first.writer, small_settings, stage, **({"end": DUE[-1]} if stage == "data_ingestion" else {}))
        while crashes < CRASHES:
            database = _copy(first, f"crashed_{crashes}")
            for step, points in writing.items():
                for _ in range(CRASHES_A_STEP):
                    postmaster = server.pid()
                    run.take(database.writer, step, at=random.randint(1, points),
                             action=lambda p=postmaster: os.kill(p, signal.SIGKILL)).wait()  # fmt: skip
                    if server.pid() == postmaster:
                        break
                    crashes += 1
                    server.start()
                else:
                    run.take(database.writer, step).succeed()
            assert hashes(database.writer) == expected
            assert failed_checks(database.reader) == []
        assert query(database.reader, "SELECT count(*) AS n FROM account_snapshots")[0]["n"] > len(DUE)


def _copy(database: Database, name: str) -> Database:
    with psycopg.connect(database.server.uri("postgres", "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {database.name} OWNER quant_owner")
    return Database(database.server, name)
