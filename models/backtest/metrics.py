"""One definition per metric, as known at each session: the daily run, backtests and history share them."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Series = NDArray[np.float64]

SESSIONS_PER_YEAR = 252  # the exchanges' usual count, and empyrical's
METRICS = ("total_return", "volatility", "sharpe_ratio", "max_drawdown", "profit_factor")


def expanding_metrics(
    returns: Series, risk_free_rate: float = 0.0, periods: int = SESSIONS_PER_YEAR
) -> dict[str, Series]:
    """Return every metric as of every session, from the returns up to it and no others.

    Sums run strictly forward (Welford's recurrences), so more sessions never move an earlier value by a
    bit. Equal to empyrical-reloaded's ``cum_returns_final``, ``annual_volatility``, ``sharpe_ratio`` and
    ``max_drawdown`` on each prefix; profit factor is the sum of gains over the sum of losses, unsigned.

    Args:
        returns: [T] simple returns per session, fractions. NaN is no observation: before the first one
            nothing is known, later the last known value stands.
        risk_free_rate: per year; compounded down to one session: (1 + rate)^(1 / periods) - 1.
        periods: sessions per year.

    Returns:
        By name, arrays [T]: total_return (fraction); volatility (annual, sample deviation); sharpe_ratio
        (annual, of the excess return); max_drawdown (fraction, <= 0, from a start of 1); profit_factor.
        NaN while undefined: volatility and Sharpe below two returns, Sharpe without any deviation,
        profit factor without a loss.
    """
    rows = np.array(list(_walk(returns, risk_free_rate, periods))).reshape(-1, len(METRICS))
    return {name: rows[:, i].copy() for i, name in enumerate(METRICS)}


def summary(
    returns: Series, risk_free_rate: float = 0.0, periods: int = SESSIONS_PER_YEAR
) -> dict[str, float]:
    """Return the metrics as of the last session, NaN where undefined; see ``expanding_metrics``."""
    expanding = expanding_metrics(returns, risk_free_rate, periods)
    return {name: float(values[-1]) if len(values) else math.nan for name, values in expanding.items()}


def _walk(returns: Series, risk_free_rate: float, periods: int) -> Iterator[tuple[float, ...]]:
    per_session = (1.0 + risk_free_rate) ** (1.0 / periods) - 1.0
    annual = math.sqrt(periods)
    count, mean, squares = 0, 0.0, 0.0  # Welford (1962): mean and sum of squared deviations
    wealth = peak = 1.0
    drawdown, gains, losses = 0.0, 0.0, 0.0
    row = (math.nan,) * len(METRICS)
    for value in returns.tolist():
        if not math.isnan(value):
            count += 1
            delta = value - mean
            mean += delta / count
            squares += delta * (value - mean)
            wealth *= 1.0 + value
            peak = max(peak, wealth)
            drawdown = min(drawdown, wealth / peak - 1.0)
            gains += max(value, 0.0)
            losses -= min(value, 0.0)
            deviation = math.sqrt(squares / (count - 1)) if count > 1 else math.nan
            row = (
                wealth - 1.0,
                deviation * annual,
                (mean - per_session) / deviation * annual if deviation > 0.0 else math.nan,
                drawdown,
                gains / losses if losses > 0.0 else math.nan,
            )
        yield row
