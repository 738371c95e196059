"""Which rows a tree model learns from, which it stops on, and what data it refuses."""

from __future__ import annotations

import math

import numpy as np

from models.errors import DataQualityError
from models.ml.base import Dataset, Index

# A quarter: with fewer the part kept for stopping is a handful of sessions, and its noise decides.
MIN_SESSIONS = 60


def usable(data: Dataset, rows: Index) -> Index:
    """Return the rows with a label and every feature: what has no prediction is not learnt from either.

    Raises:
        DataQualityError: an all-NaN feature, no label at all, one symbol, too few sessions, a constant label.
    """
    missing = np.isnan(data.features[rows])
    empty = [data.names[column] for column in np.flatnonzero(missing.all(axis=0))]
    if len(rows) and empty:
        raise DataQualityError(
            f"{len(empty)} features without a value in the training window", stage="training", key="feature",
            value=empty[0], remedy="leave it out of the family's features, or load bars that have its inputs",
        )  # fmt: skip
    kept = rows[~np.isnan(data.ranked[rows]) & ~missing.any(axis=1)]
    symbols, sessions = len(np.unique(data.symbol[kept])), len(np.unique(data.session[kept]))
    if len(np.unique(data.symbol[rows])) == 1:
        raise DataQualityError(
            "one symbol cannot be ranked", stage="training", key="symbols", value=1,
            remedy="train on at least two, better a few hundred",
        )  # fmt: skip
    if sessions < MIN_SESSIONS or symbols < 2:
        raise DataQualityError(
            "too little history to learn from", stage="training", key="sessions", value=sessions,
            remedy=f"it takes {MIN_SESSIONS} sessions with every feature and a label, of two symbols or more",
        )  # fmt: skip
    if np.ptp(data.ranked[kept]) == 0.0:
        raise DataQualityError(
            "the label is constant within every session", stage="training", key="label",
            value=float(data.label[kept[0]]), remedy="check the bars: no symbol ever did better than another",
        )  # fmt: skip
    return kept


def split_for_stopping(data: Dataset, kept: Index, share: float, reach: int) -> tuple[Index, Index]:
    """Cut off the window's last sessions to stop on, purged as a test window is.

    Args:
        data: the dataset.
        kept: usable rows.
        share: of the window's sessions; 0 for none.
        reach: sessions until a label is known: so many before the cut are left out of both.

    Returns:
        Rows to fit, rows to stop on.
    """
    sessions = np.unique(data.session[kept])
    held = math.ceil(share * len(sessions))
    if not held:
        return kept, kept[:0]
    first = sessions[-held]
    return kept[data.session[kept] < first - reach], kept[data.session[kept] >= first]
