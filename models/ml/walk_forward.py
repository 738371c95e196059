"""Walk-forward: train on some months, judge on the next, and again; what touches the test is purged."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.errors import ConfigError, DataQualityError
from models.ml.base import Artifact, Dataset, Index, Progress, Trainer
from models.ml.evaluate import COST_BPS, Evaluation, evaluate
from models.panel import Dates


@dataclass(frozen=True)
class Fold:
    """One training window and the test window after it; indices into the sessions, both ends included."""

    number: int  # from 1, oldest first
    train_first: int
    train_last: int
    test_first: int
    test_last: int

    def dates(self, sessions: Dates) -> tuple[dt.date, dt.date, dt.date, dt.date]:
        """Return the in-sample first and last and the out-of-sample first and last session."""
        ends = (self.train_first, self.train_last, self.test_first, self.test_last)
        first, last, begin, end = (sessions[i].astype("datetime64[D]").item() for i in ends)
        return first, last, begin, end

    def train(self, data: Dataset) -> Index:
        """Return the rows to learn from."""
        return data.rows_between(self.train_first, self.train_last)

    def test(self, data: Dataset) -> Index:
        """Return the rows to be judged on."""
        return data.rows_between(self.test_first, self.test_last)


def folds(
    sessions: Dates,
    reach: int,
    *,
    train_months: int = 12,
    test_months: int = 1,
    count: int = 12,
    expanding: bool = False,
    embargo: int = 1,
) -> list[Fold]:
    """Lay ``count`` test windows side by side, the last one ending with the newest label known.

    The rule. Take a row of session t: its label is known with session t + ``reach`` (2 for the next open to the
    open after). Months are counted back from the last session whose label is known, so every window is a whole
    month whatever the day. A training window ends ``reach`` + ``embargo`` sessions before its test window: the
    purge of ``reach`` sessions leaves out every row whose label touches the test window, the embargo keeps the
    last label learnt a session away from the first one judged (Lopez de Prado 2018, Advances in Financial
    Machine Learning, chapter 7). Nothing is trained after a test window, so there is no other side to purge; a
    test row's features may rest on training bars, as they do on every live day. Rolling windows begin
    ``train_months`` before their test window, expanding ones all where the first of the rolling ones does.

    Args:
        sessions: of the market, ascending.
        reach: the trainer's, sessions from a decision until everything learnt from it is known.
        train_months: in sample; 12 by default, a year holds every season once.
        test_months: out of sample per fold; 1 by default, a model is retrained within a month.
        count: folds; 12 by default, a year judged out of sample.
        expanding: whether training windows grow instead of rolling.
        embargo: sessions left out beside the purge.

    Returns:
        Oldest first.

    Raises:
        ConfigError: a length or a count below 1, an embargo below 0.
        DataQualityError: when the sessions do not hold that many months before the last known label.
    """
    for key, value in (("train_months", train_months), ("test_months", test_months), ("folds", count)):
        if value < 1:
            raise ConfigError("must be at least 1", stage="training", key=key, value=value,
                              remedy="12 folds of 12 + 1 months are the default")  # fmt: skip
    if embargo < 0 or reach < 1:
        raise ConfigError("must not be negative", stage="training", key="embargo", value=embargo,
                          remedy="leave it at 1")  # fmt: skip
    needed = train_months + count * test_months
    known = len(sessions) - reach
    edges = _months_before(sessions[known - 1], range(needed + 1)) if known > 0 else None
    if edges is None or sessions[0] > edges[needed] + MOST_CLOSED:
        held = 0.0 if edges is None else (edges[0] - sessions[0]).astype(int) / 30.4
        raise DataQualityError(
            f"too little history for {count} folds of {train_months} + {test_months} months", stage="training",
            key="months", value=round(held, 1), remedy=f"it takes {needed}: load more history or ask for fewer folds",
        )  # fmt: skip
    after = np.searchsorted(sessions, edges, "right")  # the first session after each edge
    found = []
    for number in range(1, count + 1):
        back = (count - number + 1) * test_months
        begin, end = int(after[back]), int(after[back - test_months])
        train = int(after[needed if expanding else back + train_months])
        last = begin - reach - embargo - 1
        if last < train or end <= begin:
            raise DataQualityError("a window without sessions", stage="training", key="fold", value=number,
                                   remedy="bars of whole months are missing: make backfill")  # fmt: skip
        found.append(Fold(number, train, last, begin, end - 1))
    return found


# An exchange is never closed for longer; a first bar so late still begins a whole month.
MOST_CLOSED = np.timedelta64(5, "D")


def _months_before(day: np.datetime64, counts: Iterable[int]) -> Dates:
    """Return the same day of earlier months, or their last where they have no such day."""
    stamps = [pd.Timestamp(day) - pd.DateOffset(months=count) for count in counts]
    return np.array(stamps, dtype="datetime64[D]")


@dataclass(frozen=True)
class FoldResult:
    """A fold, its model and what that was worth out of sample."""

    fold: Fold
    artifact: Artifact
    evaluation: Evaluation


def walk_forward(
    trainer: Trainer,
    data: Dataset,
    windows: Sequence[Fold],
    seed: int,
    *,
    top: int = 50,
    cost_bps: float = COST_BPS,
    workers: int = 1,
    progress: Progress | None = None,
) -> list[FoldResult]:
    """Train on each fold's training window and judge on its test window.

    Args:
        trainer: with its parameters.
        data: built with the trainer's label.
        windows: of ``folds``, made with the trainer's reach.
        seed: of everything random.
        top: symbols on each side of the judged book; never more than half of those with a score.
        cost_bps: of the value traded.
        workers: folds fitted at a time.
        progress: told a line per fold.

    Raises:
        DataQualityError: as ``Trainer.fit``.
    """
    artifacts = trainer.fit_many(data, [fold.train(data) for fold in windows], seed, workers, progress)
    results = []
    for fold, artifact in zip(windows, artifacts, strict=True):
        rows = fold.test(data)
        score = trainer.predict(artifact, data, rows).score
        found = evaluate(data, rows, score, top=top, cost_bps=cost_bps)
        results.append(FoldResult(fold, artifact, found))
        if progress:
            *_, begin, end = fold.dates(data.sessions)
            progress(f"fold {fold.number} of {len(windows)}, {begin} to {end}: rank IC {found.rank_ic:.4f}, "
                     f"Sharpe {found.sharpe:.2f}")  # fmt: skip
    return results
