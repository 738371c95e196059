"""From stored bars and actions to the engine's columns: one matrix, symbol below symbol."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data_layer.features.compute import compute
from models.backtest.kernel import CLOSE, DIVIDEND, GAP, HIGH, LOW, MISSED, OPEN, SPLIT, VOLATILITY, VOLUME
from models.backtest.metrics import SESSIONS_PER_YEAR
from models.errors import DataQualityError
from plugins.backtest.action_rows import rows_from

Matrix = NDArray[np.float64]
Index = NDArray[np.int64]
COLUMNS = 9
STRETCH = 4096  # rows: 300 kB of them


def engine_bars(frame: pd.DataFrame, actions: pd.DataFrame, offsets: Index, row_session: Index) -> Matrix:
    """Return the bars as the kernel reads them, without who has left the market.

    Args:
        frame: symbol, date, open, high, low, close, volume (raw), split_factor, return_factor; by symbol, date.
        actions: symbol, ex_date, action_type, value.
        offsets: [S + 1] first row of each symbol.
        row_session: [R] index of each row's session.

    Returns:
        [R, 9]. VOLATILITY is that of the 20 sessions up to the close before, per session, NaN in warm-up: an
        order of that close can know it. GAP is 1 where the symbol's bar before is not of the session before.

    Raises:
        DataQualityError: a price that is missing or not above 0, a low above the high.
    """
    stated = ((OPEN, "open"), (HIGH, "high"), (LOW, "low"), (CLOSE, "close"), (VOLUME, "volume"))
    columns = {column: frame[name].to_numpy(np.float64, na_value=np.nan) for column, name in stated}
    _refuse_impossible(frame, columns)
    yearly = compute(frame, ["volatility_20"], dtype="float64")["volatility_20"].to_numpy()
    columns[VOLATILITY] = np.full(len(frame), np.nan)
    columns[VOLATILITY][1:] = yearly[:-1] / math.sqrt(SESSIONS_PER_YEAR)
    columns[VOLATILITY][offsets[:-1]] = np.nan
    columns[GAP] = np.zeros(len(frame))
    columns[GAP][1:] = np.where(np.diff(row_session) == 1, 0.0, MISSED)
    columns[GAP][offsets[:-1]] = 0.0
    bars = np.zeros((len(frame), COLUMNS))
    for first in range(0, len(frame), STRETCH):  # all columns of a stretch, while it is near
        rows = slice(first, first + STRETCH)
        bars[rows, SPLIT] = 1.0
        for column, values in columns.items():
            bars[rows, column] = values[rows]
    _place_actions(bars, frame, actions, offsets)
    return bars


def _refuse_impossible(frame: pd.DataFrame, columns: Mapping[int, NDArray[np.float64]]) -> None:
    bad = columns[LOW] > columns[HIGH]
    for column in (OPEN, HIGH, LOW, CLOSE):
        bad |= ~((columns[column] > 0.0) & np.isfinite(columns[column]))
    if bad.any():
        row = frame.iloc[int(np.flatnonzero(bad)[0])]
        raise DataQualityError(
            f"a bar that cannot be true: {row['symbol']} on {row['date']:%Y-%m-%d}", stage="backtest",
            key="bar", value=[float(row[name]) for name in ("open", "high", "low", "close")],
            remedy="load the file through make run SOURCE=files, which puts such rows in quarantine",
        )  # fmt: skip


def _place_actions(bars: Matrix, frame: pd.DataFrame, actions: pd.DataFrame, offsets: Index) -> None:
    """Put splits and dividends on the bar of their ex-date, or the next one; see data_layer.features.adjustment."""
    # A split of a day comes before its dividends, which are per share held after it.
    order = actions.assign(later=actions["action_type"] == "dividend").sort_values(
        ["symbol", "ex_date", "later"], kind="stable"
    )
    code, row = rows_from(frame, order, offsets)
    held = code >= 0
    inside = held & (row > offsets[:-1][code]) & (row < offsets[1:][code])
    kinds, values = order["action_type"].to_numpy(object)[inside], order["value"].to_numpy(np.float64)[inside]
    for at, kind, value in zip(row[inside], kinds, values, strict=True):
        if kind == "split":
            bars[at, SPLIT] *= value
            bars[at, DIVIDEND] /= value  # paid before this split, when a gap brings both to one bar
        else:
            bars[at, DIVIDEND] += value
