"""The market index beside each bar: what beta and correlation are measured against."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data_layer.features.layout import STAGE, require_columns, symbol_rows, to_floats
from models.errors import ConfigError


def with_market_return(bars: pd.DataFrame, index_symbol: str) -> pd.DataFrame:
    """Add the column market_return: the index's simple total return of each bar's session.

    The index is an instrument of its own (a fund such as SPY) among the bars, never a mean of the other symbols:
    with that a symbol's features would change with the universe it stands in.

    Args:
        bars: as `compute` takes them, the index's rows among them.
        index_symbol: its ticker; empty for none, which leaves the bars as they are.

    Returns:
        The bars with market_return, a fraction; NaN on sessions the index did not trade, and on its first.

    Raises:
        ConfigError: the index has no bars.
    """
    if not index_symbol:
        return bars
    require_columns(bars, ("symbol", "date", "close", "return_factor"), "bars")
    own = bars[bars["symbol"] == index_symbol]
    if own.empty:
        raise ConfigError("no bars of the market index", stage=STAGE, key="market_index", value=index_symbol,
                          remedy="load its bars too, or leave MARKET_INDEX empty")  # fmt: skip
    days = symbol_rows(own)[3]
    total = to_floats(own["close"]) * to_floats(own["return_factor"])
    returns = pd.Series(np.concatenate(([np.nan], total[1:] / total[:-1] - 1.0)), index=days)
    return bars.assign(market_return=returns.reindex(symbol_rows(bars)[3]).to_numpy())
