"""Coverage: when a session may be decided on although bars are missing, and when not."""

from __future__ import annotations

import datetime as dt

import pytest

from data_layer.quality.coverage import Gap, check_coverage
from models.errors import DataQualityError

DAY, NEXT = dt.date(2005, 6, 1), dt.date(2005, 6, 2)


def gap(expected, missing, day=DAY):
    return Gap(day, expected, [f"S{n:03}" for n in range(missing)])


def refused(*args):
    with pytest.raises(DataQualityError) as caught:
        check_coverage(*args)
    assert caught.value.stage == "data_ingestion"
    assert "session_exceptions" in caught.value.remedy or "correct the source" in caught.value.remedy
    return str(caught.value)


def test_nothing_missing_is_nothing_to_say():
    assert check_coverage([], [], set()) == {}


@pytest.mark.parametrize(("expected", "missing"), [(2, 1), (3, 1), (20, 1), (40, 2), (397, 19)])
def test_few_missing_is_a_warning(expected, missing):
    warnings = check_coverage([gap(expected, missing)], [], set())
    assert list(warnings) == [DAY] and len(warnings[DAY]) == missing
    assert warnings[DAY][0] == "no bar for S000"


@pytest.mark.parametrize(
    ("expected", "missing"), [(1, 1), (2, 2), (3, 2), (20, 2), (40, 3), (397, 20), (397, 397)]
)
def test_many_missing_is_a_failure(expected, missing):
    text = refused([gap(expected, missing)], [], set())
    assert "S000" in text and f"({missing} of {expected} symbols)" in text and "2005-06-01" in text


def test_a_session_for_which_nobody_has_bars_is_a_failure():
    assert "any symbol on 2005-06-01" in refused([Gap(DAY, 0, [])], [], set())


def test_the_first_bad_session_is_named():
    assert "2005-06-02" in refused([gap(20, 1), gap(20, 9, NEXT)], [], set())


@pytest.mark.parametrize("exceptions", [{(DAY, "")}, {(DAY, "S000"), (DAY, "S001")}])
def test_what_a_person_accepted_passes_in_silence(exceptions):
    assert check_coverage([gap(20, 2)], [], exceptions) == {}


def test_an_exception_reaches_no_other_session_or_symbol():
    refused([gap(20, 2)], [], {(NEXT, ""), (NEXT, "S000"), (DAY, "X")})
    assert check_coverage([gap(20, 2)], [], {(DAY, "S001")}) == {DAY: ["no bar for S000"]}


def test_all_but_the_accepted_missing_is_still_a_failure():
    refused([gap(2, 2)], [], {(DAY, "S000")})


def test_a_row_in_quarantine_is_a_failure_until_accepted():
    bad = [(DAY, "AAPL", "high is below another price of the bar"), (NEXT, "MSFT", "y")]
    text = refused([], bad, set())
    assert "2 row(s) in quarantine, first 'AAPL' on 2005-06-01: high is below" in text
    assert "'MSFT' on 2005-06-02" in refused([], bad, {(DAY, "AAPL")})
    assert check_coverage([], bad, {(DAY, "AAPL"), (NEXT, "")}) == {}


def test_an_unreadable_date_can_only_be_corrected():
    text = refused([], [(None, "AAPL", "unreadable date")], {(DAY, ""), (DAY, "AAPL")})
    assert "an unreadable date" in text and "session_exceptions" not in text
