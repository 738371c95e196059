"""The exchange's sessions, against the calendar of exchange_calendars and against days people remember."""

from __future__ import annotations

import datetime as dt
import sys
from zoneinfo import ZoneInfo

import exchange_calendars
import pandas as pd
import pytest

from data_layer import sessions as ours
from models.errors import ConfigError

NEW_YORK = ZoneInfo("America/New_York")
FIRST, LAST = dt.date(1999, 1, 4), dt.date(2026, 6, 30)
CLOSED = [
    *(dt.date(2001, 9, d) for d in (11, 12, 13, 14)),  # the attacks
    dt.date(2012, 10, 29),
    dt.date(2012, 10, 30),  # hurricane Sandy
    dt.date(2025, 1, 9),  # mourning for President Carter
    dt.date(2022, 6, 20),  # Juneteenth, a holiday since that year
    dt.date(2021, 4, 2),  # Good Friday
    dt.date(2024, 3, 30),
    dt.date(2024, 3, 31),  # a weekend
]
HALF_DAYS = [dt.date(2001, 11, 23), dt.date(2012, 7, 3), dt.date(2019, 12, 24), dt.date(2024, 11, 29)]


@pytest.fixture(scope="module")
def oracle():
    return exchange_calendars.get_calendar("XNYS", start="1999-01-01", end="2026-06-30")


def test_all_sessions_are_the_calendars(oracle):
    wanted = [stamp.date() for stamp in oracle.sessions_in_range(pd.Timestamp(FIRST), pd.Timestamp(LAST))]
    assert ours.sessions_between(FIRST, LAST) == wanted
    assert ours.close_times(wanted) == {s.date(): t.to_pydatetime() for s, t in oracle.closes.items()}
    assert [ours.opens_at(day) for day in wanted] == [t.to_pydatetime() for t in oracle.opens]
    assert ours.close_times([wanted[5]]) == {wanted[5]: ours.closes_at(wanted[5])}


def test_each_day_is_a_session_or_not(oracle):
    for stamp in pd.date_range(FIRST, LAST):
        assert ours.is_session(stamp.date()) == oracle.is_session(stamp), stamp


@pytest.mark.parametrize("day", CLOSED, ids=str)
def test_days_without_trading(day):
    assert not ours.is_session(day)
    assert ours.sessions_between(day, day) == []
    for function in (ours.next_session, ours.previous_session, ours.opens_at, ours.closes_at):
        with pytest.raises(ConfigError, match=str(day)):
            function(day)


def test_neighbours():
    assert ours.next_session(dt.date(2001, 9, 10)) == dt.date(2001, 9, 17)
    assert ours.previous_session(dt.date(2001, 9, 17)) == dt.date(2001, 9, 10)
    assert ours.session_from(dt.date(2001, 9, 11)) == dt.date(2001, 9, 17)
    assert ours.session_from(dt.date(2001, 9, 17)) == dt.date(2001, 9, 17)
    assert ours.sessions_between(dt.date(2005, 6, 2), dt.date(2005, 6, 1)) == []


def test_history_reaches_back_before_any_vendors():
    assert ours.is_session(dt.date(1962, 1, 2)) and not ours.is_session(dt.date(1950, 1, 4))


@pytest.mark.parametrize("day", HALF_DAYS, ids=str)
def test_half_days_close_at_one(day):
    assert ours.closes_at(day).astimezone(NEW_YORK).time() == dt.time(13)


@pytest.mark.parametrize(
    ("day", "opens", "closes"),
    [
        ("2024-03-08", 14.5, 21),
        ("2024-03-11", 13.5, 20),
        ("2024-11-01", 13.5, 20),
        ("2024-11-04", 14.5, 21),
    ],
)
def test_summer_time_moves_the_instants(day, opens, closes):
    session = dt.date.fromisoformat(day)
    midnight = dt.datetime.combine(session, dt.time(0), dt.UTC)
    assert ours.opens_at(session) - midnight == dt.timedelta(hours=opens)
    assert ours.closes_at(session) - midnight == dt.timedelta(hours=closes)
    assert ours.opens_at(session).astimezone(NEW_YORK).time() == dt.time(9, 30)


