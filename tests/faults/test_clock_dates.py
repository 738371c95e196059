"""Forty mornings at which the schedule looks at the clock: each session is decided once, and by the right morning."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import exchange_calendars
import numpy as np
import pandas as pd
import pendulum
import pytest

from data_layer.sessions import sessions_between
from plugins.stages.window import Request, resolve_window
from tests.support.bars import files_settings, write_bars
from tests.support.chain import query, run_stage

pytestmark = pytest.mark.faults
NEW_YORK = ZoneInfo("America/New_York")
DATES = (
    # Both changes of the clock, the Friday before and the Monday after; New York changes before and after London.
    "2024-03-08", "2024-03-11", "2024-03-12", "2024-11-01", "2024-11-04", "2024-11-05",
    "2025-03-07", "2025-03-10", "2025-10-31", "2025-11-03",
    # Half days, and the mornings after them: Thanksgiving's Friday, Christmas Eve, before Independence Day.
    "2023-11-24", "2023-11-27", "2024-07-03", "2024-07-05", "2024-11-29", "2024-12-02", "2024-12-24", "2024-12-26",
    # Holidays on which the exchange is closed; a day of mourning that calendars of the year before do not know.
    "2024-01-15", "2024-03-29", "2024-05-27", "2024-06-19", "2025-01-09", "2025-01-10", "2018-12-05", "2018-12-06",
    # Closed without notice, and for four days; leap days; the ends of years, on weekdays and beside weekends.
    "2012-10-29", "2012-10-31", "2001-09-12", "2001-09-17", "2024-02-29", "2024-03-01", "2020-02-28", "2020-03-02",
    "2024-12-31", "2025-01-02", "2021-12-31", "2022-01-03", "2022-12-30", "2023-01-03",
)  # fmt: skip
LATE = dt.timedelta(days=5)


@pytest.fixture(scope="module")
def oracle():
    return exchange_calendars.get_calendar("XNYS", start="2001-01-01", end="2025-12-31")


def morning(text):
    """07:00 in New York, when data_ingestion's schedule fires."""
    return dt.datetime.combine(dt.date.fromisoformat(text), dt.time(7), NEW_YORK).astimezone(dt.UTC)


def looked_at(now, done, logical_date=None):
    request = Request("data_ingestion", "scheduled", {}, logical_date, now)
    return resolve_window(request, sessions_between(dt.date(2001, 1, 2), dt.date(2025, 12, 31)), done).sessions


def closed_by(oracle, instant):
    """The sessions that the calendar package says have closed by then."""
    count = oracle.closes.searchsorted(pd.Timestamp(instant), side="right")
    return [day.date() for day in oracle.sessions[:count]]


def test_forty_dates():
    assert len(set(DATES)) == len(DATES) == 40


@pytest.fixture
def schedule(monkeypatch):
    """What Airflow's scheduler asks when data_ingestion is due, with a live source."""
    from airflow.serialization.encoders import coerce_to_core_timetable

    from plugins.dag_defaults import ingestion_schedule

    monkeypatch.setenv("SOURCE", "yfinance")
    return coerce_to_core_timetable(ingestion_schedule())


def test_the_schedule_is_due_on_each_of_these_mornings_once(schedule):
    from airflow.timetables.base import TimeRestriction

    def due(after):
        span = TimeRestriction(earliest=pendulum.instance(after), latest=None, catchup=True)
        return schedule.next_dagrun_info(last_automated_data_interval=None, restriction=span).run_after

    for date in DATES:
        day = dt.date.fromisoformat(date)
        assert due(dt.datetime.combine(day, dt.time(), NEW_YORK)) == morning(date)
        following = day + dt.timedelta(days=3 if day.weekday() == 4 else 1)
        assert due(morning(date) + dt.timedelta(seconds=1)) == morning(str(following))


