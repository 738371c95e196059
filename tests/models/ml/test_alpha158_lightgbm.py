"""The LightGBM family: same in, same bytes out; a row stands for itself; what cannot be learnt is said."""

from __future__ import annotations

from dataclasses import replace

import lightgbm
import numpy as np
import pytest

from data_layer.features.registry import catalogue
from models.errors import ConfigError, DataQualityError
from models.ml.base import families
from models.ml.trainers._gbdt import split_for_stopping, usable
from models.ml.trainers.alpha158_lightgbm import FEATURES, Alpha158Lightgbm
from models.ml.walk_forward import folds
from tests.support.models import noisy, trainer

DATA = noisy()
EVERY = np.arange(len(DATA))


@pytest.fixture(scope="module")
def artifact():
    return trainer().fit(DATA, EVERY, seed=7)


def test_it_is_found_and_reads_the_stored_set_without_vwap():
    assert families()["alpha158_lightgbm"] is Alpha158Lightgbm
    assert sorted(FEATURES) == sorted({d.name for d in catalogue("alpha158")} - {"vwap0"})


def test_same_data_seed_and_code_give_the_same_bytes_with_any_threads(artifact):
    again = trainer().fit(DATA, EVERY, seed=7)
    threaded = trainer(threads=2).fit(DATA, EVERY, seed=7)
    assert artifact.content == again.content == threaded.content and artifact.sha256 == threaded.sha256
    assert artifact.metadata == again.metadata
    assert trainer().fit(DATA, EVERY, seed=8).sha256 != artifact.sha256


def test_it_learns_what_there_is_and_says_from_what(artifact):
    said = artifact.metadata
    assert said["importances"][FEATURES[0]] == max(said["importances"].values()) > 0.5
    assert sum(said["importances"].values()) == pytest.approx(1.0)
    assert (said["trained_from"], said["trained_to"]) == (str(DATA.sessions[0]), str(DATA.sessions[-3]))
    assert said["rows"] + said["rows_to_stop_on"] == len(usable(DATA, EVERY)) - 2 * len(DATA.symbols)
    assert lightgbm.Booster(model_str=artifact.content.decode()).num_trees() == said["trees"] <= 20
    assert b"parameters" not in artifact.content


def test_a_prediction_depends_on_its_row_alone(artifact):
    whole = Alpha158Lightgbm.predict(artifact, DATA, EVERY)
    rng = np.random.default_rng(1)
    for rows in (EVERY[100:101], np.sort(rng.choice(EVERY, 77, replace=False)), EVERY[::-1]):
        part = Alpha158Lightgbm.predict(artifact, DATA, rows)
        assert part.score.tobytes() == whole.score[rows].tobytes()
        assert part.confidence.tobytes() == whole.confidence[rows].tobytes()
    assert (whole.confidence >= 0).all() and (whole.confidence <= 1).all()


def test_labels_are_not_read_and_a_missing_feature_gives_no_prediction(artifact):
    features = DATA.features.copy()
    features[5, 3] = np.nan
    unlabelled = replace(DATA, features=features, label=DATA.label * np.nan, ranked=DATA.ranked * np.nan)
    before, after = (Alpha158Lightgbm.predict(artifact, d, EVERY).score for d in (DATA, unlabelled))
    assert np.flatnonzero(np.isnan(after)).tolist() == [5]
    assert np.delete(before, 5).tobytes() == np.delete(after, 5).tobytes()


def test_nothing_outside_the_window_reaches_the_model(artifact):
    rows = DATA.rows_between(50, 300)
    inside = np.isin(EVERY, rows)
    other = replace(
        DATA, features=np.where(inside[:, None], DATA.features, np.float32(9.0)),
        ranked=np.where(inside, DATA.ranked, 9.0), label=np.where(inside, DATA.label, 9.0),
    )  # fmt: skip
    assert trainer().fit(DATA, rows, 7).content == trainer().fit(other, rows, 7).content


