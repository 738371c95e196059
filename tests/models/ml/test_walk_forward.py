"""Windows: no label learnt touches the test window, months are whole, too little history is said."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import ConfigError, DataQualityError
from models.ml.walk_forward import folds


def weekdays(first="2010-01-04", count=800):
    return np.busday_offset(np.datetime64(first, "D"), np.arange(count))


@settings(deadline=None)  # of wall time, which a busy machine stretches
@given(
    start=st.dates(dt.date(1999, 1, 1), dt.date(2020, 1, 1)),
    missing=st.sets(st.integers(1, 1199), max_size=60),
    reach=st.integers(1, 25),
    embargo=st.integers(0, 10),
    train=st.integers(3, 14),
    test=st.integers(1, 3),
    count=st.integers(1, 12),
    expanding=st.booleans(),
)
def test_no_label_learnt_touches_a_test_window(start, missing, reach, embargo, train, test, count, expanding):
    sessions = np.delete(
        weekdays(np.busday_offset(np.datetime64(start), 0, roll="forward"), 1200), sorted(missing)
    )
    try:
        found = folds(sessions, reach, train_months=train, test_months=test, count=count, expanding=expanding,
                      embargo=embargo)  # fmt: skip
    except DataQualityError:
        assert train + test * count > 48
        return
    assert [f.number for f in found] == list(range(1, count + 1))
    for fold in found:
        learnt_until = fold.train_last + reach  # the session with which the last label learnt is known
        assert 0 <= fold.train_first <= fold.train_last and learnt_until + embargo < fold.test_first
        assert fold.test_first <= fold.test_last and fold.test_last + reach < len(sessions)
    assert found[-1].test_last == len(sessions) - reach - 1
    for before, after in pairwise(found):
        assert after.test_first == before.test_last + 1
        assert (after.train_first == before.train_first) == expanding


def test_the_windows_are_months_counted_back_from_the_last_label():
    sessions = weekdays("2018-01-01", 530)
    last = folds(sessions, 2, count=3)[-1]
    assert str(sessions[-3]) == "2020-01-08"
    ends = tuple(str(day) for day in last.dates(sessions))
    assert ends == ("2018-12-10", "2019-12-03", "2019-12-09", "2020-01-08")
    first = folds(sessions, 2, count=3)[0]
    assert str(sessions[first.train_first]) == "2018-10-09"
    grown = folds(sessions, 2, count=3, expanding=True)
    assert {f.train_first for f in grown} == {first.train_first}


@pytest.mark.parametrize("sessions", [weekdays(count=500), weekdays(count=2), weekdays(count=0)])
def test_too_little_history_names_what_it_takes(sessions):
    with pytest.raises(
        DataQualityError, match=r"too little history for 12 folds of 12 \+ 1 months.*it takes 24"
    ):
        folds(sessions, 2)


def test_a_hole_of_months_is_refused():
    sessions = weekdays(count=800)
    with pytest.raises(DataQualityError, match="a window without sessions"):
        folds(np.concatenate([sessions[:600], sessions[680:]]), 2)


def test_lengths_below_one_are_refused():
    with pytest.raises(ConfigError, match="train_months"):
        folds(weekdays(), 2, train_months=0)
    with pytest.raises(ConfigError, match="embargo"):
        folds(weekdays(), 2, embargo=-1)
