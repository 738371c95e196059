"""From a strategy's targets to a portfolio's weights, how far those may drift, and when they are traded to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.backtest.constraints import Constraints
from models.backtest.kernel import LEFT

Series = NDArray[np.float64]
Matrix = NDArray[np.float64]
Index = NDArray[np.int64]
Dates = NDArray[np.datetime64]
Flags = NDArray[np.bool_]


def carried(targets: Matrix, rows: Index, gap: Series) -> Matrix:
    """Return targets in which a symbol's last one stands where it has no bar, until it has left the market.

    Nothing can be traded there: what is held stays, so the others do not get its share for those sessions. Whether a
    bar follows is not asked, for nobody knew.

    Args:
        targets: [T, N], NaN for none.
        rows: [T, N] row of each symbol's bar of each session, -1 without one.
        gap: [R] that column of the bars.
    """
    missing = rows < 0
    if not missing.any():
        return targets
    days = np.arange(len(rows))[:, None]
    last = np.maximum.accumulate(np.where(missing, -1, days), axis=0)  # -1 before the first bar
    here = np.maximum(last, 0)
    ended = gap[np.take_along_axis(rows, here, axis=0)] >= LEFT
    return np.where((last < 0) | (missing & ended), np.nan, np.take_along_axis(targets, here, axis=0))


def weights(targets: Matrix, constraints: Constraints, stated: Matrix | None = None) -> Matrix:
    """Return [T, N] weights of equity from what a strategy wants of each symbol, NaN counted as 0.

    Sides share out the gross: but for weighting "target" each session's weights sum up to it in absolute terms. What a
    limit then takes off a symbol stays in cash: handing it to the others would give weights that no score asked for. A
    net beyond its limit is brought back by scaling down the side that is too heavy.

    Args:
        targets: [T, N].
        constraints: how they are weighted, and limits.
        stated: [T, N] the account's weights as a strategy states them, see BaseStrategy.account_weights. They stand,
            scaled down to the gross where they sum up to more; but weighting "score" shares out the gross all the same.
    """
    if constraints.weighting == "score":
        stated = None
    given = targets if stated is None else stated
    wanted = np.where(np.isnan(given), 0.0, given)
    if stated is None and constraints.weighting == "equal":
        wanted = np.sign(wanted)
    total = np.abs(wanted).sum(axis=1, keepdims=True)
    if stated is not None:
        total = np.maximum(total, constraints.gross)
    elif constraints.weighting == "target":
        opinions = (~np.isnan(targets)).sum(axis=1, keepdims=True).astype(np.float64)
        total = np.maximum(opinions, total)  # leverage a strategy asks for does not pass the gross
    share = np.divide(wanted * constraints.gross, total, out=np.zeros(wanted.shape), where=total > 0.0)
    share = np.clip(share, -constraints.max_weight, constraints.max_weight)
    longs, shorts = np.maximum(share, 0.0), np.maximum(-share, 0.0)
    long, short = longs.sum(axis=1, keepdims=True), shorts.sum(axis=1, keepdims=True)
    return _within(longs, long, short + constraints.net) - _within(shorts, short, long + constraints.net)


def bands(held: Matrix, targets: Matrix, band: float) -> Matrix:
    """Return [T, N] by how much each weight may be off: a target's band, shrunk as the target is.

    A strategy states both as of an account in that symbol alone. As it stands, a band of 0.05 would let a fortieth of
    an account in forty symbols grow threefold.

    Args:
        held: [T, N] what ``weights`` made of the targets.
        targets: [T, N].
        band: the strategy's, NaN for none.
    """
    if np.isnan(band):
        return np.full(held.shape, np.nan)
    unsigned = np.abs(targets)
    return band * np.divide(np.abs(held), unsigned, out=np.ones(held.shape), where=unsigned > 0.0)


def _within(side: Matrix, total: Matrix, most: Matrix) -> Matrix:
    return np.where(
        total > most, side * np.divide(most, total, out=np.ones(total.shape), where=total > most), side
    )


def rebalancing(sessions: Dates, rebalance: str, first: int) -> Flags:
    """Return at which closes all holdings are brought to their weights; none for "change".

    The first session of the window counts as well: a portfolio need not wait a month to begin. That a session is the
    last of its week or month is known beforehand from the exchange's calendar; the last one held never counts, for
    nothing says whether more follow.
    """
    if rebalance == "change":
        return np.zeros(len(sessions), np.bool_)
    if rebalance == "session":
        return np.ones(len(sessions), np.bool_)
    days = sessions.astype("datetime64[D]")
    # The first day of 1970 was a Thursday; a week begins on Monday.
    period = (
        (days.astype(np.int64) + 3) // 7
        if rebalance == "week"
        else days.astype("datetime64[M]").astype(np.int64)
    )
    marks = np.append(period[1:] != period[:-1], False)
    marks[first] = True
    return marks
