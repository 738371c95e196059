"""A promoted version in the daily chain: what is predicted on a day is what a batch predicts, bit for bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.errors import BlockedError
from models.ml.base import Dataset
from models.panel import Panel
from models.strategies.base import signals_frame
from models.strategies.ml.alpha158_lightgbm import FEATURES, Alpha158Lightgbm
from tests.support.models import noisy, trainer

DATA = noisy(signal=1.0)
T, N = len(DATA.sessions), len(DATA.symbols)


def panel(first=0, last=T, symbols=DATA.symbols, missing=()):
    values = DATA.features.reshape(T, N, -1).astype(np.float64)
    for cell in missing:
        values[cell] = np.nan
    columns = [DATA.symbols.index(s) for s in symbols]
    return Panel(DATA.sessions[first:last], tuple(symbols),
                 {name: values[first:last, columns, k] for k, name in enumerate(FEATURES)})  # fmt: skip


@pytest.fixture(scope="module")
def strategy():
    return Alpha158Lightgbm(top=3).with_artifact(trainer().fit(DATA, DATA.rows_between(0, 300), 7))


def test_without_a_version_it_is_blocked_and_says_what_to_do():
    with pytest.raises(BlockedError, match=r"no promoted version.*make train MODEL=alpha158_lightgbm"):
        Alpha158Lightgbm().score(panel())
    assert not Alpha158Lightgbm.starts_active


def test_a_day_equals_the_batch_bit_for_bit(strategy):
    whole = strategy.predict(panel())
    batch = type(trainer()).predict(strategy.artifact, DATA, np.arange(len(DATA)))
    assert whole.score.tobytes() == batch.score.tobytes()
    for t in (301, 350, T - 1):
        alone = strategy.predict(panel(t, t + 1))
        some = strategy.predict(panel(t - 5, t + 1), sessions=np.array([5]))
        assert alone.score.tobytes() == whole.score[t].tobytes() == some.score[5].tobytes()
        assert alone.confidence.tobytes() == whole.confidence[t].tobytes()
        assert np.isnan(some.score[:5]).all()
    np.testing.assert_array_equal(strategy.score(panel()).score, strategy.decide(whole).score)


def test_the_best_are_long_and_the_worst_short(strategy):
    predicted, scores = strategy.predict(panel()).score, strategy.score(panel())
    for t in range(0, T, 50):
        order = np.argsort(predicted[t])
        if len(np.unique(predicted[t])) == N:
            assert set(np.flatnonzero(scores.score[t] == -1)) == set(order[:3])
            assert set(np.flatnonzero(scores.score[t] == 1)) == set(order[-3:])
    assert (np.nansum(scores.position_size, axis=1) <= 1 + 1e-12).all()
    weights = strategy.target(panel(), scores)
    assert np.abs(weights.sum(axis=1)).max() < 1e-12 or (np.abs(scores.score).sum(axis=1) < 6).any()
    np.testing.assert_array_equal(strategy.account_weights(weights, panel().symbols), weights)
    assert len(signals_frame(panel(), scores))


@pytest.mark.parametrize(("count", "each"), [(12, 3), (5, 2), (4, 2), (3, 1), (2, 1), (1, 0)])
def test_never_more_than_half_of_the_universe(strategy, count, each):
    said = strategy.score(panel(symbols=DATA.symbols[:count])).score
    assert (said == 1).sum(axis=1).max() == (said == -1).sum(axis=1).max() == each
    assert ((said == 1).sum(axis=1) <= each).all()


def test_a_universe_change_and_a_new_symbol_without_history(strategy):
    """Other symbols keep their predictions; one without all features has none, and none is made up."""
    whole = strategy.predict(panel()).score
    fewer = strategy.predict(panel(symbols=DATA.symbols[2:])).score
    assert fewer.tobytes() == np.ascontiguousarray(whole[:, 2:]).tobytes()
    new = panel(missing=[(slice(0, 60), 0, slice(100, 120)), (200, 1, 7), (slice(300, None), 2)])
    found = strategy.predict(new).score
    for cells in ((slice(0, 60), 0), (200, 1), (slice(300, None), 2)):
        assert np.isnan(found[cells]).all() and np.isnan(strategy.score(new).score[cells]).all()
        found[cells] = whole[cells]
    assert found.tobytes() == whole.tobytes()
    rows = signals_frame(new, strategy.score(new))
    assert not len(rows[(rows.symbol == "S02") & (rows.session_date >= new.sessions[300])])


def test_an_empty_panel_says_nothing(strategy):
    assert strategy.score(panel(0, 0)).score.shape == (0, N)
    assert len(signals_frame(panel(0, 0), strategy.score(panel(0, 0)))) == 0


def test_a_constant_prediction_wants_nothing(strategy):
    """As an untrained version gives: never the first symbols of the alphabet."""
    flat = strategy.decide(
        replace(strategy.predict(panel()), score=np.zeros((T, N)), confidence=np.zeros((T, N)))
    )
    assert not flat.score.any()


def test_a_panels_rows_are_the_datasets(strategy):
    rows = Dataset.from_panel(panel(), FEATURES)
    assert rows.features.tobytes() == DATA.features.tobytes() and np.isnan(rows.label).all()
