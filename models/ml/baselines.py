"""What a model has to beat: two rules that need no training, and how sure a difference to them is."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from models.backtest.confidence_sets import REPETITIONS, SEED, block_length
from models.backtest.metrics import SESSIONS_PER_YEAR
from models.ml.base import Floats
from models.ml.evaluate import Evaluation
from models.panel import Matrix

MEASURES = ("ic", "rank_ic", "icir", "sharpe")
WEEK, MONTH, YEAR = 5, 21, 252  # sessions


def baseline_scores(closes: Matrix) -> dict[str, Matrix]:
    """Return the scores of the two rules on every session.

    reversal_5: the return of the last five sessions, turned round (Lehmann 1990: what fell in a week rises in
    the next). momentum_12_1: the return of the last year without its last month (Jegadeesh and Titman 1993).

    Args:
        closes: [T, N] adjusted for splits and dividends; NaN without a bar.

    Returns:
        By name [T, N]; NaN until there is enough history, or where one of the two closes is missing.
    """
    return {
        "reversal_5": -_change(closes, WEEK, 0),
        "momentum_12_1": _change(closes, YEAR, MONTH),
    }


def _change(closes: Matrix, begin: int, end: int) -> Matrix:
    result = np.full(closes.shape, np.nan)
    if len(closes) > begin:
        result[begin:] = closes[begin - end : len(closes) - end] / closes[: len(closes) - begin] - 1.0
    return result


def intervals(
    found: Mapping[str, Evaluation], first: str, repetitions: int = REPETITIONS
) -> dict[tuple[str, str], tuple[float, float, float]]:
    """Return each measure of each contender and of the first one's lead over the others, with 95 % of its bootstrap.

    Sessions are drawn in blocks that all contenders share (stationary bootstrap, Politis and Romano 1994), so the
    interval of a lead knows how alike two contenders' days are.

    Args:
        found: evaluations of the same sessions with horizon 1.
        first: whose lead is asked for.
        repetitions: of the bootstrap.

    Returns:
        By (contender, measure), and (``first - other``, measure): value, low, high.
    """
    from arch.bootstrap import StationaryBootstrap

    names = list(found)
    series = np.concatenate(
        [np.stack([e.session_ic, e.session_rank_ic, e.returns], axis=1) for e in found.values()], axis=1
    )
    keys = [(name, m) for name in names for m in MEASURES]
    keys += [(f"{first} - {name}", m) for name in names if name != first for m in MEASURES]

    def measures(drawn: Matrix) -> Floats:
        own = [_measures(drawn[:, 3 * k : 3 * k + 3]) for k in range(len(names))]
        leads = [own[names.index(first)] - own[k] for k, name in enumerate(names) if name != first]
        return np.concatenate([*own, *leads])

    drawn = StationaryBootstrap(block_length(len(series)), series, seed=SEED).apply(measures, repetitions)
    low, high = np.nanpercentile(drawn, (2.5, 97.5), axis=0)
    whole = measures(series)
    return {key: (float(whole[i]), float(low[i]), float(high[i])) for i, key in enumerate(keys)}


def _measures(series: Matrix) -> Floats:
    ic, rank_ic, returns = series.T
    mean, deviation = np.nanmean(ic), np.nanstd(ic, ddof=1)
    risk = returns.std(ddof=1)
    sharpe = returns.mean() / risk * math.sqrt(SESSIONS_PER_YEAR) if risk > 0.0 else math.nan
    return np.array([mean, np.nanmean(rank_ic), mean / deviation if deviation > 0.0 else math.nan, sharpe])
