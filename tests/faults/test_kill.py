"""Kill and race: whatever ends a stage in its middle, running it again gives what one quiet run gives."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import time
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

import psycopg
import pytest

from data_layer.runtime.postgres import embedded_postgres
from data_layer.storage.database import take_lock, transaction
from data_layer.storage.migrate import prepare_database
from models.errors import RetryableError
from plugins.stages.context import CHAIN
from tests.support.chain import STEPS, open_stage, run_chain, run_stage, take_step
from tests.support.prepared import EAGER, ENDS, MIDDLE, failed_checks, hashes, prepared
from tests.support.processes import COMMITS, Child, die, trip
from tests.support.soak import TIMES

__all__ = ["prepared"]
pytestmark = pytest.mark.faults

KILLS = 20 * TIMES  # per stage, at least
FOLLOWING = dict(zip(CHAIN, [*CHAIN[1:], ""], strict=True))


@dataclass(frozen=True)
class Quiet:
    """An undisturbed run of a stage: what it left, and how often it touched the database."""

    hashes: dict[str, str]
    points: int
    commits: int
    seconds: float


@pytest.fixture(scope="module")
def quiet(prepared, small_settings):
    """By stage."""
    found = {}
    for stage in CHAIN:
        run_stage(prepared(stage).writer, small_settings, stage, end=ENDS[stage])  # warms this process
        database, points, commits = prepared(stage), *(multiprocessing.Value("i", 0) for _ in range(2))

        def count(stage=stage, database=database, points=points, commits=commits):
            passed, committed = trip(0, die), trip(0, die, COMMITS)
            run_stage(database.writer, small_settings, stage, end=ENDS[stage])
            points.value, commits.value = passed(), committed() // 2

        began = time.monotonic()
        Child(count, small_settings.almanac_home / "errors").succeed()
        seconds = time.monotonic() - began
        expected = hashes(prepared(FOLLOWING[stage]).writer)
        assert hashes(database.writer) == expected
        found[stage] = Quiet(expected, points.value, commits.value, seconds)
    return found


@contextmanager
def lock(database, *names):
    """Hold a lock as another run of the stage does."""
    with transaction(database.writer) as connection:
        take_lock(connection, *names)
        yield


class Run:
    """A run of a stage, its steps taken by processes that may die; a step taken is not taken again."""

    def __init__(self, database, settings, name):
        self.stage = open_stage(database.writer, settings, name, end=ENDS[name])
        self.database = database
        self.steps = STEPS[name]
        self.done = multiprocessing.Value("i", 0)

    def go_on(self):
        for step in self.steps[self.done.value :]:
            take_step(self.stage, step)
            self.done.value += 1


@pytest.mark.parametrize("name", CHAIN)
def test_killed_anywhere_and_run_again(prepared, small_settings, quiet, name, tmp_path):
    """Once right after each commit, and at random points, also while it goes on or begins again."""
    random, kills, errors = Random(f"kill {name}"), 0, tmp_path / "errors"  # noqa: S311

    def killed(run, commit=0):
        if commit:
            child = Child(lambda: (trip(2 * commit, die, COMMITS), run.go_on()), errors)
        elif random.random() < 0.5:  # between two statements
            at = random.randint(1, quiet[name].points)
            child = Child(lambda: (trip(at, die), run.go_on()), errors)
        else:  # in the middle of whatever it does
            child = Child(run.go_on, errors)
            time.sleep(random.uniform(0, quiet[name].seconds))
            child.kill()
        status = child.wait()
        assert status in {0, -signal.SIGKILL}, errors.read_text()
        return status != 0

    for commit in itertools.chain(range(1, quiet[name].commits + 1), itertools.repeat(0)):
        if not commit and kills >= KILLS:
            break
        run = Run(prepared(name), small_settings, name)
        again = killed(run, commit)
        for _ in range(2):
            if again:
                kills += 1
                if random.random() < 0.5:  # else the same run retries the step it was at
                    run = Run(run.database, small_settings, name)
                again = killed(run)
        kills += again
        Child(run.go_on, errors).succeed()
        assert hashes(run.database.writer) == quiet[name].hashes, commit
        assert failed_checks(run.database.writer) == []


@pytest.mark.parametrize("name", CHAIN)
def test_two_runs_of_the_same_sessions_at_once(prepared, small_settings, quiet, name, tmp_path):
    for one_run_twice in (False, False, True):  # a task may also be started twice by mistake
        database = prepared(name)
        runs = [Run(database, small_settings, name) for _ in range(2)]
        if one_run_twice:
            runs[1].stage = runs[0].stage
        assert runs[0].stage.context.sessions == runs[1].stage.context.sessions != ()
        children = [Child(run.go_on, tmp_path / f"errors{i}") for i, run in enumerate(runs)]
        for child in children:
            child.succeed()
        assert hashes(database.writer) == quiet[name].hashes
        assert failed_checks(database.writer) == []


def test_eight_triggers_of_everything_at_once(prepared, small_settings, quiet, tmp_path):
    database = prepared(CHAIN[0])

    def everything():
        for stage in CHAIN:
            run_stage(database.writer, small_settings, stage, end=ENDS[stage])

    children = [Child(everything, tmp_path / f"errors{i}") for i in range(8)]
    for child in children:
        child.succeed()
    assert hashes(database.writer) == quiet[CHAIN[-1]].hashes
    assert failed_checks(database.writer) == []


def test_a_run_waits_for_the_stage_lock(prepared, small_settings, tmp_path):
    """The lock is what makes two runs take turns: while somebody holds it, no step gets anywhere."""
    for name, step in (("data_ingestion", 0), ("feature_engineering", 0), ("model_execution", 4),
                       ("risk_execution", 0), ("performance_testing", 1)):  # fmt: skip
        database = prepared(name)
        run = Run(database, small_settings, name)
        for earlier in STEPS[name][:step]:
            take_step(run.stage, earlier)
        run.done.value = step
        with lock(database, name):
            child = Child(run.go_on, tmp_path / "errors")
            time.sleep(0.5)
            assert run.done.value == step, name
        child.succeed()
        assert run.done.value == len(STEPS[name])


def test_a_task_of_a_model_waits_for_its_own_lock(prepared, small_settings, tmp_path):
    run = Run(prepared("model_execution"), small_settings, "model_execution")
    first, second, _ = run.stage.load_registered_models()  # by id; registered in the order of their names
    with lock(prepared("model_execution"), "model_execution", "ema_cross_alpha"):
        Child(lambda: run.stage.execute_strategies(first), tmp_path / "errors").succeed()  # another database
    with lock(run.database, "model_execution", "ema_cross_alpha"):
        held = Child(lambda: run.stage.execute_strategies(first), tmp_path / "errors")
        Child(lambda: run.stage.execute_strategies(second), tmp_path / "errors2").succeed()
        time.sleep(0.5)
        assert held.is_running()
    held.succeed()


def test_models_run_at_the_same_time(prepared, small_settings, quiet, tmp_path):
    """As mapped tasks do, and each of them twice."""
    name = "model_execution"
    database = prepared(name)
    run = Run(database, small_settings, name)
    for step in STEPS[name][:3]:
        take_step(run.stage, step)
    models = run.stage.load_registered_models() * 2
    children = [
        Child(lambda model=model: run.stage.execute_strategies(model), tmp_path / f"errors{i}")
        for i, model in enumerate(models)
    ]
    for child in children:
        child.succeed()
    for step in STEPS[name][4:]:
        take_step(run.stage, step)
    assert hashes(database.writer) == quiet[name].hashes


def test_postgres_killed_in_the_middle_of_each_stage(small_settings, quiet, tmp_path):
    """With fsync on, as every home has it: what was committed is there after the crash, the rest is not."""
    random = Random("postmaster")  # noqa: S311
    with embedded_postgres(tmp_path / "home", durable=True) as server:
        prepare_database(server)
        with transaction(server.uri("postgres")) as connection:
            connection.execute(EAGER)
        uri = server.uri("quant_writer")
        run_chain(uri, small_settings, end=MIDDLE)
        for name in CHAIN:
            points = quiet[name].points
            for part in (0.0, 0.5):  # once early, once late
                at = random.randint(1 + int(part * points), int((part + 0.5) * points))
                postmaster = server.pid()

                def work(name=name, at=at, postmaster=postmaster):
                    trip(at, lambda: os.kill(postmaster, signal.SIGKILL))
                    run_stage(uri, small_settings, name, end=ENDS[name])

                Child(work, tmp_path / "errors").wait()  # it may have been past its last statement
                if server.pid() == postmaster:
                    assert part
                    break  # the run was over before it got there: it went on from the first kill
                server.start()
            run_stage(uri, small_settings, name, end=ENDS[name])
            assert hashes(uri) == quiet[name].hashes, name
            assert failed_checks(uri) == []


def test_a_lost_connection_is_worth_a_retry(small_settings, prepared):
    database = prepared("risk_execution")
    broken = psycopg.conninfo.make_conninfo(database.writer, port=1)
    with pytest.raises(RetryableError, match=r"(?s)no connection to the database.*make status"):
        open_stage(broken, small_settings, "risk_execution")
