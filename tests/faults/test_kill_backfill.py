"""A backfill killed anywhere, and repeated, ends as one that nobody disturbed; so do two at once."""

from __future__ import annotations

import multiprocessing
import signal
import time
from functools import partial
from random import Random

import pytest

from plugins import backfill as command
from plugins.stages import backfill as stage
from tests.support.chain import query, sample_settings
from tests.support.prepared import failed_checks, hashes
from tests.support.processes import COMMITS, TOUCHED, Child, die, trip
from tests.support.soak import TIMES

pytestmark = pytest.mark.faults
KILLS = 50 * TIMES
SYMBOLS, CHUNK = 24, 3


@pytest.fixture(autouse=True, scope="module")
def small_chunks():
    before, stage.FILE_SYMBOLS = stage.FILE_SYMBOLS, CHUNK
    yield
    stage.FILE_SYMBOLS = before


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    values = {
        "source": "synthetic",
        "synthetic_symbols": str(SYMBOLS),
        "start": "2009-01-02",
        "end": "2010-12-31",
    }
    return sample_settings(tmp_path_factory.mktemp("home"), **values)


@pytest.fixture(scope="module")
def quiet(copy_database, settings):
    """An undisturbed run: its hashes, the points at which it touched the database, its commits and seconds."""
    command.run(copy_database("quant_data").writer, settings)  # warms this process
    database, points, commits = (
        copy_database("quant_data"),
        *(multiprocessing.Value("i", 0) for _ in range(2)),
    )

    def count():
        passed, committed = trip(0, die), trip(0, die, COMMITS)
        command.run(database.writer, settings)
        points.value, commits.value = passed(), committed() // 2

    began = time.monotonic()
    Child(count, settings.almanac_home / "errors").succeed()
    seconds = time.monotonic() - began
    return hashes(database.writer), points.value, commits.value, seconds


def tripped(run, at, touched):
    """Run until a point and no further."""
    trip(at, die, touched)
    run()


def assert_consistent(database):
    assert failed_checks(database.writer) == []
    done = query(database.writer, "SELECT state, count(*) AS n FROM backfill_chunks GROUP BY state")
    assert done == [{"state": "done", "n": SYMBOLS // CHUNK}]
    # One batch of bars per chunk, however often it was begun, and every bar from the batch of its chunk.
    (row,) = query(
        database.writer,
        "SELECT count(*) AS batches, sum(accepted) AS accepted, (SELECT count(*) FROM market_data) AS bars, "
        "(SELECT count(*) FROM market_data m JOIN backfill_chunks c USING (batch_id) "
        " WHERE m.symbol = ANY(c.symbols)) AS owned FROM ingestion_batches WHERE kind = 'bars'",
    )
    assert row["batches"] == SYMBOLS // CHUNK
    assert row["accepted"] == row["bars"] == row["owned"] > 0


def test_killed_fifty_times_and_run_again(copy_database, settings, quiet, tmp_path):
    expected, points, commits, seconds = quiet
    random, kills, errors = Random("backfill"), 0, tmp_path / "errors"  # noqa: S311
    ends = iter([2 * commit for commit in range(1, commits + 1)])  # right after each commit once
    while kills < KILLS:
        database = copy_database("quant_data")
        run = partial(command.run, database.writer, settings)
        for _ in range(3):
            if at := next(ends, 0):
                child = Child(partial(tripped, run, at, COMMITS), errors)
            elif random.random() < 0.5:  # between two statements
                child = Child(partial(tripped, run, random.randint(1, points), TOUCHED), errors)
            else:  # in the middle of whatever it does
                child = Child(run, errors)
                time.sleep(random.uniform(0, seconds))
                child.kill()
            status = child.wait()
            assert status in {0, -signal.SIGKILL}, errors.read_text()
            kills += status != 0
        Child(run, errors).succeed()
        assert hashes(database.writer) == expected
        assert_consistent(database)


def test_two_at_once_end_the_same(copy_database, settings, quiet, tmp_path):
    for _ in range(3):
        database = copy_database("quant_data")
        run = partial(command.run, database.writer, settings)
        children = [Child(run, tmp_path / f"errors{i}") for i in range(2)]
        for child in children:
            child.succeed()
        assert hashes(database.writer) == quiet[0]
        assert_consistent(database)
