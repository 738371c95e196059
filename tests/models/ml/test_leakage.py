"""Each leak is planted, and found; without one nothing is."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from models.ml.evaluate import evaluate
from models.ml.leakage import (
    future_in_features,
    future_in_predictions,
    permuted_labels,
    shuffle_labels,
)
from models.ml.trainers.alpha158_lightgbm import Alpha158Lightgbm
from models.ml.walk_forward import folds, walk_forward
from tests.support.models import QUICK, noisy, trainer

DATA = noisy(signal=1.0)
WINDOWS = folds(DATA.sessions, 2, train_months=12, count=3)


def rebuilt(session, seen=0, label_end=2):
    """The dataset with later bars changed; its first feature sees ``seen`` sessions ahead."""
    rng = np.random.default_rng(1)
    features, label = DATA.features.copy(), DATA.label.copy()
    features[DATA.session > session] = rng.normal(size=features.shape)[DATA.session > session]
    features[DATA.session > session - seen, 0] += np.float32(1)
    label[DATA.session > session - label_end] += 0.01
    return replace(DATA, features=features, label=label)


@dataclass(frozen=True)
class Cheat(Alpha158Lightgbm):
    """Learns from all rows, the test window's included."""

    def fit(self, data, rows, seed, progress=None):
        return super().fit(data, np.arange(len(data)), seed, progress)


@dataclass(frozen=True)
class Peeker(Alpha158Lightgbm):
    """Its prediction is the label."""

    @classmethod
    def predict(cls, artifact, data, rows):
        said = super().predict(artifact, data, rows)
        return replace(said, score=np.nan_to_num(data.label[rows]))


@dataclass(frozen=True)
class Leaner(Alpha158Lightgbm):
    """Its prediction leans on the next session's row."""

    @classmethod
    def predict(cls, artifact, data, rows):
        ahead = np.minimum(rows + len(data.symbols), len(data) - 1)
        return super().predict(artifact, data, ahead)


def of(cls, **values):
    return cls.from_parameters({**QUICK, **values})


def every_finding(rebuild, results):
    """As the gate's evidence is gathered."""
    fold = WINDOWS[-1]
    return [
        *future_in_features(DATA, rebuild, [fold.train_last, fold.test_first]),
        *future_in_predictions(Alpha158Lightgbm, results[-1].artifact, DATA, rebuild, fold.test_first),
        *permuted_labels(trainer(), DATA, fold, 7),
    ]


@pytest.fixture(scope="module")
def results():
    return walk_forward(trainer(), DATA, WINDOWS, 7)


def test_an_honest_model_has_skill_and_no_finding(results):
    assert min(r.evaluation.rank_ic for r in results) > 0.4
    assert every_finding(rebuilt, results) == []


def test_a_planted_future_feature_is_found_and_named(results):
    found = every_finding(lambda t: rebuilt(t, seen=1), results)
    assert {f.check for f in found} == {"future_in_feature", "future_in_prediction"}
    assert "kmid of" in found[0].detail and found[0].value == len(DATA.symbols) > found[0].threshold
    assert len(future_in_features(DATA, lambda t: rebuilt(t, seen=1), [100, 200])) == 2


def test_a_label_that_ends_later_than_its_reach_is_found():
    (found,) = future_in_features(DATA, lambda t: rebuilt(t, label_end=3), [200])
    assert found.check == "label_beyond_reach"


def test_rows_that_depend_on_later_bars_are_found():
    fewer = noisy(symbols=11)
    (found,) = future_in_features(DATA, lambda t: fewer, [200])
    assert found.check == "future_in_rows"


def test_a_prediction_that_reads_labels_or_later_rows_is_found(results):
    for cls in (Peeker, Leaner):
        (found,) = future_in_predictions(cls, results[-1].artifact, DATA, rebuilt, 300)
        assert found.check == "future_in_prediction"


def test_permuted_labels_have_no_skill_unless_the_test_window_was_learnt():
    fold = WINDOWS[-1]
    assert permuted_labels(trainer(), DATA, fold, 7) == []
    for cls in (Cheat, Peeker):
        (found,) = permuted_labels(of(cls, rounds=30, leaves=31, stop_share=0.0), DATA, fold, 7)
        assert found.check == "permuted_labels" and found.value > found.threshold


def test_permuted_labels_give_an_ic_within_noise_of_zero():
    """On many shuffles, the test's own statistic: mean 0, variance 1 / (rows - sessions)."""
    fold, scores = WINDOWS[0], []
    artifact = trainer().fit(DATA, fold.train(DATA), 7)
    rows = fold.test(DATA)
    score = Alpha158Lightgbm.predict(artifact, DATA, rows).score
    for seed in range(60):
        found = evaluate(shuffle_labels(DATA, seed), rows, score)
        scores.append(found.rank_ic * np.sqrt(found.n - len(found.sessions)))
    assert abs(np.mean(scores)) < 4 / np.sqrt(60) and 0.7 < np.std(scores) < 1.3


def test_shuffling_keeps_each_sessions_labels():
    dealt = shuffle_labels(DATA, 3)
    for day in (0, 200, 419):
        rows = DATA.rows_between(day, day)
        assert sorted(dealt.label[rows]) == sorted(DATA.label[rows]) or np.isnan(DATA.label[rows]).all()
    assert np.mean(dealt.label == DATA.label) < 0.2
    assert np.array_equal(np.isnan(dealt.label), np.isnan(DATA.label))