def test_stopping_is_judged_inside_the_window_and_purged():
    kept = usable(DATA, DATA.rows_between(50, 300))
    fitted, stopped = split_for_stopping(DATA, kept, 0.15, reach=2)
    first, last = DATA.session[stopped[[0, -1]]]
    assert (last, DATA.session[fitted[-1]] + 2) == (300, first - 1)
    assert last - first + 1 == 38  # 15 % of 251
    assert len(split_for_stopping(DATA, kept, 0.0, 2)[1]) == 0


def test_folds_on_shared_bins_equal_fits_with_the_same_bins():
    """And the bins are the first window's: later rows move nothing of the first model."""
    ours = trainer(stop_share=0.15)
    windows = folds(DATA.sessions, ours.reach, train_months=6, count=4)
    rows = [fold.train(DATA) for fold in windows]
    shared = ours.fit_many(DATA, rows, 7, workers=2)
    first = split_for_stopping(DATA, usable(DATA, rows[0]), 0.15, ours.reach)[0]
    bins = lightgbm.Dataset(DATA.features[first], params=ours.settings(7)).construct()
    for window, artifact in zip(rows, shared, strict=True):
        fit, stop = split_for_stopping(DATA, usable(DATA, window), 0.15, ours.reach)
        train = lightgbm.Dataset(
            DATA.features[fit], DATA.ranked[fit], reference=bins, params=ours.settings(7)
        )
        valid = lightgbm.Dataset(DATA.features[stop], DATA.ranked[stop], reference=bins)
        alone = lightgbm.train(ours.settings(7), train, 20, valid_sets=[valid],
                               callbacks=[lightgbm.early_stopping(5, verbose=False)])  # fmt: skip
        assert artifact.metadata["trees"] == alone.best_iteration
        held = Alpha158Lightgbm.predict(artifact, DATA, EVERY).score
        assert held.tobytes() == alone.predict(DATA.features).tobytes()
    later = np.arange(len(DATA)) > rows[0][-1]
    changed = replace(DATA, features=np.where(later[:, None], -DATA.features, DATA.features))
    assert (
        ours.fit_many(changed, rows, 7)[0].content == shared[0].content == ours.fit(DATA, rows[0], 7).content
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": np.full(len(DATA), 0.01)}, "constant within every session"),
        ({"label": np.full(len(DATA), np.nan)}, "too little history to learn from.*sessions=0"),
    ],
)
def test_labels_that_teach_nothing_are_refused(change, message):
    with pytest.raises(DataQualityError, match=message):
        trainer().fit(noisy(**change), EVERY, 7)


def test_an_empty_feature_one_symbol_and_too_little_history_are_named():
    features = DATA.features.copy()
    features[:, 3] = np.nan
    with pytest.raises(DataQualityError, match=r"1 features without a value.*kup"):
        trainer().fit(replace(DATA, features=features), EVERY, 7)
    with pytest.raises(DataQualityError, match="one symbol cannot be ranked"):
        trainer().fit(noisy(symbols=1), np.arange(420), 7)
    with pytest.raises(DataQualityError, match=r"too little history.*sessions=59.*takes 60 sessions"):
        trainer().fit(DATA, DATA.rows_between(0, 58), 7)
    with pytest.raises(DataQualityError, match="too little history"):
        trainer().fit(DATA, EVERY[:0], 7)


def test_other_features_are_refused(artifact):
    fewer = replace(DATA, names=DATA.names[:5], features=DATA.features[:, :5])
    with pytest.raises(DataQualityError, match="not this family's features"):
        trainer().fit(fewer, EVERY, 7)
    with pytest.raises(DataQualityError, match=r"152 features of the model are not in the data.*klow"):
        Alpha158Lightgbm.predict(artifact, fewer, EVERY)
    turned = replace(DATA, names=DATA.names[::-1], features=DATA.features[:, ::-1])
    same = [Alpha158Lightgbm.predict(artifact, d, EVERY).score.tobytes() for d in (DATA, turned)]
    assert same[0] == same[1]


@pytest.mark.parametrize("values", [{"price": "high"}, {"horizon": 0}, {"nothing": 1}, {"rounds": 2.5}])
def test_parameters_are_bounded(values):
    with pytest.raises(ConfigError):
        Alpha158Lightgbm.from_parameters(values)
    assert Alpha158Lightgbm.from_parameters({"price": "close", "horizon": 5}).reach == 6
