"""How a frame of bars is read: which rows belong to which symbol, in which order, and as which numbers."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.errors import DataQualityError

STAGE = "features"
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def require_columns(frame: pd.DataFrame, columns: Iterable[str], what: str) -> None:
    """Refuse a frame without one of the columns.

    Raises:
        DataQualityError: naming what is missing and what is there.
    """
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise DataQualityError(
            f"{what} frame has no column {', '.join(missing)}", stage=STAGE, key="columns",
            value=[str(column) for column in frame.columns], remedy="pass a frame with the named columns",
        )  # fmt: skip


def to_days(dates: pd.Series) -> IntArray:
    """Days since 1970-01-01 of a column of session dates.

    Args:
        dates: either `datetime.date` objects or time-zone-free datetime64 at midnight, any resolution. Text,
            time zones, times of day and a mixture of types are refused: what day they mean would be a guess.

    Returns:
        int64, one per row.

    Raises:
        DataQualityError: for anything else, and for a missing date.
    """
    kind = pd.api.types.infer_dtype(dates, skipna=False)
    if kind not in {"date", "datetime64"} or getattr(dates.dtype, "tz", None) is not None:
        raise _bad_dates(f"column {dates.name} does not hold plain dates", str(dates.dtype), kind)
    # pandas is 25 times as fast for date objects as numpy's own cast, and looks at stamps one by one for nothing.
    stamps = dates.to_numpy() if kind == "datetime64" else pd.to_datetime(dates).to_numpy()
    days = stamps.astype("datetime64[D]")
    if np.isnat(days).any():
        raise _bad_dates(f"column {dates.name} has missing dates", str(dates.dtype), kind)
    if kind == "datetime64" and (days != stamps).any():
        raise _bad_dates(f"column {dates.name} has times of day", str(stamps[days != stamps][0]), kind)
    return days.astype(np.int64)


def _bad_dates(message: str, value: str, kind: str) -> DataQualityError:
    return DataQualityError(
        f"{message}: {kind}", stage=STAGE, key="date", value=value,
        remedy="pass datetime.date objects, or datetime64 at midnight without a time zone",
    )  # fmt: skip


def to_floats(column: pd.Series) -> FloatArray:
    """Contiguous float64 values of a numeric column; integers are converted, NULL and infinity become NaN.

    They are to be read only: where the column holds just these values they are its own memory and no copy.

    Raises:
        DataQualityError: when the column is not numeric (text would be parsed by luck).
    """
    if not pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype):
        raise DataQualityError(
            f"column {column.name} is not numeric", stage=STAGE, key=str(column.name),
            value=str(column.dtype), remedy="cast it to float64",
        )  # fmt: skip
    if column.dtype == np.float64:
        held = column.to_numpy().view()
        with suppress(ValueError):  # what is laid over a file stays as it is, and is copied
            held.setflags(write=True)  # for kernels, compiled for arrays of this kind; none writes into an input
            if held.flags.c_contiguous and np.isfinite(held).all():
                return held
    values = np.array(column.to_numpy(dtype=np.float64, na_value=np.nan), order="C")
    values[~np.isfinite(values)] = np.nan
    return values


def symbol_rows(frame: pd.DataFrame) -> tuple[IntArray, IntArray, pd.Index, IntArray]:
    """Where each symbol's rows lie, after checking that they are contiguous and in date order.

    Symbols may come in any order (a database's collation is not Python's), but each in one piece.

    Args:
        frame: columns symbol and date.

    Returns:
        starts, int64 [symbols + 1]: rows `starts[i]` to `starts[i + 1] - 1` are symbol i; codes, int64
        [rows]: i of each row; the symbols [symbols]; days, int64 [rows].

    Raises:
        DataQualityError: for a missing symbol, scattered symbols, or dates not strictly ascending in one.
    """
    column, days = frame["symbol"].array, to_days(frame["date"])
    missing = np.flatnonzero(column.isna())
    if len(missing):
        raise DataQualityError("a bar has no symbol", stage=STAGE, key="row", value=int(missing[0]))
    # Neighbours are compared, and only each symbol's first row is looked up: a tenth of looking up all of them.
    changes = np.flatnonzero(np.asarray(column[1:] != column[:-1], np.bool_)) + 1
    starts = np.unique(np.concatenate(([0], changes, [len(days)]))).astype(np.int64)  # only one when there are no rows
    symbols = pd.Index(column.take(starts[:-1]))
    again = np.flatnonzero(symbols.duplicated())
    if len(again):
        raise _bad_order("rows of one symbol are not contiguous", symbols[again[0]], days[starts[again[0]]])
    codes = np.repeat(np.arange(len(symbols)), np.diff(starts))
    wrong = np.flatnonzero((np.diff(codes) == 0) & (np.diff(days) <= 0)) + 1
    if len(wrong):
        row = wrong[0]
        problem = "duplicated bar" if days[row] == days[row - 1] else "dates of one symbol are not ascending"
        raise _bad_order(problem, symbols[codes[row]], days[row])
    return starts, codes, symbols, days


def _bad_order(problem: str, symbol: Any, day: np.int64) -> DataQualityError:
    return DataQualityError(
        f"{problem}: {symbol} on {iso_date(day)}", stage=STAGE, key="symbol", value=symbol,
        remedy="sort the bars by symbol and date, one row for each pair",
    )  # fmt: skip


def iso_date(day: np.int64 | int) -> str:
    """The date as text of days since 1970-01-01."""
    return str(np.datetime64(int(day), "D"))
