"""Drift: whether what a model sees and says today is still what it was trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri

from models.ml.base import Artifact, Dataset, Floats, Index, Trainer

Counts = NDArray[np.int64]
BINS = 10  # deciles, as the measure is used in credit scoring (Siddiqi 2006, Credit Risk Scorecards)
DECILES = np.arange(1, BINS) / BINS
USUAL_LIMIT = 0.2  # the same source: below 0.1 no change, above 0.2 a significant one
FALSE_ALARM = 0.001  # of a comparison of two samples of one distribution; a model has up to 158 features
# A month of sessions is compared at once: one session's cross-section moves with its market every day.
WINDOW = 21  # sessions
SCORED_SESSIONS = 21  # of the training window, to compare predictions with
# A quarter: with a daily rank IC of 0.02 +- 0.1, usual for daily equity models, a mean below 0 has 6 in 100.
SKILL_WINDOW = 63  # sessions
SKILL_MINIMUM = 21  # sessions with an IC before their mean is judged
SKILL_LIMIT = 0.0  # a model whose order is no better than none


def histogram(values: NDArray[Any]) -> dict[str, list[float]]:
    """Return what a distribution is compared by later: decile edges and the counts between them, as JSON.

    Args:
        values: any shape; NaN = missing, counted in a bin of its own at the end.

    Returns:
        edges: values of the sample, ascending, distinct, at most 9 (fewer for a feature with few values).
        counts: one more than edges, then the missing ones. A value on an edge belongs to the bin above it.
    """
    flat = np.asarray(values, dtype=np.float64).ravel()
    known = flat[~np.isnan(flat)]
    edges = np.unique(np.quantile(known, DECILES, method="inverted_cdf")) if len(known) else np.empty(0)
    counted = counts(edges, flat, np.zeros(len(flat), dtype=np.int64), 1)[0]
    return {"edges": edges.tolist(), "counts": counted.tolist()}


def with_reference(artifact: Artifact, trainer: type[Trainer], data: Dataset, rows: Index) -> Artifact:
    """Return the artifact with what its later inputs and predictions are compared with, in its metadata.

    Of the features every training row counts; of the predictions some whole sessions of the training window,
    evenly spaced, as predicting all of it would take as long as training.

    Args:
        artifact: as fitted.
        trainer: its family.
        data: as trained on.
        rows: the training window's.
    """
    sessions = np.unique(data.session[rows])
    spaced = sessions[np.unique(np.linspace(0, len(sessions) - 1, SCORED_SESSIONS).astype(np.intp))]
    scored = rows[np.isin(data.session[rows], spaced)]
    scores = trainer.predict(artifact, data, scored).score
    columns = [data.names.index(name) for name in artifact.metadata["features"]]
    reference = {
        "features": {data.names[c]: histogram(data.features[rows, c]) for c in columns},
        "score": histogram(scores[~np.isnan(scores)]),
    }
    return replace(artifact, metadata={**artifact.metadata, "reference": reference})


def counts(edges: Floats, values: Floats, session: NDArray[np.int64], sessions: int) -> Counts:
    """Return how many values fall between the edges in each session.

    Args:
        edges: ascending.
        values: [rows], NaN = missing.
        session: [rows] index of the session, 0 to sessions - 1.
        sessions: how many.

    Returns:
        [sessions, bins + 1], the missing in the last column.
    """
    width = len(edges) + 2
    place = np.where(np.isnan(values), width - 1, np.searchsorted(edges, values, side="right"))
    return np.bincount(session * width + place, minlength=sessions * width).reshape(sessions, width)


def trailing(counted: Counts, window: int = WINDOW) -> Counts:
    """Return the sums of each session's counts and those of up to ``window`` - 1 sessions before it."""
    total = np.cumsum(counted, axis=0)
    total[window:] -= total[:-window].copy()
    return total


def psi(before: NDArray[Any], now: NDArray[Any]) -> Floats:
    """Return the population stability index of each row of counts against one reference.

    PSI = sum (p - q) ln(p / q) over bins, p and q the shares; symmetric, 0 for equal shares. Half a count is
    added to each bin of both, Jeffreys' prior, so that an empty bin has a finite say that shrinks with the
    sample; bins empty in both say nothing.

    Args:
        before: [bins] reference counts.
        now: [T, bins].

    Returns:
        [T]; NaN where a row has no count at all.
    """
    before, now = np.asarray(before, dtype=np.float64), np.asarray(now, dtype=np.float64)
    used = (before > 0) | (now > 0)
    p, q = np.where(used, now + 0.5, 0.0), np.where(used, before + 0.5, 0.0)
    p, q = (
        p / np.maximum(p.sum(axis=1, keepdims=True), 1.0),
        q / np.maximum(q.sum(axis=1, keepdims=True), 1.0),
    )
    ratio = np.log(np.where(used, p, 1.0) / np.where(used, q, 1.0))
    return np.asarray(np.where(now.sum(axis=1) > 0, ((p - q) * ratio).sum(axis=1), np.nan))


def psi_limit(before: NDArray[Any], now: NDArray[Any]) -> Floats:
    """Return the PSI above which each row of counts has drifted: 0.2, or what chance alone reaches if more.

    Of samples of one distribution PSI / (1/n + 1/m) is distributed as chi squared with bins - 1 degrees of
    freedom (Yurdakul 2018, Statistical Properties of Population Stability Index), so small samples exceed 0.2
    by chance; the limit is that distribution's value of FALSE_ALARM.

    Args:
        before: [bins] reference counts.
        now: [T, bins].
    """
    n, m = np.asarray(now).sum(axis=1), float(np.sum(before))
    bins = ((np.asarray(before) > 0) | (np.asarray(now) > 0)).sum(axis=1)
    noise = chdtri(np.maximum(bins - 1, 1), FALSE_ALARM) * (1.0 / np.maximum(n, 1) + 1.0 / max(m, 1.0))
    return np.asarray(np.maximum(USUAL_LIMIT, noise))


def stability(
    shape: Mapping[str, Sequence[float]], values: Floats, session: NDArray[np.int64], sessions: int
) -> tuple[Floats, Floats, Counts]:
    """Return PSI, its limit and the sample of each session's trailing window, arrays [sessions].

    Args:
        shape: of the reference, see ``histogram``.
        values: [rows], NaN = missing.
        session: [rows] index.
        sessions: how many.
    """
    now = trailing(counts(np.asarray(shape["edges"], dtype=np.float64), values, session, sessions))
    before = np.asarray(shape["counts"])
    return psi(before, now), psi_limit(before, now), now.sum(axis=1)


def trailing_mean(values: Floats, window: int = SKILL_WINDOW, minimum: int = SKILL_MINIMUM) -> Floats:
    """Return the mean of each value and those of up to ``window`` - 1 sessions before it, NaN left out.

    Each window is added up by itself, so that a day's value does not depend on how much history is handed over.

    Returns:
        [T]; NaN with fewer than ``minimum`` known values in the window.
    """
    views = np.lib.stride_tricks.sliding_window_view(np.append(np.full(window - 1, np.nan), values), window)
    known = (~np.isnan(views)).sum(axis=1)
    total = np.nan_to_num(views).sum(axis=1)
    return np.asarray(np.where(known >= minimum, total / np.maximum(known, 1), np.nan))
