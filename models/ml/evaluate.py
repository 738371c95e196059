"""What predictions were worth: correlation with what came, and a book that trades them, after costs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from models.backtest.metrics import SESSIONS_PER_YEAR, summary
from models.ml.base import Dataset, Floats, Index
from models.ml.sides import extremes
from models.panel import Matrix

COST_BPS = (
    5.0  # of the value traded, as the honest comparison asks; about half a spread and fees of large shares
)


@dataclass(frozen=True)
class Evaluation:
    """Of one test window; NaN where undefined. Per-session series belong to ``sessions``."""

    ic: float  # mean over sessions of Pearson's correlation of score and label
    rank_ic: float  # the same of Spearman's
    icir: float  # mean over sample deviation of the sessions' IC, not annualised (Qlib's ICIR)
    sharpe: float  # annual, of the book's returns after costs
    win_rate: float  # share of holding periods with a gain after costs
    turnover: float  # mean per holding period of sum |weight change| / 2: 1 = the whole book exchanged
    n: int  # rows with a score and a label
    sessions: np.ndarray  # [D] indices into the dataset's sessions
    session_ic: Floats  # [D]
    session_rank_ic: Floats  # [D]
    returns: Floats  # [P] after costs, a fraction of the capital, one per holding period

    def metrics(self) -> dict[str, float | int]:
        """Return the numbers by name."""
        names = ("ic", "rank_ic", "icir", "sharpe", "win_rate", "turnover", "n")
        return {name: getattr(self, name) for name in names}


def evaluate(
    data: Dataset, rows: Index, score: Floats, *, top: int = 50, cost_bps: float = COST_BPS
) -> Evaluation:
    """Judge the scores of some rows.

    Correlations are taken within each session over symbols with a score and a label, as Qlib does, and left out
    where fewer than two are or one side is constant. The book holds, from the next session's price on, +1/2 in
    equal parts in the ``top`` best scores and -1/2 in the worst (see ``extremes``), for the label's horizon; it
    is then changed, at ``cost_bps`` of what is traded, the first entry and the last exit included. With a
    horizon above 1 it is changed every ``horizon`` sessions, so that returns do not overlap. Weights do not
    drift within a holding period. Who is held goes by the scores alone: a held symbol whose label is NaN (its
    bar is missing) earns 0.

    Args:
        data: with labels.
        rows: of a test window, ascending.
        score: [rows]; NaN = no opinion.
        top: symbols on each side.
        cost_bps: of the value traded, in hundredths of a percent.
    """
    used, place = np.unique(data.session[rows], return_inverse=True)
    shape = (len(used), len(data.symbols))
    scores, labels = np.full(shape, np.nan), np.full(shape, np.nan)
    scores[place, data.symbol[rows]] = score
    labels[place, data.symbol[rows]] = data.label[rows]
    settled = ~np.isnan(labels).all(axis=1)
    used, scores, labels = used[settled], scores[settled], labels[settled]
    ic, rank_ic = correlations(scores, labels)
    returns, traded = book_returns(scores, labels, data.horizon, top, cost_bps)
    deviation = float(np.nanstd(ic, ddof=1)) if np.sum(~np.isnan(ic)) > 1 else math.nan
    mean = _mean(ic)
    return Evaluation(
        ic=mean, rank_ic=_mean(rank_ic), icir=mean / deviation if deviation > 0.0 else math.nan,
        sharpe=summary(returns, periods=SESSIONS_PER_YEAR // data.horizon)["sharpe_ratio"],
        win_rate=_mean(np.where(np.isnan(returns), np.nan, returns > 0.0)), turnover=_mean(traded / 2.0),
        n=int(np.sum(~np.isnan(scores) & ~np.isnan(labels))), sessions=used, session_ic=ic,
        session_rank_ic=rank_ic, returns=returns,
    )  # fmt: skip


def correlations(scores: Matrix, labels: Matrix) -> tuple[Floats, Floats]:
    """Return Pearson's and Spearman's correlation of each session, NaN where undefined.

    Args:
        scores: [T, N]; NaN = no opinion.
        labels: [T, N]; NaN = not known.
    """
    ic, rank_ic = np.full(len(scores), np.nan), np.full(len(scores), np.nan)
    for t, (x, y) in enumerate(zip(scores, labels, strict=True)):
        both = ~np.isnan(x) & ~np.isnan(y)
        if both.sum() > 1:
            ic[t] = _pearson(x[both], y[both])
            rank_ic[t] = _pearson(rankdata(x[both]), rankdata(y[both]))
    return ic, rank_ic


def book_returns(
    scores: Matrix, labels: Matrix, horizon: int, top: int, cost_bps: float
) -> tuple[Floats, Floats]:
    """Return the book's returns after costs and sum |weight change|, both [P], one per holding period."""
    sides = np.nan_to_num(extremes(scores[::horizon], top))
    each = (
        np.maximum((sides > 0).sum(axis=1, keepdims=True), 1),
        np.maximum((sides < 0).sum(axis=1, keepdims=True), 1),
    )
    weights = np.where(sides > 0, 0.5 / each[0], np.where(sides < 0, -0.5 / each[1], 0.0))
    before = np.vstack([np.zeros((1, weights.shape[1])), weights])[:-1]
    traded = np.abs(weights - before).sum(axis=1)
    paid = traded.copy()
    if len(weights):
        paid[-1] += np.abs(weights[-1]).sum()
    gained = (weights * np.nan_to_num(labels[::horizon])).sum(axis=1)
    return gained - paid * cost_bps * 1e-4, traded


def _pearson(x: Floats, y: Floats) -> float:
    if np.ptp(x) == 0.0 or np.ptp(y) == 0.0:
        return math.nan
    x, y = x - x.mean(), y - y.mean()
    # Not by a dot product, whose last bits depend on the processor.
    return float((x * y).sum() / math.sqrt((x * x).sum() * (y * y).sum()))


def _mean(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else math.nan