@pytest.mark.parametrize("date", DATES)
def test_the_morning_takes_the_last_session_that_has_closed(oracle, date):
    closed = closed_by(oracle, morning(date))
    assert looked_at(morning(date), closed[:-1]) == (closed[-1],)
    assert closed[-1] < dt.date.fromisoformat(date)
    assert looked_at(morning(date), closed) == ()  # the same morning once more
    # A scheduled run carries the instant it was due at, however late it starts.
    late = morning(date) + dt.timedelta(days=3)
    assert looked_at(late, closed[:-1], logical_date=morning(date)) == (closed[-1],)


def test_all_mornings_one_after_another_take_every_session_once(oracle):
    done = [dt.date(2001, 1, 2)]
    for date in sorted(DATES):
        taken = looked_at(morning(date), done)
        assert list(taken) == closed_by(oracle, morning(date))[len(done) :]
        done += taken
    assert len(set(done)) == len(done)


def bars(days):
    """Three made-up symbols."""
    dice, parts = np.random.default_rng(40), []
    for symbol in ("AAA", "BBB", "CCC"):
        close = np.round(100 * np.exp(dice.normal(0, 0.01, len(days)).cumsum()), 2)
        opening = np.round(close * np.exp(dice.normal(0, 0.005, len(days))), 2)
        parts.append(pd.DataFrame({
            "symbol": symbol, "date": days, "open": opening, "high": np.maximum(opening, close) + 0.5,
            "low": np.minimum(opening, close) - 0.5, "close": close, "volume": dice.integers(1e6, 2e6, len(days)),
        }))  # fmt: skip
    return pd.concat(parts)


def seasons():
    """The dates in order, those apart by more than a month not together: a market between them would say nothing."""
    found = [[]]
    for date in sorted(map(dt.date.fromisoformat, DATES)):
        if found[-1] and date - found[-1][-1] > dt.timedelta(days=30):
            found.append([])
        found[-1].append(date)
    return found


@pytest.mark.parametrize("dates", seasons(), ids=lambda dates: f"{dates[0]}..{dates[-1]}")
def test_data_ingestion_completes_each_session_once_and_by_the_right_morning(oracle, database, tmp_path, dates):
    """The stage itself, at each of these mornings and once more days later, over what there is of bars by then."""
    first, path, expected = dates[0] - dt.timedelta(days=14), tmp_path / "bars.parquet", {}
    settings = files_settings(tmp_path, path)
    rows = bars([day.date() for day in oracle.sessions_in_range(str(first), str(dates[-1] + LATE))])
    for date in dates:
        due = morning(str(date))
        for late in (dt.timedelta(0), LATE):
            write_bars(path, rows[rows["date"] < date + late])
            run = run_stage(database.writer, settings, "data_ingestion", logical_date=due, now=due + late)
            closed = [day for day in closed_by(oracle, due) if day >= first]
            expected = dict.fromkeys(closed, run.context.request.run_id) | expected
            noted = query(database.reader, "SELECT session_date, run_id, status, model FROM stage_runs")
            assert {row["session_date"]: row["run_id"] for row in noted} == expected, date
            assert [(row["status"], row["model"]) for row in noted] == [("completed", "")] * len(expected)
    stored = query(database.reader, "SELECT symbol, date FROM market_data ORDER BY 1, 2")
    assert [(row["symbol"], row["date"]) for row in stored] == [(s, d) for s in ("AAA", "BBB", "CCC") for d in expected]


@pytest.mark.parametrize("date", DATES)
def test_the_close_itself_decides_also_on_half_days(oracle, date):
    """A minute before the close the session of the day is not due yet; at the close it is."""
    day = oracle.date_to_session(date, direction="next")
    close = oracle.closes[day].to_pydatetime()
    before = closed_by(oracle, close - dt.timedelta(minutes=1))
    assert day.date() not in before
    assert looked_at(close - dt.timedelta(minutes=1), before) == ()
    assert looked_at(close, before) == (day.date(),)
