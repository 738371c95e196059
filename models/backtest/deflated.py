"""How much of a Sharpe ratio is left after luck: the probabilistic and the deflated Sharpe ratio.

Bailey & López de Prado (2012), The Sharpe Ratio Efficient Frontier; (2014), The Deflated Sharpe Ratio. All
Sharpe ratios here are per session, not per year, as in the papers' formulas.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.errors import ConfigError

NORMAL = NormalDist()
EULER_MASCHERONI = 0.5772156649015329
FLAT = 1e-12  # a deviation per session below it is rounding: the account earned a constant


class Moments(NamedTuple):
    """What the formulas need of a return series."""

    sharpe: float  # mean over sample deviation, per session; NaN without a deviation
    skewness: float  # 0 for normal returns
    kurtosis: float  # 3 for normal returns
    sessions: int


def moments(returns: NDArray[np.float64], rate: float = 0.0) -> Moments:
    """Return the Sharpe ratio and the shape of a series of returns.

    Args:
        returns: [T] simple returns per session, fractions, no NaN.
        rate: risk-free, per session.

    Returns:
        Sharpe ratio with the sample deviation, as in the measures of a curve; skewness and kurtosis from the
        population's moments, as in the papers. NaN below two returns or without a deviation.
    """
    count = len(returns)
    if count < 2:
        return Moments(math.nan, math.nan, math.nan, count)
    off = returns - returns.mean()
    deviation = math.sqrt(float(np.mean(off**2)))
    if deviation < FLAT:
        return Moments(math.nan, math.nan, math.nan, count)
    sharpe = float(returns.mean() - rate) / (deviation * math.sqrt(count / (count - 1)))
    scaled = off / deviation
    return Moments(sharpe, float(np.mean(scaled**3)), float(np.mean(scaled**4)), count)


def probabilistic_sharpe(observed: Moments, threshold: float = 0.0) -> float:
    """Return the probability that the true Sharpe ratio is above a threshold.

    Bailey & López de Prado (2012), eq. 11: Z[(SR - SR*) sqrt(T - 1) / sqrt(1 - skew SR + (kurt - 1)/4 SR^2)].

    Args:
        observed: moments of the returns.
        threshold: per session.

    Returns:
        0 to 1; NaN where the Sharpe ratio or the threshold is NaN.
    """
    sharpe, skewness, kurtosis, sessions = observed
    if math.isnan(sharpe) or math.isnan(threshold):
        return math.nan
    # >= 0 for every sample, for kurtosis >= 1 + skewness^2; 0 for two values of equal frequency only.
    spread = 1.0 - skewness * sharpe + (kurtosis - 1.0) / 4.0 * sharpe**2
    distance = (sharpe - threshold) * math.sqrt(sessions - 1)
    return NORMAL.cdf(distance / math.sqrt(max(spread, FLAT)))


def expected_maximum_sharpe(trials: int, variance: float) -> float:
    """Return the best Sharpe ratio to expect of trials without any skill.

    Bailey & López de Prado (2014), eq. 1: sqrt(V) ((1 - g) Z^-1[1 - 1/N] + g Z^-1[1 - 1/(N e)]), g the
    Euler-Mascheroni constant.

    Args:
        trials: N, independent ones; counting dependent ones as well makes the threshold higher, never lower.
        variance: V of the trials' Sharpe ratios, per session squared; NaN when unknown.

    Returns:
        Per session: 0 for one trial, which nothing was chosen from; else NaN when the variance is.

    Raises:
        ConfigError: when there is no trial, or the variance is negative.
    """
    if trials < 1:
        raise ConfigError("no trials counted", stage="ranking", key="trials", value=trials,
                          remedy="store the run's configurations in strategy_trials first")  # fmt: skip
    if variance < 0.0:
        raise ConfigError("negative variance", stage="ranking", key="variance", value=variance,
                          remedy="give the variance of the trials' Sharpe ratios")  # fmt: skip
    if trials == 1:
        return 0.0
    # Z^-1[1 - p] = -Z^-1[p], which keeps its digits for millions of trials.
    best = -(1.0 - EULER_MASCHERONI) * NORMAL.inv_cdf(1.0 / trials)
    best -= EULER_MASCHERONI * NORMAL.inv_cdf(1.0 / (trials * math.e))
    return math.sqrt(variance) * best


def deflated_sharpe(observed: Moments, trials: int, variance: float) -> float:
    """Return the probability that the true Sharpe ratio is above what luck alone gives the best of the trials.

    Bailey & López de Prado (2014), eq. 2: the probabilistic Sharpe ratio against the expected maximum.

    Args:
        observed: moments of the returns.
        trials: every distinct configuration ever tried.
        variance: of the trials' Sharpe ratios, per session squared; NaN when unknown.

    Returns:
        0 to 1; NaN where the Sharpe ratio, or with several trials the variance, is NaN.
    """
    return probabilistic_sharpe(observed, expected_maximum_sharpe(trials, variance))


def trials_variance(sharpes: Sequence[float]) -> float:
    """Return the sample variance of the Sharpe ratios that are known; NaN below two of them."""
    known = [value for value in sharpes if not math.isnan(value)]
    return float(np.var(known, ddof=1)) if len(known) > 1 else math.nan
