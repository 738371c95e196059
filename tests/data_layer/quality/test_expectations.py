"""The Great Expectations suite: it says what the gate says, keeps its evidence, and builds its pages offline."""

from __future__ import annotations

import datetime as dt
import math
import socket

import pandas as pd
import pytest

from data_layer.quality.coverage import Facts, SessionFacts, judge_facts, without_accepted
from data_layer.quality.expectations import batches, build_docs, validate
from data_layer.quality.thresholds import load_thresholds

GATE = load_thresholds().gate
DAY, NEXT = dt.date(2005, 6, 1), dt.date(2005, 6, 2)
GOOD = SessionFacts(DAY, 20, 20)
BARS = pd.DataFrame(
    [
        ("A", pd.Timestamp(NEXT), 10.0, 12.0, 9.0, 11.0, 5.0),
        ("B", pd.Timestamp(NEXT), 10.0, 12.0, 9.0, 11.0, 5.0),
    ],
    columns=["symbol", "date", "open", "high", "low", "close", "volume"],
)


def gap(expected, missing):
    return SessionFacts(NEXT, expected, expected - missing, [f"S{n}" for n in range(missing)])


def bad(rows, expected=20):
    return SessionFacts(NEXT, expected, expected, [], [(f"S{n}", "high is below") for n in range(rows)])


def failed(facts, bars=BARS):
    return {(r.batch, r.subject) for r in validate(batches(facts, bars, GATE), GATE) if not r.success}


CASES = {
    "nothing": (Facts([GOOD, gap(20, 0)]), set()),
    "one missing": (Facts([GOOD, gap(20, 1)]), set()),
    "two missing": (Facts([GOOD, gap(20, 2)]), {"missing_allowed, missing"}),
    "all missing": (Facts([GOOD, gap(1, 1)]), {"held"}),
    "nobody expected": (Facts([GOOD, SessionFacts(NEXT, 0, 0)]), {"held"}),
    "one bad": (Facts([GOOD, bad(1)]), set()),
    "two bad": (Facts([GOOD, bad(2)]), {"quarantine_allowed, quarantined"}),
    "three of many bad": (Facts([GOOD, bad(3, 400)]), set()),
    "dateless": (Facts([GOOD], [(None, "A", "x")] * 2, 100), {"homeless_allowed, homeless"}),
    "few dateless": (Facts([GOOD], [(None, "A", "x")] * 2, 200), set()),
    "late": (Facts([GOOD], behind=1, expected_last=NEXT), set()),
    "too late": (Facts([GOOD], behind=2, expected_last=NEXT), {"behind"}),
    "accepted": (without_accepted(Facts([GOOD, gap(1, 1)]), {(NEXT, "")}), set()),
    "one of them accepted": (without_accepted(Facts([GOOD, gap(20, 2)]), {(NEXT, "S0")}), set()),
}


@pytest.mark.parametrize("case", CASES)
def test_the_suite_refuses_what_the_gate_refuses(case):
    facts, subjects = CASES[case]
    assert {subject for _, subject in failed(facts)} == subjects
    assert bool(judge_facts(facts, GATE).refusals) == bool(subjects)


@pytest.mark.parametrize(
    ("values", "subjects"),
    [
        ({"open": math.nan}, {"open"}),
        ({"high": 8.0}, {"high, open", "high, close", "high, low"}),
        ({"low": 10.5}, {"open, low"}),
        ({"low": 0.0}, {"low"}),
        ({"high": 1e8}, {"high"}),
        ({"volume": -1.0}, {"volume"}),
        ({"symbol": "A"}, {"symbol, date"}),
    ],
)
def test_the_days_bars_are_held_to_their_bounds(values, subjects):
    bars = BARS.copy()
    for name, value in values.items():
        bars.loc[1, name] = value
    assert failed(Facts([GOOD]), bars) == {("bars", subject) for subject in subjects}


def test_evidence_is_kept():
    results = validate(batches(Facts([GOOD, gap(20, 2)]), BARS, GATE), GATE)
    result = next(r for r in results if not r.success)
    assert result.expectation == "expect_column_pair_values_a_to_be_greater_than_b"
    assert result.observed["unexpected_count"] == 1 and "2.0" in result.observed["unexpected"][0]
    bounds = next(r for r in results if r.subject == "behind").threshold
    assert bounds == {"min_value": 0.0, "max_value": 1.0}


def test_pages_are_built_without_a_network(tmp_path, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    found = batches(Facts([GOOD, gap(20, 2)]), BARS, GATE)
    for minute in (0, 1):  # a second build adds to the first
        page = build_docs(found, GATE, tmp_path, dt.datetime(2026, 11, 20, 22, minute, tzinfo=dt.UTC))
    assert page.is_relative_to(tmp_path) and "sessions" in page.read_text()
    told = [p.read_text() for p in page.parent.rglob("validations/sessions/**/*.html")]
    assert len(told) == 2 and all("missing_allowed" in text for text in told)
