"""Calendar: what the session's date says, and how long ago an ex-date was."""

from __future__ import annotations

import numpy as np

from data_layer.features.layout import FloatArray, IntArray
from data_layer.features.panel import Panel
from data_layer.features.registry import indicator
from data_layer.features.trend_kernels import rows_since_change


def months(days: IntArray) -> IntArray:
    """Months since January 1970."""
    return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def good_fridays(years: IntArray) -> IntArray:
    """Days of Good Friday, two days before Gregorian Easter (Meeus 1991, Jones and Butcher's rule)."""
    golden, century, rest = years % 19, years // 100, years % 100
    epact = (19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    week = (32 + 2 * (century % 4) + 2 * (rest // 4) - epact - rest % 4) % 7
    place = epact + week - 7 * ((golden + 11 * epact + 22 * week) // 451) + 114
    first = (years * 12 + place // 31 - 1 - 1970 * 12).astype("datetime64[M]").astype("datetime64[D]")
    return np.asarray(first.astype(np.int64) + place % 31 - 2)


def last_sessions(month: IntArray) -> IntArray:
    """Day of the last session of each month on the New York exchanges since 1971.

    It is the last weekday; of their holidays only Good Friday in March and Memorial Day on the 31st of May can
    fall on one.
    """
    last = (month + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) - 1
    weekday = (last + 3) % 7  # 1970-01-01 was a Thursday; Monday is 0
    memorial = (month % 12 == 4) & (weekday == 0)
    end = last - np.maximum(weekday - 4, 0)
    # Before a Monday lies the Friday, three days back.
    return end - np.where(memorial, 3, np.where(end == good_fridays(1970 + month // 12), 1, 0))


@indicator(
    "day_of_week", formula="0 on Monday to 4 on Friday", inputs=("days",), windows=(1,),
    warm_up=lambda window: 0, unit="count", value_range=(0.0, 6.0), equals="pandas dayofweek of date",
)  # fmt: skip
def day_of_week(panel: Panel, window: int) -> FloatArray:
    """Day of the week, Monday first as in pandas."""
    return ((panel.days + 3) % 7).astype(np.float64)


@indicator(
    "month_of_year", formula="1 in January to 12 in December", inputs=("days",), windows=(1,),
    warm_up=lambda window: 0, unit="count", value_range=(1.0, 12.0), equals="pandas month of date",
)  # fmt: skip
def month_of_year(panel: Panel, window: int) -> FloatArray:
    """Month of the session."""
    return (months(panel.days) % 12 + 1).astype(np.float64)


@indicator(
    "is_month_end", "is_quarter_end",
    formula=(
        "1 on the last session of a month by the exchange's rules, else 0",
        "1 on the last session of a quarter by the exchange's rules, else 0",
    ),
    inputs=("days",), windows=(1,), warm_up=lambda window: 0, unit="count", value_range=(0.0, 1.0),
    equals=("exchange_calendars XNYS, last session of a month", "exchange_calendars XNYS, last session of a quarter"),
)  # fmt: skip
def period_end(panel: Panel, window: int) -> tuple[FloatArray, FloatArray]:
    """Turn of the month; known beforehand, because the exchange's holidays are.

    An end that the symbol itself did not trade is not moved to its session before: that would take the future.
    """
    month = months(panel.days)
    first = month.min()
    ends = panel.days == last_sessions(np.arange(first, month.max() + 1))[month - first]
    return ends.astype(np.float64), (ends & (month % 3 == 2)).astype(np.float64)


@indicator(
    "sessions_since_ex_date", formula="sessions of the symbol since its last split or dividend went ex, 0 on that day",
    inputs=("factors",), windows=(1,), warm_up=lambda window: window, unit="count", value_range=(0.0, None),
)  # fmt: skip
def sessions_since_ex_date(panel: Panel, window: int) -> FloatArray:
    """Read from the steps of the forward factors; none before the first ex-date."""
    return rows_since_change(panel.split_factor, panel.return_factor)