@pytest.mark.parametrize(
    ("instant", "session"),
    [
        ("2024-07-05T20:00:00Z", "2024-07-05"),
        ("2024-07-05T19:59:59Z", "2024-07-03"),
        ("2024-07-05T16:00:00-04:00", "2024-07-05"),
        ("2024-07-03T17:00:00Z", "2024-07-03"),  # closed at one
        ("2024-07-04T12:00:00Z", "2024-07-03"),
        ("2024-07-07T23:59:00Z", "2024-07-05"),
        ("2024-07-08T11:00:00Z", "2024-07-05"),  # the seven o'clock run in New York
    ],
)
def test_the_last_session_closed_at_an_instant(instant, session):
    assert ours.last_closed(dt.datetime.fromisoformat(instant)) == dt.date.fromisoformat(session)


def test_stated_closures_are_no_sessions(tmp_path, monkeypatch):
    day = dt.date(2005, 3, 10)
    assert ours.is_session(day)
    path = tmp_path / "closures.csv"
    path.write_text('date,reason\n2005-03-10,"flood, all day"\n2005-03-12,a Saturday anyway\n')
    stated = ours.closures(path)
    assert stated == {day: "flood, all day", dt.date(2005, 3, 12): "a Saturday anyway"}
    monkeypatch.setattr(ours, "closures", lambda: stated)
    ours._table.cache_clear()
    try:
        assert not ours.is_session(day) and ours.next_session(dt.date(2005, 3, 9)) == dt.date(2005, 3, 11)
        assert ours.last_closed(dt.datetime(2005, 3, 10, 23, tzinfo=dt.UTC)) == dt.date(2005, 3, 9)
        assert ours.closes_at(dt.date(2005, 3, 11)) == dt.datetime(2005, 3, 11, 21, tzinfo=dt.UTC)
    finally:
        monkeypatch.undo()
        ours._table.cache_clear()
    assert ours.closures()[dt.date(2025, 1, 9)]


@pytest.mark.parametrize(
    "line",
    ["2005-03-10,", "2005-03-10", ",flood", "soon,flood", "2005-03-10,a,b", "2005-03-10,a\n2005-03-10,b"],
)
def test_a_closure_is_a_date_and_a_reason(tmp_path, line):
    path = tmp_path / "closures.csv"
    path.write_text(f"date,reason\n{line}\n")
    with pytest.raises(ConfigError, match=r"closures\.csv"):
        ours.closures(path)


def test_the_calendar_is_kept_on_disk_and_built_again_when_that_is_not_whole(tmp_path, monkeypatch):
    path = tmp_path / "new" / "calendar.npy"
    built = ours._kept(path)
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    monkeypatch.setitem(sys.modules, "exchange_calendars", None)  # importing it fails
    assert (ours._kept(path) == built).all()
    whole = path.read_bytes()
    for damage in (b"", whole[:-8], whole[:50], b"no array"):
        path.write_bytes(damage)
        with pytest.raises(ImportError):
            ours._kept(path)


def test_another_version_of_the_package_or_another_span_is_another_calendar(tmp_path, monkeypatch):
    monkeypatch.setattr(ours, "CACHE", tmp_path)
    before = {"version": ours.version, "FIRST_DAY": ours.FIRST_DAY, "LAST_DAY": ours.LAST_DAY}
    try:
        for count, name in enumerate(before, start=1):
            other = dt.date(2040 if name == "LAST_DAY" else 1963, 1, 2)
            monkeypatch.setattr(ours, name, (lambda package: "0") if name == "version" else other)
            ours._table.cache_clear()
            assert ours.is_session(dt.date(2024, 7, 5))
            assert len(list(tmp_path.iterdir())) == count
    finally:
        monkeypatch.undo()
        ours._table.cache_clear()


def test_the_calendar_reaches_for_decades_and_does_not_ask_for_today():
    days = ours._table().days
    assert days[0] == ours.FIRST_DAY and days[-1] == dt.date(2050, 12, 30)
