"""The plain rules by hand, and intervals that hold the truth as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from models.ml.baselines import baseline_scores, intervals
from models.ml.evaluate import evaluate
from tests.support.models import noisy

DATA = noisy(sessions=300, symbols=20, signal=0.3)
EVERY = np.arange(len(DATA))


def test_the_rules_are_what_their_authors_say():
    closes = np.exp(np.cumsum(np.random.default_rng(0).normal(0, 0.02, (300, 2)), axis=0))
    closes[290, 1] = np.nan
    found = baseline_scores(closes)
    for t in (5, 100, 299):
        assert found["reversal_5"][t, 0] == pytest.approx(1 - closes[t, 0] / closes[t - 5, 0])
    for t in (252, 299):
        assert found["momentum_12_1"][t, 0] == pytest.approx(closes[t - 21, 0] / closes[t - 252, 0] - 1)
    assert np.isnan(found["reversal_5"][:5]).all() and np.isnan(found["momentum_12_1"][:252]).all()
    assert np.flatnonzero(np.isnan(found["reversal_5"][5:, 1])).tolist() == [285, 290]
    assert np.isnan(baseline_scores(closes[:3])["reversal_5"]).all()


def test_an_interval_holds_its_value_and_a_lead_over_oneself_is_nothing():
    rng = np.random.default_rng(1)
    skilled, idle = DATA.features[:, 0].astype(float), rng.normal(size=len(DATA))
    found = {
        name: evaluate(DATA, EVERY, score, top=5)
        for name, score in (("a", skilled), ("same", skilled), ("b", idle))
    }
    bounds = intervals(found, "a", repetitions=100)
    assert all(low <= value <= high for value, low, high in bounds.values())
    for measure in ("ic", "rank_ic", "icir", "sharpe"):
        assert bounds["a", measure][0] == pytest.approx(getattr(found["a"], measure))
        assert bounds["a - same", measure] == (0.0, 0.0, 0.0)
        assert bounds["a - b", measure][1] > 0  # skill against none is told apart
    assert bounds["b", "ic"][1] < 0 < bounds["b", "ic"][2]
    assert intervals(found, "a", repetitions=100) == bounds
    assert np.ptp(bounds["a", "ic"]) == pytest.approx(2 * 1.96 / np.sqrt(19 * 298), rel=0.35)
