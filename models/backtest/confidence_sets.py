"""Which strategies can be told apart: model confidence sets, and whether any beats the benchmark.

Hansen, Lunde & Nason (2011), The Model Confidence Set; Hansen (2005), A Test for Superior Predictive Ability;
both as in the arch package, over its stationary bootstrap (Politis & Romano 1994). A loss is a negative return.
arch brings statsmodels and scipy along, 1.2 to 1.9 s of imports, so it is imported where it is first needed.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.backtest.deflated import FLAT
from models.errors import ConfigError, DataQualityError

Matrix = NDArray[np.float64]

SIZE = 0.05  # the usual 95 %
REPETITIONS = 1000  # a p-value of 0.05 is then known to +- 0.007
SEED = 1  # any fixed one: the same returns give the same ranks
SAME = 1e-9  # of a deviation: returns closer than this differ by rounding only


class Sets(NamedTuple):
    """Strategies by what can be told of them."""

    group: NDArray[np.int64]  # [N] 0 the best set, 1 the best of the rest, ...
    p_value: NDArray[
        np.float64
    ]  # [N] the smallest size at which the strategy leaves the best set; 1 for the best


class Superior(NamedTuple):
    """Whether anything beats a benchmark."""

    p_value: float  # of "none is better"; NaN when nothing differs from the benchmark
    better: NDArray[np.bool_]  # [N] told to be better, all together wrong in at most SIZE of all cases


def at_equal_risk(returns: Matrix) -> Matrix:
    """Return returns over their deviation: means are then Sharpe ratios, and comparing one compares the other.

    Args:
        returns: [T, N] per session.

    Raises:
        DataQualityError: for a column without a deviation, which has no Sharpe ratio.
    """
    deviation = returns.std(axis=0, ddof=1)
    if not np.all(deviation > FLAT):
        raise DataQualityError("a strategy earned a constant", stage="ranking", key="deviation",
                               value=float(deviation.min()), remedy="leave it out")  # fmt: skip
    scaled: Matrix = returns / deviation
    return scaled


def block_length(sessions: int) -> int:
    """Return the mean length of the bootstrap's blocks: T^(1/3), the best rate (Politis & White 2004)."""
    return max(round(math.cbrt(sessions)), 2)


def confidence_sets(returns: Matrix, repetitions: int = REPETITIONS) -> Sets:
    """Put strategies into sets within which the mean returns cannot be told apart from the best one's at 95 %.

    The first set is the model confidence set of all; the next one that of all the others, and so on. Columns
    that differ by rounding only stand and fall together.

    Args:
        returns: [T, N] per session, no NaN; ``at_equal_risk`` for Sharpe ratios.
        repetitions: of the bootstrap.

    Returns:
        Sets and p-values in the order of the columns.
    """
    _check(returns)
    twins = _twins(returns)
    firsts = np.flatnonzero(twins == np.arange(len(twins)))
    group = np.zeros(returns.shape[1], np.int64)
    p_value = np.ones(returns.shape[1])
    left, place = firsts, 0
    while len(left):
        inside, p = _best_set(returns[:, left], repetitions)
        if place == 0:
            p_value[left] = p
        group[left[inside]] = place
        left, place = left[~inside], place + 1
    return Sets(group[twins], p_value[twins])


def superior_to(returns: Matrix, benchmark: int, repetitions: int = REPETITIONS) -> Superior:
    """Test whether any strategy has a higher mean return than the benchmark, allowing for how many were tried.

    Each difference is divided by its deviation, as Hansen (2005) does, so that a wild strategy does not hide a
    steady one; the package itself compares the plain means.

    Args:
        returns: [T, N] per session, no NaN; ``at_equal_risk`` for Sharpe ratios.
        benchmark: its column.
        repetitions: of the bootstrap.

    Returns:
        Hansen's consistent p-value, and who is better.
    """
    from arch.bootstrap import SPA

    _check(returns)
    differences = returns - returns[:, [benchmark]]
    deviation = differences.std(axis=0)
    differing = np.flatnonzero(deviation > SAME * returns[:, benchmark].std())
    better = np.zeros(returns.shape[1], np.bool_)
    if not len(differing):
        return Superior(math.nan, better)
    losses = -differences[:, differing] / deviation[differing]
    test = SPA(
        np.zeros(len(losses)), losses, block_size=block_length(len(losses)), reps=repetitions,
        bootstrap="stationary", seed=SEED,
    )  # fmt: skip
    test.compute()
    p_value = float(test.pvalues["consistent"])
    if p_value <= SIZE:
        better[differing[test.better_models(SIZE, "consistent")]] = True
    return Superior(p_value, better)


def _best_set(returns: Matrix, repetitions: int) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return who is in the model confidence set of these, and the p-values.

    By the range statistic T_R, which compares every pair: T_max compares the worst with the average only, and
    keeps ten equal ones beside one that is clearly better. T_R errs a little more often than stated over few
    sessions: one of six equal strategies is dropped in 9 to 10 % of the samples of 600 sessions, 7 % of 2,000.
    """
    from arch.bootstrap import MCS

    count = returns.shape[1]
    if count == 1:
        return np.ones(1, np.bool_), np.ones(1)
    # Column by column in memory, resampling takes half the time.
    test = MCS(
        np.asfortranarray(-returns), SIZE, reps=repetitions, block_size=block_length(len(returns)), method="R",
        bootstrap="stationary", seed=SEED,
    )  # fmt: skip
    test.compute()
    p_value = test.pvalues["Pvalue"].reindex(range(count)).to_numpy(dtype=np.float64)
    return p_value > SIZE, p_value


def _twins(returns: Matrix) -> NDArray[np.int64]:
    """Return of each column the first one that is the same but for rounding; the test divides by differences."""
    twins = np.arange(returns.shape[1])
    scale = SAME * returns.std(axis=0).max(initial=0.0)
    for n in range(1, len(twins)):
        off = np.abs(returns[:, :n] - returns[:, [n]]).max(axis=0)
        same = np.flatnonzero(off <= scale)
        if len(same):
            twins[n] = twins[same[0]]
    return twins


def _check(returns: Matrix) -> None:
    if returns.ndim != 2 or returns.shape[0] < 3 or returns.shape[1] < 1:
        raise ConfigError("too few returns to compare", stage="ranking", key="returns", value=returns.shape,
                          remedy="give sessions x strategies, 3 x 1 at least")  # fmt: skip
    if not np.isfinite(returns).all():
        raise DataQualityError("a return is missing or infinite", stage="ranking", key="returns", value="NaN",
                               remedy="give strategies over the same sessions")  # fmt: skip
