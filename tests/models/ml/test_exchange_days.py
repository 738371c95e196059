"""The rule for coming sessions against the exchange's own calendar."""

import exchange_calendars
import numpy as np
import pandas as pd
import pytest

from models.ml.exchange_days import days_since_previous, holidays, is_month_end, next_days

# Mourning, attacks and storms: nobody knew the week before.
UNSCHEDULED = {
    "2001-09-11", "2001-09-12", "2001-09-13", "2001-09-14", "2004-06-11", "2007-01-02", "2012-10-29", "2012-10-30",
    "2018-12-05", "2025-01-09",
}  # fmt: skip
BEGIN, END = "1999-01-01", "2026-12-31"


@pytest.fixture(scope="module")
def sessions():
    calendar = exchange_calendars.get_calendar("XNYS", start=BEGIN, end=END)
    return calendar.sessions.to_numpy().astype("datetime64[D]")


def test_only_unscheduled_closures_differ(sessions):
    weekdays = pd.bdate_range(BEGIN, END).to_numpy().astype("datetime64[D]")
    by_rule = np.setdiff1d(weekdays, holidays(1999, 2026))
    assert {str(d) for d in np.setdiff1d(by_rule, sessions)} == UNSCHEDULED
    assert not len(np.setdiff1d(sessions, by_rule))


def test_next_days_gaps_and_month_ends(sessions):
    calm = sessions[(sessions > np.datetime64("2013-01-01")) & (sessions < np.datetime64("2018-11-01"))]
    steps = next_days(calm[:-5], 5)
    for ahead in range(5):
        assert (steps[:, ahead] == calm[1 + ahead : len(calm) - 4 + ahead]).all()
    assert (days_since_previous(calm)[1:] == np.diff(calm).astype(int)).all()
    months = calm.astype("datetime64[M]")
    assert (is_month_end(calm)[:-1] == (months[1:] != months[:-1])).all()


def test_a_closed_day_and_a_weekend_have_an_answer():
    days = np.array(["2018-12-05", "2018-12-08"], dtype="datetime64[D]")  # mourning; a Saturday
    assert next_days(days, 1).astype(str).tolist() == [["2018-12-06"], ["2018-12-10"]]
    assert (days_since_previous(days) >= 1).all()
