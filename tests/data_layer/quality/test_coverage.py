"""The gate's rules: when a session may be decided on although something is wrong, and when not."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_layer.quality.coverage import Facts, SessionFacts, judge_facts, without_accepted
from data_layer.quality.thresholds import load_thresholds
from models.errors import DataQualityError

DAY, NEXT = dt.date(2005, 6, 1), dt.date(2005, 6, 2)
GATE = load_thresholds().gate
BAD = "high is below another price of the bar"
DIFFER = "two rows of one symbol and date differ"


def gap(expected, missing, day=DAY):
    return SessionFacts(day, expected, expected - missing, [f"S{n:03}" for n in range(missing)])


def quarantined(*rows, expected=3, day=DAY):
    return SessionFacts(day, expected, expected, [], rows)


def judge(*sessions, accepted=(), **values):
    return judge_facts(without_accepted(Facts(list(sessions), **values), set(accepted)), GATE)


def refused(*sessions, **values):
    with pytest.raises(DataQualityError) as caught:
        judge(*sessions, **values).enforce()
    assert caught.value.stage == "data_ingestion"
    assert "make accept" in caught.value.remedy or "make quarantine" in caught.value.remedy
    return str(caught.value)


def test_nothing_missing_is_nothing_to_say():
    verdict = judge(gap(3, 0))
    verdict.enforce()
    assert verdict.warnings == {}


@pytest.mark.parametrize(("expected", "missing"), [(2, 1), (3, 1), (20, 1), (40, 2), (397, 19)])
def test_few_missing_is_a_warning(expected, missing):
    verdict = judge(gap(expected, missing))
    verdict.enforce()
    assert list(verdict.warnings) == [DAY] and len(verdict.warnings[DAY]) == missing
    assert verdict.warnings[DAY][0] == "no bar for S000"


@pytest.mark.parametrize(
    ("expected", "missing"), [(1, 1), (2, 2), (3, 2), (20, 2), (40, 3), (397, 20), (397, 397)]
)
def test_many_missing_is_a_failure(expected, missing):
    text = refused(gap(expected, missing))
    assert "S000" in text and f"({missing} of {expected} symbols)" in text
    assert "make accept SESSION=2005-06-01 REASON=" in text


def test_a_session_for_which_nobody_has_bars_is_a_failure():
    assert "any symbol on 2005-06-01" in refused(gap(0, 0))


def test_the_first_bad_session_is_named_and_the_others_counted():
    with pytest.raises(DataQualityError, match="2005-06-02") as caught:
        judge(gap(20, 1), gap(20, 9, NEXT), gap(20, 9, dt.date(2005, 6, 3))).enforce()
    assert "and 1 more" in caught.value.__notes__[0]


@pytest.mark.parametrize("exceptions", [{(DAY, "")}, {(DAY, "S000"), (DAY, "S001")}])
def test_what_a_person_accepted_passes_in_silence(exceptions):
    verdict = judge(gap(20, 2), accepted=exceptions)
    verdict.enforce()
    assert verdict.warnings == {}


def test_an_exception_reaches_no_other_session_or_symbol():
    refused(gap(20, 2), accepted={(NEXT, ""), (NEXT, "S000"), (DAY, "X")})
    verdict = judge(gap(20, 2), accepted={(DAY, "S001")})
    verdict.enforce()
    assert verdict.warnings == {DAY: ["no bar for S000"]}


def test_all_but_the_accepted_missing_is_still_a_failure():
    refused(gap(2, 2), accepted={(DAY, "S000")})
    judge(gap(2, 2), accepted={(DAY, "")}).enforce()
    judge(gap(0, 0), accepted={(DAY, "")}).enforce()


@pytest.mark.parametrize(("expected", "allowed"), [(1, 1), (3, 1), (100, 1), (199, 1), (200, 2), (397, 3)])
def test_bars_in_quarantine_up_to_the_threshold_are_warnings(expected, allowed):
    rows = [(f"S{n}", BAD) for n in range(allowed + 1)]
    verdict = judge(quarantined(*rows[:-1], expected=expected))
    verdict.enforce()
    assert verdict.warnings[DAY] == [f"bar of 'S{n}' in quarantine: {BAD}" for n in range(allowed)]
    text = refused(quarantined(*rows, expected=expected))
    assert f"{allowed + 1} of {expected} bars in quarantine, first 'S0' on 2005-06-01" in text
    assert "SYMBOL=S0" in text


def test_rows_that_contradict_each_other_about_one_bar_are_one():
    judge(quarantined(("A", DIFFER), ("A", DIFFER), ("A", DIFFER))).enforce()
    refused(quarantined(("A", DIFFER), ("A", DIFFER), ("B", DIFFER)))


def test_an_accepted_bar_does_not_count():
    rows = quarantined(("A", BAD), ("B", BAD))
    refused(rows, accepted={(NEXT, "A")})
    verdict = judge(rows, accepted={(DAY, "A")})
    verdict.enforce()
    assert verdict.warnings == {DAY: [f"bar of 'B' in quarantine: {BAD}"]}


@pytest.mark.parametrize(("received", "allowed"), [(2, 1), (199, 1), (200, 2), (50_000, 500)])
def test_rows_of_no_session_are_measured_against_the_batch(received, allowed):
    rows = [(None, "AAPL", "unreadable date")] * (allowed + 1)
    verdict = judge(gap(3, 0), homeless=rows[:-1], received=received)
    verdict.enforce()
    assert "an unreadable date" in verdict.warnings[DAY][0]
    text = refused(gap(3, 0), homeless=rows, received=received, accepted={(DAY, "")})
    assert f"{allowed + 1} of {received} rows" in text and "make accept" not in text


@pytest.mark.parametrize(("behind", "passes"), [(0, True), (1, True), (2, False), (9, False)])
def test_a_source_may_be_one_session_late(behind, passes):
    values = {"behind": behind, "expected_last": NEXT}
    if not passes:
        assert f"{behind} sessions behind 2005-06-02" in refused(gap(3, 0), **values)
        judge(gap(3, 0), **values, accepted={(NEXT, "")}).enforce()
    else:
        verdict = judge(gap(3, 0), **values)
        verdict.enforce()
        assert len(verdict.warnings) == behind


@given(st.integers(1, 1000), st.data())
def test_more_that_is_wrong_never_passes_where_less_does_not(expected, data):
    missing = data.draw(st.integers(0, expected))
    more = data.draw(st.integers(missing, expected))
    if judge(gap(expected, missing)).refusals:
        assert judge(gap(expected, more)).refusals
    stricter = dataclasses.replace(GATE, missing_share=0.0, missing_symbols=0)
    assert bool(judge_facts(Facts([gap(expected, missing)]), stricter).refusals) == (missing > 0)
