"""The rules of the paper account against plain scalar code written from their description."""

import math

import numpy as np
import pytest

from models.strategies.mean_reversion.rsi_reversion import RsiReversion
from models.strategies.momentum.enhanced_momentum import EnhancedMomentum
from models.strategies.trend.golden_cross import GoldenCross
from tests.support.panels import NAN, column, panel_of


def test_golden_cross():
    scores = column(GoldenCross(), sma_50=[NAN, 1, 2, 3, 2, 3], sma_200=[NAN, NAN, 2, 2, 3, 2])
    np.testing.assert_array_equal(scores, [NAN, NAN, 0, 1, 0, 1])


def test_rsi_reversion_holds_from_the_band_to_the_middle():
    rsi = [NAN, 50, 31, 30, 29.9, 40, 49, 50, 40, 71, 60, 50, 60, 70, 10, 90, 20]
    expected = [NAN, 0, 0, 0, 20.1 / 50, 0.2, 0.02, 0, 0, -0.42, -0.2, 0, 0, 0, 0.8, -0.8, 0.6]
    np.testing.assert_allclose(column(RsiReversion(), rsi_14=rsi), expected, rtol=1e-12)
    np.testing.assert_array_equal(column(RsiReversion(), rsi_14=[0, 100]), [1, -1])


def test_rsi_reversion_keeps_a_position_over_a_session_without_rsi():
    scores = column(RsiReversion(), rsi_14=[25, NAN, 40, 55, NAN, 40])
    np.testing.assert_allclose(scores, [0.5, NAN, 0.2, 0, NAN, 0])


def reference_rsi(values, low, high, middle):
    position, out = 0, []
    for rsi in values:
        if math.isnan(rsi):
            out.append(NAN)
            continue
        if rsi < low:
            position = 1
        elif rsi > high:
            position = -1
        elif (position == 1 and rsi >= middle) or (position == -1 and rsi <= middle):
            position = 0
        depth = (middle - rsi) / (middle if position == 1 else 100 - middle)
        out.append(depth if position else 0.0)
    return out


@pytest.mark.parametrize("parameters", [{}, {"oversold": 45.0, "overbought": 55.0, "exit_level": 45.0}])
def test_rsi_reversion_equals_the_scalar_rule(parameters):
    rng = np.random.default_rng(1)
    rsi = np.clip(50 + np.cumsum(rng.normal(0, 12, (500, 3)), axis=0) % 100 - 50, 0, 100)
    rsi[rng.random(rsi.shape) < 0.05] = NAN
    strategy = RsiReversion(**parameters)
    levels = strategy.oversold, strategy.overbought, strategy.exit_level
    expected = np.array([reference_rsi(c, *levels) for c in rsi.T]).T
    assert (expected > 0).any() and (expected < 0).any()
    np.testing.assert_allclose(strategy.score(panel_of(rsi_14=rsi)).score, expected, rtol=1e-12)


def momentum(histogram=0.1, sma_10=101.0, sma_20=100.0, rsi=60.0, ratio=1.5, r5=0.03, vol=0.15):
    values = ([v] for v in (histogram, sma_10, sma_20, rsi, ratio, r5, vol))
    scores = EnhancedMomentum().score(panel_of(**dict(zip(EnhancedMomentum.features, values, strict=True))))
    return [getattr(scores, n)[0, 0] for n in
            ("score", "confidence", "position_size", "stop_loss", "expected_return")]  # fmt: skip


def test_enhanced_momentum_worked_by_hand():
    confidence = (0.8 + 0.75 + 0.3 + 1.0) / 4  # rsi 60, volume ratio 1.5, 5-session return 3 %, calm
    expected = 0.05 * confidence * 0.15 * math.sqrt(5 / 252)
    assert momentum() == pytest.approx([confidence, confidence, 0.05 * confidence, 0.02, expected], rel=1e-12)
    short = momentum(histogram=-0.1, sma_10=99, r5=-0.03)
    assert short == pytest.approx([-confidence, confidence, 0.05 * confidence, 0.02, -expected], rel=1e-12)


def test_enhanced_momentum_volatility_scales_confidence_and_size():
    confidence = (0.8 + 0.75 + 0.3 + 0.5) / 4
    assert momentum(vol=0.40)[1:3] == pytest.approx([confidence, 0.05 * confidence * 0.5], rel=1e-12)
    assert momentum(vol=5.0)[1] == pytest.approx((0.8 + 0.75 + 0.3 + 0.3) / 4, rel=1e-12)  # the floor
    assert momentum(vol=0.0)[1] == momentum(vol=0.20)[1] == momentum()[1]


@pytest.mark.parametrize(
    ("changed", "taken"),
    [
        ({"rsi": 75.0}, True),
        ({"ratio": 1.1}, True),
        ({"r5": -0.01}, True),
        ({"rsi": 75.0, "ratio": 1.1}, False),
        ({"rsi": 25.0, "r5": 0.0}, False),
        ({"ratio": 1.19, "r5": -0.01}, False),
        ({"rsi": 70.0, "ratio": 1.2, "r5": -0.01}, True),  # both ends belong to the band
        ({"histogram": -0.1}, False),
        ({"histogram": 0.0}, False),
        ({"sma_10": 100.0}, False),
        ({"sma_10": 99.0}, False),
    ],
)
def test_enhanced_momentum_needs_trend_and_two_confirmations(changed, taken):
    mirrored = {"histogram": -0.1, "sma_10": 99.0, "r5": -0.03}
    mirrored |= {k: {"sma_10": 200 - v, "rsi": 100 - v, "ratio": v}.get(k, -v) for k, v in changed.items()}
    for direction, features in ((1, changed), (-1, mirrored)):
        score, confidence, size, stop, expected = momentum(**features)
        assert (score * direction > 0) == taken
        if not taken:
            assert (score, confidence, size, expected) == (0, 0, 0, 0) and math.isnan(stop)


@pytest.mark.parametrize("missing", ["histogram", "sma_10", "sma_20", "rsi", "ratio", "r5", "vol"])
def test_enhanced_momentum_without_an_input_has_no_opinion(missing):
    assert all(math.isnan(v) for v in momentum(**{missing: NAN}))


def test_numbers_go_by_feature_name_not_by_place():
    assert EnhancedMomentum.features == (
        "macd_hist", "sma_10", "sma_20", "rsi_14", "volume_ratio_20", "return_5", "volatility_20",
    )  # fmt: skip
