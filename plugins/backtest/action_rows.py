"""Where corporate actions lie in the bars; nothing compiled, so that reading need not wait for numba's import."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Index = NDArray[np.int64]
DAY_BITS = 32  # of a (symbol, day) key; days since 1970 fit in 31 bits and a sign


def rows_from(frame: pd.DataFrame, actions: pd.DataFrame, offsets: Index) -> tuple[Index, Index]:
    """Return each action's symbol, as a number (-1 for one without bars), and the first row from its ex-date on."""
    days = frame["date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    keys = (np.repeat(np.arange(len(offsets) - 1), np.diff(offsets)) << DAY_BITS) + days
    names = pd.Index(frame["symbol"].iloc[offsets[:-1]].astype(str))
    code = names.get_indexer(pd.Index(actions["symbol"].astype(str))).astype(np.int64)
    ex_days = pd.to_datetime(actions["ex_date"]).to_numpy().astype("datetime64[D]").astype(np.int64)
    return code, np.searchsorted(keys, (code << DAY_BITS) + ex_days)


def eves(bars: pd.DataFrame, actions: pd.DataFrame) -> pd.DataFrame:
    """Return symbol, ex_date, date and close of the last bar before each action's ex-date, where there is one.

    Args:
        bars: by symbol and date.
        actions: as received.
    """
    keys = actions[["symbol", "ex_date"]].drop_duplicates(ignore_index=True)
    codes = pd.factorize(bars["symbol"])[0]
    offsets = np.append(np.searchsorted(codes, np.arange(codes.max(initial=-1) + 1)), len(bars))
    code, row = rows_from(bars, keys, offsets)
    found = np.flatnonzero((code >= 0) & (row > offsets[:-1][code]))
    before = bars[["date", "close"]].iloc[row[found] - 1].reset_index(drop=True)
    return pd.concat([keys.iloc[found].reset_index(drop=True), before], axis=1)
