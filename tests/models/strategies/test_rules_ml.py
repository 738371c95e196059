"""The ensemble of trained models, by hand."""

import numpy as np
import pytest

from models.errors import BlockedError
from models.strategies.ml.ml_ensemble import MlEnsemble
from tests.support.panels import NAN, panel_of


def said(strategy=None, bar=1.0, **voices):
    count = len(next(iter(voices.values())))
    columns = {f"prediction.{name}": values for name, values in voices.items()}
    return (strategy or MlEnsemble()).score(panel_of(day_of_week=[bar] * count, **columns)).score[:, 0]


def test_score_is_the_mean_rank_beyond_the_threshold():
    found = said(a=[0.5, -0.8, 1.0, 0.6], b=[0.75, -0.6, 1.0, 0.38])
    np.testing.assert_allclose(found, [0.625, -0.7, 1.0, 0.0], rtol=1e-12)  # 0.49 is within the threshold
    np.testing.assert_allclose(said(MlEnsemble(threshold=0.4), a=[0.6], b=[0.38]), [0.49], rtol=1e-12)


def test_discord_is_silence():
    found = said(MlEnsemble(threshold=0.1), a=[0.9, 0.9], b=[-0.1, -0.1], c=[0.1, -0.1])
    np.testing.assert_allclose(found, [0.3, 0.0], rtol=1e-12)  # two of three, then one of three


def test_a_family_without_a_value_is_left_out_and_none_is_no_opinion():
    np.testing.assert_array_equal(said(a=[0.8, NAN], b=[NAN, NAN]), [0.8, NAN])
    assert np.isnan(said(bar=NAN, a=[0.8])).all()


def test_without_predictions_it_is_blocked_and_says_what_to_do():
    with pytest.raises(BlockedError, match=r"no stored predictions.*train models first.*is_active = false"):
        MlEnsemble().score(panel_of(day_of_week=[1.0]))
    assert not MlEnsemble.starts_active and MlEnsemble.predictions
