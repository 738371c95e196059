"""Bars that look wrong beside their neighbours: what is flagged, when it could be known, and what is not."""

from __future__ import annotations

import dataclasses
import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_layer.quality.cross_checks import CHECKS, LOOKBACK, cross_checks
from data_layer.quality.thresholds import load_thresholds
from data_layer.sessions import sessions_between

LIMITS = load_thresholds().cross_checks
DAYS = sessions_between(dt.date(2005, 1, 3), dt.date(2005, 3, 31))


def bars_of(closes, symbol="A", **columns):
    """Bars of quiet days around these closes; columns overrule, by position."""
    closes = np.asarray(closes, float)
    rows = pd.DataFrame({
        "symbol": symbol, "date": pd.DatetimeIndex(DAYS[: len(closes)]), "open": closes, "high": closes * 1.01,
        "low": closes * 0.99, "close": closes, "volume": np.arange(len(closes)) + 1000.0,
    })  # fmt: skip
    for name, values in columns.items():
        for at, value in values.items():
            rows.loc[at, name] = value
    return rows


def actions_of(*actions):
    rows = [(s, pd.Timestamp(DAYS[at]), kind, float(v)) for s, at, kind, v in actions]
    frame = pd.DataFrame(rows, columns=["symbol", "ex_date", "action_type", "value"])
    return frame.astype({"ex_date": "datetime64[s]", "value": float})


def found(bars, *actions, limits=LIMITS, since=None):
    rows = cross_checks(bars, actions_of(*actions), limits, since)
    return [
        (r.check_name, DAYS.index(r.session_date), r.severity, DAYS.index(r.seen_on))
        for r in rows.itertuples()
    ]


def test_quiet_bars_are_nothing_to_say():
    assert found(bars_of([100, 101, 99, 100, 102])) == []
    assert found(bars_of([100])) == [] == found(bars_of([]))


@pytest.mark.parametrize(("move", "flagged"), [(1.29, False), (1.31, True), (0.71, False), (0.69, True)])
def test_a_jump_over_thirty_percent(move, flagged):
    # Opened half way, so that it has no split's shape; stays, so that it is no spike.
    bars = bars_of([100, 100, 100 * move, 100 * move], open={2: 100 + 50 * (move - 1)})
    bars.loc[2, ["high", "low"]] = [max(100, 100 * move), min(100, 100 * move)]
    assert found(bars) == ([("jump", 2, "suspect", 2)] if flagged else [])


@pytest.mark.parametrize(
    ("after", "actions"),
    [
        (50, [("A", 2, "split", 2)]),
        (300, [("A", 2, "split", "0.333333")]),
        (40, [("A", 2, "dividend", 60)]),
        (20, [("A", 2, "split", 2), ("A", 2, "dividend", 30)]),
    ],
)
def test_a_move_that_an_action_explains_is_none(after, actions):
    assert found(bars_of([100, 100, after, after]), *actions) == []
    assert found(bars_of([100, 100, after, after])) != []


def test_a_spike_that_reverts_is_seen_the_next_session():
    # Within the day the range reaches the days around it: a true panic looks like this.
    bars = bars_of([100, 100, 65, 101, 100], high={2: 100}, open={2: 90})
    assert found(bars) == [
        ("jump", 2, "suspect", 2),
        ("spike", 2, "suspect", 3),
        ("jump", 3, "suspect", 3),
    ]
    assert found(bars[:3]) == [("jump", 2, "suspect", 2)]  # nobody could know yet


def test_a_day_apart_from_both_around_it_is_a_defect():
    assert ("spike", 2, "defect", 3) in found(bars_of([100, 100, 85, 100, 100]))
    assert ("spike", 2, "defect", 3) in found(bars_of([100, 100, 116, 101, 100]))
    assert found(bars_of([100, 100, 93, 100])) == []
    assert found(bars_of([100, 100, 85, 85, 100])) == []  # two days are a level
    assert found(bars_of([100, 100, 85])) == []


def test_a_spike_is_measured_in_one_share_basis():
    assert found(bars_of([100, 100, 50, 50]), ("A", 2, "split", 2)) == []
    assert found(bars_of([100, 100, 50, 100]), ("A", 2, "split", 2), ("A", 3, "split", "0.5")) == []
    spike = found(bars_of([100, 100, 35, 50]), ("A", 2, "split", 2))
    assert ("spike", 2, "defect", 3) in spike
    paid = found(bars_of([100, 100, 60, 60]), ("A", 3, "dividend", 40))  # 60 + 40 is where it was
    assert ("spike", 2, "defect", 3) in paid


