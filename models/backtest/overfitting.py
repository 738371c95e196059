"""Does picking the best backtest pick anything? The probability of backtest overfitting.

Bailey, Borwein, López de Prado & Zhu (2017), The Probability of Backtest Overfitting: combinatorially
symmetric cross-validation (CSCV).
"""

from __future__ import annotations

import math
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.backtest.deflated import FLAT
from models.compiled import njit
from models.errors import ConfigError, DataQualityError

Matrix = NDArray[np.float64]
BLOCKS = 16  # the paper's choice: 12,870 ways to split the history in two halves


class Overfitting(NamedTuple):
    """What the splits say; NaN where there is nothing to split or to choose from."""

    probability: (
        float  # PBO: share of splits whose best half-history strategy is at or below the other half's median
    )
    loss_probability: float  # share of splits whose best one has a Sharpe ratio below 0 in the other half
    splits: int


def backtest_overfitting(returns: Matrix, blocks: int = BLOCKS) -> Overfitting:
    """Return how often the strategy that is best in one half of the blocks is no better than the median in the other.

    The history is cut into blocks in order; every choice of half the blocks is once the training set and the
    rest the test set. Strategies are judged by their Sharpe ratio. Where several are best in training, each
    counts by equal parts; strategies that tie in testing share their mean place: so the order of columns has
    no say.

    Args:
        returns: [T, N] net returns per session above the risk-free rate, no NaN; a column without a deviation has a
            Sharpe ratio of 0.
        blocks: even; they differ by a session at most where T is not a multiple.

    Returns:
        The probabilities, NaN below two strategies or two sessions a block. The best one's place in the test
        is its rank over N + 1, and a place of 1/2 counts as overfitting (logit <= 0), as in the paper.

    Raises:
        ConfigError: when blocks is odd, below 2 or above 20 (184,756 splits).
        DataQualityError: when a return is not finite.
    """
    if blocks % 2 or not 2 <= blocks <= 20:
        raise ConfigError("blocks of CSCV", stage="ranking", key="blocks", value=blocks,
                          remedy="give an even number from 2 to 20")  # fmt: skip
    if not np.isfinite(returns).all():
        raise DataQualityError("a return is missing or infinite", stage="ranking", key="returns", value="NaN",
                               remedy="give strategies over the same sessions")  # fmt: skip
    sessions, strategies = returns.shape
    if strategies < 2 or sessions < 2 * blocks:
        return Overfitting(math.nan, math.nan, 0)
    edges = np.linspace(0, sessions, blocks + 1).astype(np.int64)
    # Deviations do not depend on the level, and small numbers keep their digits in the squares' sums.
    level = returns.mean(axis=0)
    off = returns - level
    sums = np.add.reduceat(off, edges[:-1], axis=0)
    squares = np.add.reduceat(off * off, edges[:-1], axis=0)
    half = blocks // 2
    chosen = np.array(list(combinations(range(blocks), half)), dtype=np.int64)
    overfit, lost = _judge_splits(sums, squares, np.diff(edges).astype(np.float64), level, chosen)
    return Overfitting(overfit / len(chosen), lost / len(chosen), len(chosen))


@njit(cache=True, nogil=True, error_model="numpy")
def _judge_splits(
    sums: Matrix, squares: Matrix, lengths: NDArray[np.float64], level: NDArray[np.float64],
    chosen: NDArray[np.int64],
) -> tuple[float, float]:  # fmt: skip
    """Return how many splits are overfit, and in how many the chosen one loses; ties count by parts."""
    strategies = sums.shape[1]
    total, total_squares, sessions = sums.sum(axis=0), squares.sum(axis=0), lengths.sum()
    inside, outside = np.empty(strategies), np.empty(strategies)
    overfit, lost = 0.0, 0.0
    for c in range(len(chosen)):
        count = 0.0
        for b in chosen[c]:
            count += lengths[b]
        for n in range(strategies):
            part, part_squares = 0.0, 0.0
            for b in chosen[c]:
                part += sums[b, n]
                part_squares += squares[b, n]
            inside[n] = _sharpe(part, part_squares, count, level[n])
            outside[n] = _sharpe(total[n] - part, total_squares[n] - part_squares, sessions - count, level[n])
        best = inside.max()
        ties, bad, negative = 0.0, 0.0, 0.0
        for n in range(strategies):
            if inside[n] < best:
                continue
            below, equal = 0.0, 0.0
            for m in range(strategies):
                if outside[m] < outside[n]:
                    below += 1.0
                elif outside[m] == outside[n]:
                    equal += 1.0
            ties += 1.0
            if below + (equal + 1.0) / 2.0 <= (strategies + 1.0) / 2.0:
                bad += 1.0
            if outside[n] < 0.0:
                negative += 1.0
        overfit += bad / ties
        lost += negative / ties
    return overfit, lost


@njit(cache=True, nogil=True, error_model="numpy")
def _sharpe(total: float, squares: float, count: float, level: float) -> float:
    mean = total / count
    variance = squares / count - mean * mean
    return (level + mean) / math.sqrt(variance) if variance > FLAT * FLAT else 0.0
