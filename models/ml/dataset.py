"""From feature rows and labels to what trainers read: sorted by session, labels ranked within each session."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from models.compiled import njit
from models.errors import DataQualityError
from models.ml.base import Dataset, Floats, Price
from models.panel import Dates


def assemble(
    names: tuple[str, ...],
    features: NDArray[np.float32],
    label: Floats,
    session: NDArray[np.int64],
    symbol: NDArray[np.int64],
    sessions: Dates,
    symbols: tuple[str, ...],
    price: Price = "open",
    horizon: int = 1,
    sectors: tuple[str, ...] = (),
    kept: NDArray[np.bool_] | None = None,
    member: NDArray[np.bool_] | None = None,
) -> Dataset:
    """Return the dataset of rows that come in any order.

    Args:
        names: of the features.
        features: [names, rows] float32, a feature a row, as they are computed; NaN = missing.
        label: [rows] fractions; NaN = not known.
        session: [rows] index into sessions.
        symbol: [rows] index into symbols.
        sessions: ascending.
        symbols: the names.
        price: what the label runs between.
        horizon: sessions between its two prices.
        sectors: of each symbol, see Dataset.
        kept: when features holds more rows than the others: [rows of features] which ones are theirs.
        member: [rows] who belongs to the universe, see Dataset; the label of others is taken away.

    Raises:
        DataQualityError: no rows, or two rows of a symbol for one session.
    """
    if not len(label):
        raise DataQualityError("no rows to learn from", stage="dataset", key="rows", value=0,
                               remedy="load bars first: make run, or FILES=")  # fmt: skip
    order = np.argsort(session * len(symbols) + symbol, kind="stable")
    session = session[order]
    label = label[order] if member is None else np.where(member, label, np.nan)[order]
    place = np.full(features.shape[1], -1)
    place[order if kept is None else np.flatnonzero(kept)[order]] = np.arange(len(order))
    rows = np.empty((len(order), len(features)), np.float32)
    scatter(features, place, rows)
    return Dataset(
        names, rows, label, normal_ranks(label, session), session, symbol[order],
        sessions, symbols, price, horizon, sectors, None if member is None else member[order],
    )  # fmt: skip


@njit(cache=True, nogil=True)
def scatter(features: NDArray[np.float32], place: NDArray[np.intp], result: NDArray[np.float32]) -> None:
    """Write a matrix [names, rows] into ``result`` [rows, names], row r to row place[r]; -1 to none.

    Sixteen rows at a time: a cache line of each feature is read once and used whole.
    """
    count, rows = features.shape
    for first in range(0, rows, 16):
        last = min(first + 16, rows)
        for name in range(count):
            for row in range(first, last):
                if place[row] >= 0:
                    result[place[row], name] = features[name, row]


def normal_ranks(label: Floats, session: NDArray[np.int64]) -> Floats:
    """Return each label's rank among its session's as a normal score: ndtri((rank - 0.5) / n), ties their mean.

    Ranks because the size of a session's moves says nothing about which symbol does better, and the few
    largest would rule a squared loss; normal scores because their variance is the same in every session
    (Hazen's plotting position, 1914; Qlib's CSRankNorm uses uniform ranks). Sessions are ranked each by
    itself: no other session's label is in a row's target.

    Args:
        label: [rows]; NaN = not known.
        session: [rows], ascending.

    Returns:
        [rows] mean 0 in each session; NaN as the label, and in a session with fewer than two labels.
    """
    result = np.full(len(label), np.nan)
    known = np.flatnonzero(~np.isnan(label))
    if not len(known):
        return result
    order = known[np.lexsort((label[known], session[known]))]
    day, value = session[order], label[order]
    place = np.arange(len(order))
    opens = np.append(True, day[1:] != day[:-1])
    first = np.maximum.accumulate(np.where(opens, place, 0))
    size = np.bincount(np.cumsum(opens) - 1)[np.cumsum(opens) - 1]
    tie = np.cumsum(opens | np.append(True, value[1:] != value[:-1])) - 1
    middle = (np.bincount(tie, weights=place - first) / np.bincount(tie))[tie]  # from 0
    result[order] = np.where(size > 1, ndtri((middle + 0.5) / size), np.nan)
    return result
