"""A training from bars to a version: what it stores, that it is the same again, and what it refuses."""

from __future__ import annotations

import pytest
from psycopg import errors

from data_layer.storage.registry import stored_at
from models.errors import ConfigError, DataQualityError
from models.ml.alpha158 import FEATURES
from plugins.ml import dataset as module
from plugins.ml import training as steps
from plugins.ml.asked import read_asked
from plugins.ml.train import train
from tests.plugins.ml.conftest import FAMILY, SMALL
from tests.support.chain import query


def test_a_training_leaves_its_run_folds_labels_and_one_candidate(trained_once):
    (run,) = trained_once.rows("SELECT * FROM training_runs")
    assert (run["family"], run["started_by"], run["symbols"]) == (FAMILY, "tester", 3)
    assert run["parameters"]["rounds"] == 5 and run["folds"]["count"] == 3
    assert run["findings"] == []
    folds = trained_once.rows("SELECT * FROM walk_forward_results ORDER BY fold")
    assert [f["fold"] for f in folds] == [1, 2, 3]
    assert all(
        f["train_end"] < f["test_start"] and len(f["daily_returns"]) == f["sessions"] > 0 for f in folds
    )
    (version,) = trained_once.rows("SELECT * FROM model_versions")
    assert (version["state"], version["version"], version["created_by"]) == ("candidate", 1, "tester")
    assert str(version["seen_until"]) == "2005-09-30" and version["trained_to"] < version["seen_until"]
    content, metadata = trained_once.store.read(stored_at(version))
    assert content.startswith(b"tree\n") and metadata["family"] == FAMILY
    (labels,) = trained_once.rows("SELECT count(*) AS n, max(label_end) AS last FROM training_labels")
    assert labels["n"] > 500 and str(labels["last"]) == "2005-09-30"


@pytest.mark.parametrize("role", ["writer", "reader"])
def test_prediction_code_cannot_read_a_label(trained_once, role):
    uri = getattr(trained_once.database, role)
    assert query(uri, "SELECT count(*) AS n FROM training_labels WHERE symbol = 'AAPL'")[0]["n"] > 0
    for columns in ("label", "*", "max(label)", "training_labels"):
        with pytest.raises(errors.InsufficientPrivilege):
            query(uri, f"SELECT {columns} FROM training_labels")
    with pytest.raises(errors.InsufficientPrivilege):
        query(uri, "SELECT count(*) AS n FROM training_labels WHERE label > 0")


def test_each_step_again_changes_nothing_and_other_tasks_find_the_same(workshop):
    before = (
        workshop.rows("SELECT * FROM model_versions"),
        workshop.rows("SELECT * FROM walk_forward_results"),
    )
    trials = workshop.rows("SELECT count(*) AS n FROM strategy_trials WHERE strategy = %(f)s", f=FAMILY)
    run_id = before[0][0]["training_run_id"]
    for step in ("run_walk_forward", "evaluate", "register_version"):
        getattr(workshop.training(), step)(run_id)  # each in a process of its own, as tasks are
    assert (
        workshop.training().build_dataset(read_asked({**SMALL, "END": "2005-09-30"}, "run 1", "tester"))
        == run_id
    )
    again = workshop.rows("SELECT * FROM model_versions"), workshop.rows("SELECT * FROM walk_forward_results")
    assert again == before
    assert (
        workshop.rows("SELECT count(*) AS n FROM strategy_trials WHERE strategy = %(f)s", f=FAMILY) == trials
    )


