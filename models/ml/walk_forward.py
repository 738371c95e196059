"""Walk-forward: train on some months, judge on the next, and again; what touches the test is purged."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from models.errors import DataQualityError
from models.ml.base import Dataset, Index
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
    """Lay ``count`` test windows of whole calendar months side by side, the last one ending with the newest label.

    The rule. Take a row of session t: its label is known with session t + ``reach`` (2 for the next open to the
    open after). Test windows are consecutive months up to the last session whose label is known. A training
    window ends ``reach`` + ``embargo`` sessions before its test window: the purge of ``reach`` sessions leaves
    out every row whose label touches the test window, the embargo what serial correlation of features could
    carry over (Lopez de Prado 2018, Advances in Financial Machine Learning, chapter 7; nothing is trained after
    a test window here, so there is no other side to purge). One session is enough: labels of neighbouring
    sessions share a price only within ``reach``, and the features of a test row may rest on training bars, as
    they do on every live day. Rolling windows begin ``train_months`` before their test window, expanding ones
    with the first session that leaves the first fold its ``train_months``.

    The last test month may be one in progress: it ends where labels end.

    Args:
        sessions: of the market, ascending.
        reach: the trainer's, sessions from a decision until everything learnt from it is known.
        train_months: in sample; 12 by default, a year holds every season once.
        test_months: out of sample per fold; 1 by default, a model is retrained within a month.
        count: folds; 12 by default, a year judged out of sample.
        expanding: whether training windows grow instead of rolling.
        embargo: sessions left out before the purge.

    Returns:
        Oldest first.

    Raises:
        DataQualityError: when the sessions do not hold that many months before the last known label.
    """
    known = len(sessions) - reach
    months = sessions.astype("datetime64[M]")
    needed = train_months + count * test_months
    if known > 0:
        newest = months[known - 1]
        first = newest - np.timedelta64(needed - 1, "M")
        # A first month that the data enters in its middle is no whole month to train on.
        whole = months[0] + np.timedelta64(int(sessions[0] > first_weekday(months[0])), "M")
    if known <= 0 or first < whole:
        held = 0 if known <= 0 else int((newest - whole).astype(int)) + 1
        raise DataQualityError(
            f"too little history for {count} folds of {train_months} + {test_months} months", stage="training",
            key="months", value=held, remedy=f"it takes {needed}: load more history or ask for fewer FOLDS",
        )  # fmt: skip
    found = []
    for number in range(1, count + 1):
        test_month = newest - np.timedelta64((count - number + 1) * test_months - 1, "M")
        train_month = first if expanding else test_month - np.timedelta64(train_months, "M")
        begin = int(np.searchsorted(months, test_month))
        end = int(np.searchsorted(months, test_month + np.timedelta64(test_months, "M")))
        found.append(Fold(
            number, int(np.searchsorted(months, train_month)), begin - reach - embargo - 1, begin,
            min(end, known) - 1,
        ))  # fmt: skip
    return found


def first_weekday(month: np.datetime64) -> np.datetime64:
    """Return the fourth day of a month: no month's first session comes later (a holiday and a weekend)."""
    return month.astype("datetime64[D]") + np.timedelta64(3, "D")
