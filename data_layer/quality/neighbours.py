"""Each bar beside the bars around it, splits and dividends taken out: what the cross-row checks look at."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
_DAY_BITS = 32  # of the (symbol, day) key


@dataclass(frozen=True)
class Neighbours:
    """Arrays over bars sorted by symbol and date; NaN where a symbol has no bar before (or after).

    Prices of the bar before and after are in the basis of the bar itself: a split of ratio s and cash D
    per share going ex on a bar turn the close C before it into C / s - D, the close to expect.
    """

    frame: pd.DataFrame  # symbol, date, open, high, low, close, volume
    same: Bools  # the row above is the same symbol's bar before
    split: Floats  # new shares per old going ex on this bar, 1 for none
    cash: Floats  # USD per share going ex on this bar
    expected: Floats  # close before, in this bar's basis
    plain: Floats  # close before as it was

    def symbol(self, row: int) -> str:
        """Return a bar's symbol."""
        return str(self.frame["symbol"].iloc[row])

    def day(self, row: int) -> dt.date:
        """Return a bar's session."""
        return pd.Timestamp(self.frame["date"].iloc[row]).date()

    def column(self, name: str) -> Floats:
        """Return one column as floats."""
        return self.frame[name].to_numpy(np.float64)

    def before(self, values: Floats) -> Floats:
        """Return each bar's value of the bar before, as it was."""
        shifted = np.full(len(values), np.nan)
        shifted[1:] = values[:-1]
        shifted[~self.same] = np.nan
        return shifted

    def after(self, values: Floats) -> Floats:
        """Return each bar's value of the bar after, as it was."""
        shifted = np.full(len(values), np.nan)
        shifted[:-1] = np.where(self.same[1:], values[1:], np.nan)
        return shifted

    def price_before(self, name: str) -> Floats:
        """Return a price of the bar before in this bar's basis."""
        return self.before(self.column(name)) / self.split - self.cash

    def price_after(self, name: str) -> Floats:
        """Return a price of the bar after in this bar's basis."""
        return (self.after(self.column(name)) + self.after(self.cash)) * self.after(self.split)


def neighbours(bars: pd.DataFrame, actions: pd.DataFrame) -> Neighbours:
    """Line bars up with their neighbours.

    An action counts on its symbol's first bar on or after the ex-date; one on or before the first bar of all
    has nothing to be compared with and is left out, as forward_factors does.

    Args:
        bars: symbol, date (datetime64), open, high, low, close (USD, raw), volume; one per symbol and date,
            any order, no NaN.
        actions: symbol, ex_date (datetime64), action_type, value.
    """
    codes, symbols = pd.factorize(bars["symbol"], sort=True)
    days = bars["date"].to_numpy("datetime64[D]").astype(np.int64)
    keys = (codes.astype(np.int64) << _DAY_BITS) + days
    if len(keys) and (np.diff(keys) < 0).any():
        order = np.argsort(keys)
        bars, keys, codes = bars.iloc[order], keys[order], codes[order]
    frame = bars.reset_index(drop=True)
    same = np.zeros(len(frame), dtype=np.bool_)
    same[1:] = codes[1:] == codes[:-1]
    split, cash = _on_bars(actions, pd.Index(symbols), keys, same)
    close = frame["close"].to_numpy(np.float64)
    plain = np.full(len(frame), np.nan)
    plain[1:] = np.where(same[1:], close[:-1], np.nan)
    expected = plain / split - cash
    # A distribution beyond the whole price is the action's fault and leaves nothing to compare with.
    expected[~(expected > 0)] = np.nan
    return Neighbours(frame, same, split, cash, expected, plain)


def _on_bars(
    actions: pd.DataFrame, symbols: pd.Index, keys: npt.NDArray[np.int64], same: Bools
) -> tuple[Floats, Floats]:
    split, cash = np.ones(len(keys)), np.zeros(len(keys))
    owner = symbols.get_indexer(pd.Index(actions["symbol"]))
    known = actions[owner >= 0]
    owner = owner[owner >= 0].astype(np.int64)
    days = known["ex_date"].to_numpy("datetime64[D]").astype(np.int64)
    at = np.searchsorted(keys, (owner << _DAY_BITS) + days)
    # Beyond a symbol's last bar lies the first one of the next, which has none before it either.
    inside = at < len(keys)
    inside[inside] &= same[at[inside]]
    value = known["value"].to_numpy(np.float64)
    is_split = (known["action_type"] == "split").to_numpy(bool)
    np.multiply.at(split, at[inside & is_split], value[inside & is_split])
    np.add.at(cash, at[inside & ~is_split], value[inside & ~is_split])
    return split, cash
