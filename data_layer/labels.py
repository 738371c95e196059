"""What models learn to foretell. Labels look ahead: they live in training tables only, never among features."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data_layer.features.layout import require_columns, symbol_rows, to_floats


def next_session_return(bars: pd.DataFrame) -> pd.DataFrame:
    """Give Alpha158's label, Ref($close, -2) / Ref($close, -1) - 1: the return from the next close to the one after.

    A decision made after a session's close can first trade at the next one, hence not from this close.

    Args:
        bars: symbol, date, close (raw, USD), return_factor; each symbol's rows together, in date order.

    Returns:
        symbol, date and label (float64, a fraction); NaN on each symbol's last two rows and where a close is
        missing or not above 0.
    """
    require_columns(bars, ("symbol", "date", "close", "return_factor"), "bars")
    label = np.full(len(bars), np.nan)
    if len(bars):
        starts = symbol_rows(bars)[0]
        total = to_floats(bars["close"]) * to_floats(bars["return_factor"])
        total[~(total > 0.0)] = np.nan
        label[:-2] = total[2:] / total[1:-1] - 1.0
        for back in (1, 2):  # the rows whose future is another symbol's
            label[np.maximum(starts[1:] - back, starts[:-1])] = np.nan
    return bars[["symbol", "date"]].reset_index(drop=True).assign(label=label)
