"""Enhanced momentum: trend by MACD and averages, taken only when other measures confirm it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from models.panel import Matrix
from models.strategies.base import BaseStrategy, Panel, Scores, parameter

SESSIONS_PER_YEAR = 252


@dataclass(frozen=True)
class EnhancedMomentum(BaseStrategy):
    """Score = direction x confidence; 0 when nothing is confirmed, NaN when any input is NaN.

    Direction is long when the MACD histogram > 0 and sma_10 > sma_20, short when both are below, and only
    with at least two of: RSI inside the band; volume ratio >= minimum; 5-session return of the same sign.
    Confidence is the mean of four parts in [0, 1], r5 the 5-session return, vr the volume ratio:
    RSI 1 - |rsi - 50| / 50, volume min(vr / 2, 1), momentum min(10 |r5|, 1), and calm: 1 up to
    target_volatility (annual), beyond it target / volatility, not below 0.3.
    Position size = position_size x confidence x calm: constant risk instead of constant money (Moskowitz,
    Ooi, Pedersen (2012), Time Series Momentum, scale by target over realised volatility as well).
    Expected return over ``horizon`` sessions = direction x information_coefficient x confidence x
    volatility x sqrt(horizon / 252): Grinold (1994), "Alpha is Volatility Times IC Times Score".
    """

    name = "enhanced_momentum"
    category = "momentum"
    starts_active = False  # its idea votes through macd_alpha
    features = (
        "macd_hist", "sma_10", "sma_20", "rsi_14", "volume_ratio_20", "return_5", "volatility_20",
    )  # fmt: skip

    rsi_low: float = parameter(30.0, low=0.0, high=50.0)  # Wilder's bands: outside, the move is overdone
    rsi_high: float = parameter(70.0, low=50.0, high=100.0)
    min_volume_ratio: float = parameter(1.2, low=0.0, high=10.0)  # a fifth above usual: the move is traded
    min_confirmations: int = parameter(2, low=0, high=3)  # a majority of the three
    target_volatility: float = parameter(0.20, low=0.01, high=2.0)  # about a broad index's long-run level
    position_size: float = parameter(0.05, low=0.0, high=1.0)  # twenty positions use the whole capital
    stop_loss: float = parameter(0.02, low=0.001, high=0.5)  # about two days' moves at 20 % a year
    information_coefficient: float = parameter(0.05, low=0.0, high=1.0)  # "good" in Grinold & Kahn (1999)
    horizon: int = parameter(5, low=1, high=252)  # sessions, as the default holding period

    def score(self, panel: Panel) -> Scores:
        """Return the scores, stateless: a session's score needs that session's features only."""
        inputs = [panel[name] for name in self.features]
        known = np.ones(panel.shape, np.bool_)
        for values in inputs:  # one by one: all of them side by side would be a copy of all
            known &= ~np.isnan(values)
        _, _, _, rsi, volume_ratio, return_5, volatility = inputs
        calm = np.clip(self.target_volatility / np.maximum(volatility, self.target_volatility), 0.3, 1.0)
        confidence = 1.0 - np.abs(rsi - 50.0) / 50.0
        confidence += np.minimum(volume_ratio / 2.0, 1.0)
        confidence += np.minimum(10.0 * np.abs(return_5), 1.0)
        confidence += calm
        confidence /= 4.0
        direction = self._direction(panel)
        risk = self.information_coefficient * volatility * math.sqrt(self.horizon / SESSIONS_PER_YEAR)
        in_position = np.abs(direction)  # 0 without one, so that a flat row claims nothing

        def where_known(values: Matrix) -> Matrix:
            return np.where(known, values, np.nan)

        return Scores(
            score=where_known(direction * confidence),
            confidence=where_known(in_position * confidence),
            expected_return=where_known(direction * confidence * risk),
            position_size=where_known(in_position * self.position_size * confidence * calm),
            stop_loss=np.where(known & (direction != 0), self.stop_loss, np.nan),
        )

    def rules(self) -> dict[str, float | bool]:
        """The stop."""
        return {"stop_loss": self.stop_loss}

    def target(self, panel: Panel, scores: Scores) -> Matrix:
        """Return the direction: a weight that follows the confidence would trade at every close."""
        return np.sign(scores.score)

    def _direction(self, panel: Panel) -> Matrix:
        histogram, spread = panel["macd_hist"], panel["sma_10"] - panel["sma_20"]
        up, down = (histogram > 0) & (spread > 0), (histogram < 0) & (spread < 0)
        trend = up.astype(np.float64) - down
        rsi = panel["rsi_14"]
        confirmations = (
            ((rsi >= self.rsi_low) & (rsi <= self.rsi_high)).astype(int)
            + (panel["volume_ratio_20"] >= self.min_volume_ratio)
            + (np.sign(panel["return_5"]) == trend)
        )
        return np.where(confirmations >= self.min_confirmations, trend, 0.0)
