"""What models learn to foretell. Labels look ahead: they live in training data only, never among features."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from data_layer.features.layout import IntArray, require_columns, symbol_rows, to_floats


def next_session_return(
    bars: pd.DataFrame,
    price: Literal["open", "close"] = "close",
    horizon: int = 1,
    row_session: IntArray | None = None,
) -> pd.DataFrame:
    """Give the return from the next session's price to the one ``horizon`` sessions later, dividends included.

    A decision made after a session's close can first trade at the next open, hence not from this close. With
    ``close`` and horizon 1 it is Alpha158's label, Ref($close, -2) / Ref($close, -1) - 1 (Qlib); with ``open``
    what an order for the next open, closed at the open after, earns before costs.

    Args:
        bars: symbol, date, the price (raw, USD), return_factor; each symbol's rows together, in date order.
        price: which one.
        horizon: sessions between the two prices, at least 1.
        row_session: [rows] number of each bar's session; None to count the symbol's own bars, as Qlib does.

    Returns:
        symbol, date and label (float64, a fraction). NaN on each symbol's last ``horizon`` + 1 rows, where a
        price is missing or not above 0 and, given row_session, where a bar between is missing: the label of
        session t never looks beyond session t + horizon + 1.
    """
    require_columns(bars, ("symbol", "date", price, "return_factor"), "bars")
    label, reach = np.full(len(bars), np.nan), horizon + 1
    if len(bars) > reach:
        starts = symbol_rows(bars)[0]
        total = to_floats(bars[price]) * to_floats(bars["return_factor"])
        total[~(total > 0.0)] = np.nan
        label[:-reach] = total[reach:] / total[1:-horizon] - 1.0
        for back in range(1, reach + 1):  # the rows whose future is another symbol's
            label[np.maximum(starts[1:] - back, starts[:-1])] = np.nan
        if row_session is not None:
            label[:-reach][row_session[reach:] - row_session[:-reach] != reach] = np.nan
    return bars[["symbol", "date"]].reset_index(drop=True).assign(label=label)
