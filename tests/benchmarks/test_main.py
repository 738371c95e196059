"""The runner of the measures: one line each, and an exit code that tells whether all were reached."""

from __future__ import annotations

import re

import pytest

from tests.benchmarks import __main__ as runner
from tests.benchmarks.measure import Measure

LINE = re.compile(r"\w+ ours=[\d.e+-]+ peer=[\d.e+-]+ ratio=[\d.e+-]+ target=[\d.e+-]+ (ok|short)")


@pytest.fixture
def measures(monkeypatch):
    """Sets which measures there are."""

    def are(**by_name):
        found = {name: (lambda listed=listed: iter(listed)) for name, listed in by_name.items()}
        monkeypatch.setattr(runner, "benchmarks", lambda: found)
        monkeypatch.delenv("ONLY", raising=False)

    return are


def test_a_line_says_both_times_the_ratio_and_the_verdict(measures, capsys):
    measures(fast=[Measure("fast", 0.05, 0.2, 3.0), Measure("fast_too", 1.0, 4.0, 4.0)])
    assert runner.main([]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.startswith("# ")
    assert lines == [
        "fast ours=0.05 peer=0.2 ratio=4 target=3 ok",
        "fast_too ours=1 peer=4 ratio=4 target=4 ok",
    ]
    assert all(LINE.fullmatch(line) for line in lines)


def test_one_that_is_short_fails_the_run_and_stops_none(measures, capsys):
    measures(slow=[Measure("slow", 1.0, 1.49, 1.5)], swift=[Measure("swift", 1.0, 9.0, 1.5)])
    assert runner.main([]) == 1
    lines = capsys.readouterr().out.splitlines()[1:]
    assert [line.rpartition(" ")[2] for line in lines] == ["short", "ok"]
    assert all(LINE.fullmatch(line) for line in lines)


def test_only_one_is_run_and_an_unknown_one_is_named(measures, capsys, monkeypatch):
    measures(slow=[Measure("slow", 1.0, 1.0, 1.5)], swift=[Measure("swift", 1.0, 9.0, 1.5)])
    assert runner.main(["ONLY=swift"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]] == ["swift"]
    monkeypatch.setenv("ONLY", "slow")  # as `make bench ONLY=slow` may hand it on
    assert runner.main([]) == 1
    assert runner.main(["ONLY=sloww"]) == 2
    assert "sloww; there are slow, swift" in capsys.readouterr().err


def test_the_measures_of_features_are_found():
    asked = {"indicators_36", "technical_all", "alpha158", "features_14", "features_stage"}
    assert asked <= set(runner.benchmarks())