@pytest.mark.parametrize("ratio", [1.5, 2, 3, 7, 20, 1 / 2, 1 / 10])
def test_a_split_without_a_record(ratio):
    bars = bars_of([100, 101, 101 / ratio * 1.02, 100 / ratio])
    assert ("unrecorded_split", 2, "suspect", 2) in found(bars)
    rows = cross_checks(bars, actions_of(), LIMITS)
    assert rows[rows["check_name"] == "unrecorded_split"]["detail"].iloc[0]["ratio"] == pytest.approx(ratio)


def test_a_split_happens_overnight_and_near_its_ratio():
    intraday = bars_of([100, 100, 50, 50], open={2: 100})
    intraday.loc[2, "high"] = 100
    assert "unrecorded_split" not in {row[0] for row in found(intraday)}
    assert "unrecorded_split" not in {row[0] for row in found(bars_of([100, 100, 44, 44]))}
    assert "unrecorded_split" not in {row[0] for row in found(bars_of([100, 100, 80, 80]))}  # 5:4 is left out


def test_a_split_recorded_without_the_fall():
    assert found(bars_of([100, 100, 101, 100]), ("A", 2, "split", 2)) == [
        ("action_without_jump", 2, "defect", 2),
        ("jump", 2, "suspect", 2),
    ]
    assert found(bars_of([100, 100, 101, 100]), ("A", 2, "dividend", 15)) == [
        ("action_without_jump", 2, "suspect", 2)
    ]
    # Half of what a small dividend should do is lost in the day's move.
    assert found(bars_of([100, 100, 101, 100]), ("A", 2, "dividend", 5)) == []
    # On the first bar there is nothing to compare with.
    assert found(bars_of([100, 100, 101, 100]), ("A", 0, "split", 2)) == []


def detail(bars, check, *actions):
    rows = cross_checks(bars, actions_of(*actions), LIMITS)
    return rows[rows["check_name"] == check]["detail"].iloc[0]


def test_a_split_recorded_on_the_wrong_day_says_which_is_right():
    late = bars_of([100, 100, 50, 50, 50, 50])
    assert detail(late, "action_without_jump", ("A", 4, "split", 2))["moved_on"] == str(DAYS[2])
    early = bars_of([100, 100, 100, 100, 50, 50])
    assert detail(early, "unrecorded_split", ("A", 2, "split", 2))["recorded_on"] == str(DAYS[2])
    assert "recorded_on" not in detail(early, "unrecorded_split")
    days = [100] * 2 + [50] * 7
    assert detail(bars_of(days), "action_without_jump", ("A", 7, "split", 2))["moved_on"] == str(DAYS[2])
    assert "moved_on" not in detail(bars_of(days), "action_without_jump", ("A", 8, "split", 2))


def test_an_action_on_a_day_without_a_bar_counts_on_the_next():
    bars = bars_of([100, 100, 100, 50, 50]).drop(2).reset_index(drop=True)
    assert found(bars, ("A", 2, "split", 2)) == []


def test_no_volume_is_flagged_and_with_a_range_it_is_wrong():
    bars = bars_of([100, 101, 102, 103], volume={1: 0, 2: 0}, high={1: 101}, low={1: 101})
    assert found(bars) == [("zero_volume", 1, "suspect", 1), ("zero_volume", 2, "defect", 2)]


def test_the_same_bar_twice():
    twice = bars_of([100, 101, 101, 103], volume={1: 7, 2: 7})
    assert found(twice) == [("stale_repeat", 2, "defect", 2)]
    assert found(bars_of([100, 101, 101, 103])) == []  # another volume
    quiet = found(bars_of([100, 101, 101, 103], volume={1: 0, 2: 0}))
    assert ("stale_repeat", 2, "suspect", 2) in quiet


@pytest.mark.parametrize(("column", "value", "flagged"), [("high", 140, 1), ("high", 125, 0), ("low", 60, 1)])
def test_a_high_or_low_far_from_everything_else(column, value, flagged):
    found_here = found(bars_of([100, 101, 100], **{column: {1: value}}))
    assert found_here == [("far_extreme", 1, "suspect", 1)] * flagged


