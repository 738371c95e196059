"""From stored bars and actions to the engine's columns: one matrix, symbol below symbol."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data_layer.features.compute import compute
from models.backtest.curve import SESSIONS_PER_YEAR
from models.backtest.kernel import CLOSE, DIVIDEND, GAP, HIGH, LOW, MISSED, OPEN, SPLIT, VOLATILITY, VOLUME
from models.errors import DataQualityError

Matrix = NDArray[np.float64]
Index = NDArray[np.int64]
COLUMNS = 9


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
    bars = np.zeros((len(frame), COLUMNS))
    for column, name in ((OPEN, "open"), (HIGH, "high"), (LOW, "low"), (CLOSE, "close"), (VOLUME, "volume")):
        bars[:, column] = frame[name].to_numpy(np.float64, na_value=np.nan)
    _refuse_impossible(frame, bars)
    bars[:, SPLIT] = 1.0
    _place_actions(bars, frame, actions, offsets)
    yearly = compute(frame, ["volatility_20"], dtype="float64")["volatility_20"].to_numpy()
    bars[1:, VOLATILITY] = yearly[:-1] / math.sqrt(SESSIONS_PER_YEAR)
    bars[offsets[:-1], VOLATILITY] = np.nan
    bars[1:, GAP] = np.where(np.diff(row_session) == 1, 0.0, MISSED)
    bars[offsets[:-1], GAP] = 0.0
    return bars


def _refuse_impossible(frame: pd.DataFrame, bars: Matrix) -> None:
    prices = bars[:, OPEN : CLOSE + 1]
    bad = ~((prices > 0.0) & np.isfinite(prices)).all(axis=1) | (bars[:, LOW] > bars[:, HIGH])
    if bad.any():
        row = frame.iloc[int(np.flatnonzero(bad)[0])]
        raise DataQualityError(
            f"a bar that cannot be true: {row['symbol']} on {row['date']:%Y-%m-%d}", stage="backtest",
            key="bar", value=[float(row[name]) for name in ("open", "high", "low", "close")],
            remedy="load the file through make run SOURCE=files, which puts such rows in quarantine",
        )  # fmt: skip


def _place_actions(bars: Matrix, frame: pd.DataFrame, actions: pd.DataFrame, offsets: Index) -> None:
    """Put splits and dividends on the bar of their ex-date, or the next one; see data_layer.features.adjustment."""
    symbols = frame["symbol"].to_numpy()[offsets[:-1]]
    place = {symbol: i for i, symbol in enumerate(symbols)}
    days = frame["date"].to_numpy().astype("datetime64[D]")
    # A split of a day comes before its dividends, which are per share held after it.
    order = actions.assign(later=actions["action_type"] == "dividend").sort_values(
        ["symbol", "ex_date", "later"], kind="stable"
    )
    ex_days = order["ex_date"].to_numpy().astype("datetime64[D]")
    values = order["value"].to_numpy(np.float64)
    for symbol, kind, day, value in zip(order["symbol"], order["action_type"], ex_days, values, strict=True):
        i = place.get(symbol)
        if i is None:
            continue
        first, end = offsets[i], offsets[i + 1]
        row = first + np.searchsorted(days[first:end], day)
        if not first < row < end:
            continue
        if kind == "split":
            bars[row, SPLIT] *= value
            bars[row, DIVIDEND] /= value  # paid before this split, when a gap brings both to one bar
        else:
            bars[row, DIVIDEND] += value


def eves(bars: pd.DataFrame, actions: pd.DataFrame) -> pd.DataFrame:
    """Return symbol, ex_date, date and close of the last bar before each action's ex-date, where there is one."""
    keys = actions[["symbol", "ex_date"]].drop_duplicates().astype({"symbol": str})
    keys = keys.assign(at=pd.to_datetime(keys["ex_date"]).astype("datetime64[us]")).sort_values("at")
    closes = bars[["symbol", "date", "close"]].assign(
        symbol=bars["symbol"].astype(str), date=bars["date"].astype("datetime64[us]")
    )
    closes = closes.sort_values("date", kind="stable")
    found = pd.merge_asof(keys, closes, left_on="at", right_on="date", by="symbol", allow_exact_matches=False)
    return found.dropna(subset=["close"])[["symbol", "ex_date", "date", "close"]]
