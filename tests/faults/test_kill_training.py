"""A training killed anywhere leaves no half-registered version, and run again ends as one nobody disturbed."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from functools import partial
from random import Random

import pytest

from data_layer.storage.registry import decide, stored_at
from models.errors import BlockedError
from plugins.ml import training as steps
from plugins.ml.asked import read_asked
from plugins.ml.train import train
from plugins.ml.training import Training
from tests.plugins.ml.conftest import SMALL, Workshop, trained_once, workshop
from tests.support.processes import COMMITS, TOUCHED, Child, die, trip
from tests.support.soak import TIMES

__all__ = ["trained_once", "workshop"]
pytestmark = pytest.mark.faults
KILLS, RACES = 30 * TIMES, 20 * TIMES


@pytest.fixture(autouse=True)
def untracked(monkeypatch):
    monkeypatch.setattr(steps, "track", lambda *_args: {"tracking_run": "none in tests"})


def work(shop: Workshop, key: str, before=lambda: None) -> None:
    before()
    train(
        Training(shop.database.trainer, shop.settings, lambda _line: None), read_asked(SMALL, key, "tester")
    )


def facts(shop: Workshop, key: str):
    """What a training leaves, without ids and clocks."""
    versions = shop.rows(
        "SELECT v.version, v.state, v.artifact_sha256, v.metadata_sha256, v.metrics FROM model_versions v "
        "JOIN training_runs r ON r.id = v.training_run_id WHERE r.run_key = %(k)s",
        k=key,
    )
    folds = shop.rows(
        "SELECT fold, configuration, ic, sharpe_ratio, daily_returns FROM walk_forward_results f "
        "JOIN training_runs r ON r.id = f.training_run_id WHERE r.run_key = %(k)s ORDER BY 1",
        k=key,
    )
    labels = shop.rows("SELECT count(*) AS n, sum(label) AS s FROM training_labels")
    trials = shop.rows("SELECT count(*) AS n FROM strategy_trials WHERE strategy = 'alpha158_lightgbm'")
    return versions, folds, labels, trials


def test_killed_anywhere_and_run_again(workshop, copy_database, tmp_path):
    errors, random = tmp_path / "errors", Random("training")  # noqa: S311
    points, commits = multiprocessing.Value("i", 0), multiprocessing.Value("i", 0)

    def count():
        passed, committed = trip(0, die), trip(0, die, COMMITS)
        work(workshop, "the run")
        points.value, commits.value = passed(), committed() // 2

    work(workshop, "warms this process")
    template = copy_database(workshop.database.name)
    Child(count, errors).succeed()
    expected = facts(workshop, "the run")
    assert expected[0] and commits.value > 5
    ends, kills = iter([2 * n for n in range(1, commits.value + 1)]), 0
    while kills < KILLS:
        shop = Workshop(copy_database(template.name), workshop.settings, [])
        for _ in range(3):
            at, touched = (
                (place, COMMITS) if (place := next(ends, 0)) else (random.randint(1, points.value), TOUCHED)
            )
            child = Child(partial(work, shop, "the run", partial(trip, at, die, touched)), errors)
            status = child.wait()
            assert status in {0, -signal.SIGKILL}, errors.read_text()
            kills += status != 0
            for row in shop.rows("SELECT * FROM model_versions"):  # whole or not there
                shop.store.read(stored_at(row))
        Child(partial(work, shop, "the run"), errors).succeed()
        assert facts(shop, "the run") == expected


def test_of_two_promotions_at_once_exactly_one_wins_every_time(workshop, copy_database):
    work(workshop, "run 2")
    rows = workshop.rows("SELECT * FROM model_versions ORDER BY id")
    passed = [{"name": "leakage", "value": 0.0, "threshold": 0.0, "passed": True, "detail": "none"}]
    template = copy_database(workshop.database.name)
    for _ in range(RACES):
        shop, outcomes = Workshop(copy_database(template.name), workshop.settings, []), []
        barrier = threading.Barrier(2)

        def promote(row, shop=shop, outcomes=outcomes, barrier=barrier):
            barrier.wait()
            try:
                outcomes.append(decide(shop.database.trainer, shop.store, row, None, passed, by="tester"))
            except BlockedError:
                outcomes.append("lost")

        threads = [threading.Thread(target=promote, args=(row,)) for row in rows[:2]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == ["lost", "promoted"]
        assert len(shop.rows("SELECT FROM model_versions WHERE state = 'promoted'")) == 1
        assert len(shop.rows("SELECT FROM promotion_decisions WHERE decision = 'promoted'")) == 1
