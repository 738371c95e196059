"""Checks that find what a model should not have known; a finding blocks promotion."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from models.errors import DataQualityError
from models.ml.base import Artifact, Dataset, Finding, Trainer
from models.ml.dataset import normal_ranks
from models.ml.evaluate import evaluate
from models.ml.walk_forward import Fold

Rebuild = Callable[[int], Dataset]  # the dataset from bars of which every one after that session is changed
NOISE = 4.0  # standard errors: one honest check in 16,000 goes beyond them


def future_in_features(data: Dataset, rebuild: Rebuild, sessions: Sequence[int]) -> list[Finding]:
    """Find features that know a later bar, and labels that end later than their reach says.

    The perturbation check: every bar after a session is changed, and nothing at or before it may move by a bit;
    of labels nothing whose end, ``reach`` sessions on, is not after it. A purge sized by a reach that is too
    short would let labels into the test window.

    Args:
        data: as trained on.
        rebuild: makes it anew from changed bars.
        sessions: after which bars are changed, indices.

    Raises:
        DataQualityError: when no row is of such a session: nothing would have been checked.
    """
    findings = []
    for session in sessions:
        other = rebuild(session)
        last = int(np.searchsorted(data.session, session + 1))
        if not len(data.rows_between(session, session)):
            raise DataQualityError("no row to check for leakage", stage="training", key="session",
                                   value=str(data.sessions[session]), remedy="check a session with bars")  # fmt: skip
        same = (
            np.array_equal(data.session[:last], other.session[:last])
            and np.array_equal(data.symbol[:last], other.symbol[:last])
        )  # fmt: skip
        day = data.sessions[session]
        if not same:
            findings.append(Finding("future_in_rows", 1.0, 0.0, f"rows up to {day} depend on later bars"))
            continue
        moved = differ(data.features[:last], other.features[:last]).sum(axis=0)
        findings += [
            Finding(
                "future_in_feature", float(count), 0.0, f"{name} of {day} or before depends on later bars"
            )
            for name, count in zip(data.names, moved, strict=True)
            if count
        ]
        settled = int(np.searchsorted(data.session, session - data.reach + 1))
        early = np.sum(differ(data.label[:settled], other.label[:settled]))
        if early:
            findings.append(Finding("label_beyond_reach", float(early), 0.0,
                                    f"labels of {data.reach} sessions before {day} depend on later bars"))  # fmt: skip
    return findings


def future_in_predictions(
    trainer: type[Trainer], artifact: Artifact, data: Dataset, rebuild: Rebuild, session: int
) -> list[Finding]:
    """Find predictions that read a later bar or any label.

    Args:
        trainer: the family.
        artifact: a trained version.
        data: as trained on.
        rebuild: as above; its labels are taken away besides.
        session: after which bars are changed, an index.
    """
    other = rebuild(session)
    blind = replace(other, label=np.full(len(other), np.nan), ranked=np.full(len(other), np.nan))
    first = max(0, session - 4)
    before = trainer.predict(artifact, data, data.rows_between(first, session)).score
    after = trainer.predict(artifact, blind, blind.rows_between(first, session)).score
    moved = (
        int(np.sum(before.view(np.int64) != after.view(np.int64)))
        if len(before) == len(after)
        else len(before)
    )
    if not moved:
        return []
    day = data.sessions[session]
    return [Finding("future_in_prediction", float(moved), 0.0,
                    f"predictions up to {day} depend on labels or on later bars")]  # fmt: skip


def differ(one: NDArray[np.floating], other: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return where two arrays differ by a bit; NaN equals NaN."""
    kind = f"i{one.dtype.itemsize}"
    return (one.view(kind) != other.view(kind)) & ~(np.isnan(one) & np.isnan(other))  # type: ignore[no-any-return]


def permuted_labels(trainer: Trainer, data: Dataset, fold: Fold, seed: int) -> list[Finding]:
    """Find out-of-sample skill where there is none to have: on labels shuffled within each session.

    Training and judging go as ever, on the shuffled labels; the mean rank IC of the test window is then 0 but
    for noise of 1 / sqrt(rows - sessions) (Kendall's variance of a rank correlation, 1 / (n - 1), summed over
    sessions). More than ``NOISE`` times that means that training or prediction saw the test window's labels.
    """
    shuffled = shuffle_labels(data, seed)
    artifact = trainer.fit(shuffled, fold.train(data), seed)
    rows = fold.test(data)
    found = evaluate(shuffled, rows, trainer.predict(artifact, shuffled, rows).score)
    judged = int(np.sum(~np.isnan(found.session_rank_ic)))
    if not judged:
        return []
    allowed = NOISE / math.sqrt(max(found.n - judged, 1))
    if abs(found.rank_ic) <= allowed:
        return []
    return [Finding("permuted_labels", abs(found.rank_ic), allowed,
                    f"fold {fold.number} foretells shuffled labels: rank IC {found.rank_ic:.3f}")]  # fmt: skip


def shuffle_labels(data: Dataset, seed: int) -> Dataset:
    """Return the dataset with the known labels of each session dealt to its symbols anew."""
    rng = np.random.default_rng(seed)
    known = np.flatnonzero(~np.isnan(data.label))
    dealt = known[np.lexsort((rng.random(len(known)), data.session[known]))]
    label = data.label.copy()
    label[known] = data.label[dealt]
    return replace(data, label=label, ranked=normal_ranks(label, data.session))
