"""The ensemble of trained models, by hand."""

import numpy as np
import pytest

from models.errors import BlockedError
from models.strategies.ml.ml_ensemble import MlEnsemble
from tests.support.panels import NAN, panel_of

# 22.45 % a year are 0.2245 x sqrt(5 / 252), about 3.16 %, over the horizon of 5 sessions.
VOLATILITY = 0.2245
RISK = VOLATILITY * np.sqrt(5 / 252)


def said(strategy=None, volatility=VOLATILITY, **voices):
    count = len(next(iter(voices.values())))
    columns = {f"prediction.{name}": values for name, values in voices.items()}
    scores = (strategy or MlEnsemble()).score(panel_of(volatility_20=[volatility] * count, **columns))
    return scores.score[:, 0], scores.expected_return[:, 0]


def test_score_is_the_mean_over_the_risk():
    score, expected = said(a=[0.01, -0.02, 0.9, 0.001], b=[0.02, -0.01, 0.9, 0.001])
    np.testing.assert_allclose(
        score, [0.015 / RISK, -0.015 / RISK, 1, 0], rtol=1e-12
    )  # 0.001 is within the threshold
    np.testing.assert_allclose(expected, [0.015, -0.015, 0.9, 0], rtol=1e-12)


def test_discord_is_silence():
    score, _ = said(a=[0.03, 0.03], b=[-0.01, -0.01], c=[0.01, -0.01])
    np.testing.assert_allclose(score, [0.01 / RISK, 0], rtol=1e-12)  # two of three, then one of three


def test_a_model_without_a_value_is_left_out_and_none_is_no_opinion():
    score, expected = said(a=[0.02, NAN], b=[NAN, NAN])
    np.testing.assert_allclose(score, [0.02 / RISK, NAN], rtol=1e-12)
    assert np.isnan(expected[1])
    assert np.isnan(said(volatility=NAN, a=[0.02])[0]).all()
    assert said(volatility=0.0, a=[0.02])[0][0] == 0.0


def test_without_predictions_it_is_blocked_and_says_what_to_do():
    with pytest.raises(BlockedError, match=r"no stored predictions.*train models first.*is_active = false"):
        MlEnsemble().score(panel_of(volatility_20=[0.2]))
    assert not MlEnsemble.starts_active and MlEnsemble.predictions
