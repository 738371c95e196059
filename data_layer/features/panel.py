"""The bars as the formulas see them: one float64 array per field, each symbol's rows in one piece."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from data_layer.features.layout import (
    STAGE,
    FloatArray,
    IntArray,
    iso_date,
    require_columns,
    symbol_rows,
    to_floats,
)
from models.errors import DataQualityError

BAR_COLUMNS = ("symbol", "date", "open", "high", "low", "close", "volume", "split_factor", "return_factor")
INPUTS = ("open", "high", "low", "close", "volume", "total_return_close", "days")


@dataclass(frozen=True)
class Panel:
    """Adjusted bars, float64 [rows]; a value that is missing or not finite is NaN.

    Windows count a symbol's own rows: `starts[i]` to `starts[i + 1] - 1` are symbol i's, in date order.
    """

    starts: IntArray  # [symbols + 1]
    days: IntArray  # since 1970-01-01
    open: FloatArray  # split-adjusted: raw * split_factor
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray  # split-adjusted: raw / split_factor
    total_return_close: FloatArray  # split- and dividend-adjusted: raw close * return_factor
    split_factor: FloatArray

    @classmethod
    def from_bars(cls, bars: pd.DataFrame) -> Panel:
        """Read and check a frame of bars with their forward factors; at least one row.

        Raises:
            DataQualityError: a missing or non-numeric column, unsorted or duplicated bars, a factor that is
                not finite and above 0.
        """
        starts, codes, symbols, days = symbol_rows(bars)
        raw = {name: to_floats(bars[name]) for name in BAR_COLUMNS[2:]}
        for name in ("split_factor", "return_factor"):
            bad = np.flatnonzero(~(raw[name] > 0))
            if len(bad):
                row = bad[0]
                raise DataQualityError(
                    f"{name} of {symbols[codes[row]]} on {iso_date(days[row])} is not above 0", stage=STAGE,
                    key=name, value=float(bars[name].iloc[row]), remedy="take factors from forward_factors",
                )  # fmt: skip
        split = raw["split_factor"]
        with np.errstate(over="ignore"):
            adjusted = {name: raw[name] * split for name in ("open", "high", "low", "close")}
            adjusted["volume"] = raw["volume"] / split
            adjusted["total_return_close"] = raw["close"] * raw["return_factor"]
        for values in adjusted.values():
            values[~np.isfinite(values)] = np.nan
        return cls(starts=starts, days=days, split_factor=split, **adjusted)


def check_columns(bars: pd.DataFrame) -> None:
    """Refuse bars without one of `BAR_COLUMNS`."""
    require_columns(bars, BAR_COLUMNS, "bars")
