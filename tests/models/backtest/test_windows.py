"""Windows: a scenario is found where it is held, else skipped with the reason."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from models.backtest.regimes import BEAR, BULL
from models.backtest.scenarios import Scenario, Shock
from models.backtest.windows import Place, place, window_rows

SESSIONS = np.arange(np.datetime64("2019-12-30"), np.datetime64("2020-12-31"))
SESSIONS = SESSIONS[np.is_busday(SESSIONS)]
LABELS = np.array([BULL] * 100 + [BEAR] * (len(SESSIONS) - 100), np.int8)


def historical(start: str, end: str) -> Scenario:
    return Scenario(
        "a", "historical", "bull", "test", dt.date.fromisoformat(start), dt.date.fromisoformat(end)
    )


def stress(sessions: int, start: str | None = None) -> Scenario:
    day = dt.date.fromisoformat(start) if start else None
    return Scenario("a", "stress", "stress", "test", day, shock=Shock(sessions, -0.2))


def dates(found: Place) -> tuple[str, str]:
    return str(SESSIONS[found.first]), str(SESSIONS[found.last])


def test_historical_windows_are_their_dates():
    assert dates(place(historical("2020-02-01", "2020-03-01"), SESSIONS, LABELS)) == (
        "2020-02-03",
        "2020-02-28",
    )
    assert dates(place(historical("2019-12-27", "2020-03-02"), SESSIONS, LABELS)) == (
        "2019-12-30",
        "2020-03-02",
    )
    whole = place(Scenario("a", "historical", "whole", "test"), SESSIONS, LABELS)
    assert (whole.first, whole.last) == (0, len(SESSIONS) - 1)


@pytest.mark.parametrize(
    ("start", "end", "reason"),
    [
        (
            "2019-12-01",
            "2020-03-01",
            "it lasts from 2019-12-01 to 2020-03-01, the bars held from 2019-12-30 to",
        ),
        ("2020-12-01", "2021-01-06", "the bars held from 2019-12-30 to 2020-12-30"),
        ("2008-01-01", "2008-03-01", "it lasts from 2008"),
        ("2020-02-03", "2020-02-06", "4 sessions of it are held, 5 are the least"),
    ],
)
def test_what_is_not_held_is_skipped_with_the_reason(start, end, reason):
    assert reason in place(historical(start, end), SESSIONS, LABELS).skipped


def test_a_stress_lies_on_its_dates_or_on_the_latest_sessions():
    latest = place(stress(20), SESSIONS, LABELS)
    assert (latest.first, latest.last) == (len(SESSIONS) - 21, len(SESSIONS) - 1)
    assert dates(place(stress(5, "2020-02-03"), SESSIONS, LABELS)) == ("2020-01-31", "2020-02-07")
    for start in ("2008-01-01", "2020-12-28", "2025-01-01", "2019-12-30"):
        assert place(stress(20, start), SESSIONS, LABELS) == latest
    assert "are held" in place(stress(len(SESSIONS)), SESSIONS, LABELS).skipped
    assert place(stress(3), SESSIONS, LABELS).skipped == "4 sessions of it are held, 5 are the least"


def test_a_regime_is_its_longest_stretch():
    found = place(Scenario("a", "regime", "regime", "test", regime="bull"), SESSIONS, LABELS)
    assert (found.first, found.last) == (0, 99)
    missing = place(Scenario("a", "regime", "regime", "test", regime="sideways"), SESSIONS, LABELS)
    assert missing.skipped == "no sideways stretch of 42 sessions is held"


def test_no_bars_no_window():
    assert place(stress(5), SESSIONS[:0], LABELS[:0]).skipped == "no bars are held"


def test_rows_of_symbols_that_come_late_go_early_or_pause():
    # All of it; from session 30; up to 45; with every second session.
    own = [np.arange(100), np.arange(30, 100), np.arange(46), np.arange(0, 100, 2)]
    offsets = np.cumsum([0, *map(len, own)])
    places = [Place(0, 99), Place(20, 39), Place(28, 60), Place(0, 99)]
    whole = np.array([False, False, False, True])
    rows = window_rows(places, offsets, np.concatenate(own), whole=whole)
    np.testing.assert_array_equal(rows[0], [[0, 99], [20, 39], [28, 60], [0, 99]])
    np.testing.assert_array_equal(rows[1], [[-1, -1], [-1, -1], [0, 30], [0, 69]])
    np.testing.assert_array_equal(rows[2], [[0, 45], [20, 39], [28, 45], [0, 45]])
    np.testing.assert_array_equal(rows[3], [[0, 49], [10, 19], [14, 30], [0, 49]])