def test_the_same_again_is_the_same_artifact_and_one_trial_another_seed_is_not(workshop):
    workshop.train("run 2", END="2005-09-30")
    first, second = workshop.rows("SELECT * FROM model_versions ORDER BY id")
    assert (first["version"], second["version"]) == (1, 2)
    assert first["artifact_sha256"] == second["artifact_sha256"]
    trials = "SELECT count(*) AS n FROM strategy_trials WHERE strategy = %(f)s"
    assert workshop.rows(trials, f=FAMILY)[0]["n"] == 1
    workshop.train("run 3", END="2005-09-30", SEED="7")
    assert workshop.rows(trials, f=FAMILY)[0]["n"] == 2


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (
            {"MODEL": "alpha158_lightbgm"},
            ConfigError,
            r"no such model family.*did you mean alpha158_lightgbm",
        ),
        ({"PARAMETERS": "round=5"}, ConfigError, r"no such parameter.*round=5|known are.*rounds"),
        ({"PARAMETERS": "rounds=0"}, ConfigError, r"parameter refused.*rounds=0"),
        ({"FOLDS": "0"}, ConfigError, "between 1 and"),
        ({"MODE": "walking"}, ConfigError, "rolling, expanding"),
        ({"START": "2005-06-01", "END": "2005-01-03"}, ConfigError, "START lies after END"),
        ({"SYMBOLS": "AAPL NOPE"}, ConfigError, "no bars of this symbol"),
        ({"FOLDS": "40"}, DataQualityError, "too little history for 40 folds"),
        ({"SYMBOLS": "AAPL"}, DataQualityError, "one symbol cannot be ranked"),
    ],
)
def test_bad_input_is_one_clear_error_and_leaves_no_version(workshop, given, error, message):
    with pytest.raises(error, match=message):
        train(workshop.training(), read_asked({**SMALL, **given}, "bad", "tester"))
    assert len(workshop.rows("SELECT FROM model_versions")) == 1
    if message.startswith(("no bars", "too little")):  # it never had a row
        (alert,) = workshop.rows("SELECT * FROM alerts WHERE kind = 'training_failed' AND closed_at IS NULL")
        assert message.split(".*")[0] in alert["message"] and alert["subject"] == FAMILY
    for run in workshop.rows("SELECT * FROM training_runs WHERE run_key = 'bad'"):
        assert run["finished_at"] and message.split(".*")[0] in run["error"]
        assert workshop.rows("SELECT FROM alerts WHERE kind = 'training_failed' AND closed_at IS NULL")


def test_a_failure_once_the_run_has_begun_stands_in_its_row(workshop, monkeypatch):
    def fails(*_args):
        raise DataQualityError("disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(steps, "write_labels", fails)
        with pytest.raises(DataQualityError):
            train(workshop.training(), read_asked(SMALL, "begun", "tester"))
    (run,) = workshop.rows("SELECT * FROM training_runs WHERE run_key = 'begun'")
    assert run["finished_at"] and "disk is full" in run["error"]
    workshop.training().build_dataset(read_asked(SMALL, "begun", "tester"))  # a retry
    (run,) = workshop.rows("SELECT * FROM training_runs WHERE run_key = 'begun'")
    assert (run["finished_at"], run["error"]) == (None, None)


def test_a_planted_future_feature_is_found_by_the_training_itself_and_refused(workshop, monkeypatch):
    real = module.fill

    def leads(matrix, columns, rows, threads=None):
        real(matrix, columns, rows, threads)
        matrix[20, :-1] = matrix[0, 1:]  # tomorrow's kmid

    monkeypatch.setattr(module, "fill", leads)
    assert train(workshop.training(), read_asked({**SMALL, "FOLDS": "1"}, "leaks", "tester")) == "refused"
    (run,) = workshop.rows("SELECT findings FROM training_runs WHERE run_key = 'leaks'")
    assert {f["check"] for f in run["findings"]} >= {"future_in_feature"}
    (check,) = workshop.rows("SELECT * FROM promotion_checks WHERE name = 'leakage'")
    assert not check["passed"] and FEATURES[20] in check["detail"]


def test_a_good_training_closes_the_alert_of_a_bad_one(workshop):
    with pytest.raises(DataQualityError):
        train(workshop.training(), read_asked({**SMALL, "SYMBOLS": "AAPL"}, "bad", "tester"))
    assert train(workshop.training(), read_asked(SMALL, "good", "tester")) == "refused"
    alerts = workshop.rows("SELECT * FROM alerts WHERE kind = 'training_failed'")
    assert [a["closed_at"] is not None for a in alerts] == [True]
    assert workshop.said[-1].endswith("refused")