def test_no_symbol_is_another_ones_neighbour():
    bars = pd.concat([bars_of([100, 100]), bars_of([10, 10], symbol="B"), bars_of([900, 900], symbol="C")])
    assert found(bars) == []
    shuffled = bars.sample(frac=1, random_state=1)
    assert found(shuffled, ("B", 1, "split", 2)) == found(bars, ("B", 1, "split", 2)) != []


@pytest.mark.parametrize("check", CHECKS)
def test_each_threshold_of_a_check_matters(check):
    """With every limit as loose as the file allows, only what has no limit is left."""
    loose = dataclasses.replace(
        LIMITS, jump=0.99, spike_return=0.001, isolation=10.0, split_ratios=(1000.0,), split_tolerance=0.001,
        action_effect=0.99, far_extreme=0.99,
    )  # fmt: skip
    bars = bars_of([100, 100, 50, 100, 100, 100, 100], high={5: 150}, volume={3: 0, 4: 0, 5: 7, 6: 7})
    bars.loc[6] = bars.loc[5].where(bars.columns != "date", bars.loc[6])
    kinds = {row[0] for row in found(bars, ("A", 3, "split", "0.9"), ("A", 4, "split", 1.9))}
    assert check in kinds
    left = {row[0] for row in found(bars, ("A", 3, "split", "0.9"), ("A", 4, "split", 1.9), limits=loose)}
    assert (check in left) == (check in {"zero_volume", "stale_repeat"})


MOVES = st.sampled_from([1.0, 1.0, 1.01, 0.98, 0.5, 2.0, 0.66, 1.5, 0.33, 1.35, 0.85, 1.17, 0.74])
EVENTS = st.tuples(
    st.sampled_from("AB"), st.integers(0, 29), st.sampled_from(["split", "dividend"]),
    st.sampled_from([2, 3, 0.5, 1.5, 10, 40]),
)  # fmt: skip


@st.composite
def histories(draw):
    parts = []
    for symbol in "AB":
        n = draw(st.integers(1, 30))
        closes = 100 * np.cumprod(draw(st.lists(MOVES, min_size=n, max_size=n)))
        part = bars_of(closes, symbol, volume={draw(st.integers(0, n - 1)): 0.0})
        part["volume"] = draw(st.lists(st.sampled_from([0.0, 5.0]), min_size=n, max_size=n))
        kept = draw(st.lists(st.booleans(), min_size=n, max_size=n))  # a session may be missing
        parts.append(part[np.array(kept)])
    events = draw(st.lists(EVENTS, max_size=6, unique_by=lambda e: e[:3]))
    return pd.concat(parts, ignore_index=True), events


def key(rows):
    return sorted(map(repr, rows.to_dict("records")))


@settings(deadline=None, database=None, max_examples=60)
@given(histories(), st.integers(0, 29), st.integers(1, 12))
def test_a_run_over_some_sessions_finds_what_one_over_all_finds_for_them(history, first, length):
    bars, events = history
    actions = actions_of(*events)
    whole = cross_checks(bars, actions, LIMITS)
    start, end = DAYS[first], DAYS[min(first + length - 1, 29)]
    known = bars[bars["date"] <= pd.Timestamp(end)]
    before = known[known["date"] < pd.Timestamp(start)].groupby("symbol").tail(LOOKBACK + 1)
    window = pd.concat([before, known[known["date"] >= pd.Timestamp(start)]], ignore_index=True)
    if window.empty:
        return
    heard = actions[actions["ex_date"].between(window["date"].min(), pd.Timestamp(end))]
    some = cross_checks(window, heard, LIMITS, start)
    assert key(some) == key(whole[(whole["seen_on"] >= start) & (whole["seen_on"] <= end)])


@settings(deadline=None, database=None, max_examples=30)
@given(histories(), st.integers(0, 29))
def test_no_later_bar_changes_what_was_seen(history, last):
    bars, events = history
    whole = cross_checks(bars, actions_of(*events), LIMITS)
    day = DAYS[last]
    then = cross_checks(
        bars[bars["date"] <= pd.Timestamp(day)], actions_of(*(e for e in events if e[1] <= last)), LIMITS
    )
    assert key(then) == key(whole[whole["seen_on"] <= day])
