"""Compute features from bars: the one function the daily run, training, backtests and notebooks call.

    from data_layer.features.compute import compute
    frame = compute(forward_factors(bars, actions), ["sma_20", "rsi_14"])

What holds for every column:

- Windows count the symbol's own rows, whatever days lie between them.
- Technical indicators see split-adjusted prices (price * split_factor) and volumes (volume / split_factor)
  and give price levels in the row's own basis (divided by its split_factor), volume levels likewise. Returns
  and what is made of them see close * return_factor. No later action moves an earlier value.
- Warm-up is NaN. NaN in is NaN out until the window has left it; a recurrence (EMA, Wilder) starts anew after
  a NaN. Infinite input is NaN. What has no value (a division by zero) is NaN, infinity never comes out.
- A row depends on its symbol's rows up to it and on nothing else, bit for bit: not on later rows, on other
  symbols, or on which columns are asked for. It does depend on the symbol's first row: always pass the whole
  history.
- float64 inside, rounded to float32 (to nearest, half to even) in `_finished`, as it is stored.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from data_layer.features.layout import FloatArray
from data_layer.features.panel import Panel, check_columns
from data_layer.features.registry import UNITS, Column, select


def compute(
    bars: pd.DataFrame, names: Iterable[str] | str | None = None, feature_set: str = "technical",
    dtype: Literal["float32", "float64"] = "float32",
) -> pd.DataFrame:  # fmt: skip
    """Compute feature columns for every bar.

    Args:
        bars: symbol, date, open, high, low, close (raw, USD), volume (raw, shares), split_factor and
            return_factor (of `forward_factors`); each symbol's rows together, in date order, from its first.
        names: columns wanted, in the order wanted; None for the whole set.
        feature_set: the set they belong to.
        dtype: float32 as stored, or float64 to compare with other libraries.

    Returns:
        symbol, date (as given) and one column per name, a row per bar in the same order; no rows for no bars.

    Raises:
        ConfigError: unknown feature or set.
        DataQualityError: a missing or non-numeric column, unsorted or duplicated bars, dates that are not
            plain dates, a factor that is not above 0.
    """
    columns = select(names, feature_set)
    check_columns(bars)
    matrix = np.full((len(columns), len(bars)), np.nan, dtype=dtype)
    if len(bars):
        panel = Panel.from_bars(bars)
        for call in dict.fromkeys((column.function, column.definition.window) for column in columns):
            _fill(matrix, columns, panel, call)
    # The matrix is column-major for pandas already: no copy.
    values = pd.DataFrame(matrix.T, columns=[column.definition.name for column in columns], copy=False)
    keys = bars[["symbol", "date"]].reset_index(drop=True)
    return pd.concat([keys, values], axis=1)


def _fill(matrix: npt.NDArray, columns: list[Column], panel: Panel, call: tuple) -> None:
    """Run one function once and put those of its arrays that were asked for into the matrix."""
    function, window = call
    with np.errstate(all="ignore"):  # divisions by zero and overflows end as NaN in _finished
        outputs = function(panel, window)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        for row, column in enumerate(columns):
            if (column.function, column.definition.window) == call:
                value = outputs[column.output]
                power = UNITS[column.definition.unit]
                if power:
                    value = value * panel.split_factor if power > 0 else value / panel.split_factor
                matrix[row] = _finished(value, matrix.dtype)


def _finished(values: FloatArray, dtype: npt.DTypeLike) -> npt.NDArray:
    """The one place where values are rounded, and where what is not finite becomes the one NaN."""
    rounded = values.astype(dtype)
    rounded[~np.isfinite(rounded)] = np.nan
    return rounded
