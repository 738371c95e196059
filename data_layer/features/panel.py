"""The bars as they come, symbol after symbol, and as the formulas see them, symbols side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from data_layer.features.kernels import spread, spread_adjusted
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
# Inputs that not every source has; what needs one that is not there has no value.
OPTIONAL_COLUMNS = ("vwap", "market_return")
INPUTS = (
    "open", "high", "low", "close", "volume", "total_return_open", "total_return_high", "total_return_low",
    "total_return_close", "total_return_volume", "vwap", "market_return", "factors", "days",
)  # fmt: skip
Shared = TypeVar("Shared")
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Rows:
    """Bars symbol after symbol, one float64 array [rows] per field; a value missing or not finite is NaN."""

    symbols: npt.NDArray[np.object_]  # [symbols]
    starts: IntArray  # [symbols + 1]: rows `starts[i]` to `starts[i + 1] - 1` are symbol i's, in date order
    days: IntArray  # since 1970-01-01
    raw: dict[str, FloatArray]  # open, high, low, close, volume, and of OPTIONAL_COLUMNS what there is
    split_factor: FloatArray
    return_factor: FloatArray

    @classmethod
    def from_bars(cls, bars: pd.DataFrame) -> Rows:
        """Read and check a frame of bars with their forward factors.

        Raises:
            DataQualityError: a missing or non-numeric column, unsorted or duplicated bars, a factor that is
                not finite and above 0.
        """
        check_columns(bars)
        starts, codes, symbols, days = symbol_rows(bars)
        optional = [name for name in OPTIONAL_COLUMNS if name in bars.columns]
        raw = {name: to_floats(bars[name]) for name in (*BAR_COLUMNS[2:], *optional)}
        for name in ("split_factor", "return_factor"):
            bad = np.flatnonzero(~(raw[name] > 0))
            if len(bad):
                row = bad[0]
                raise DataQualityError(
                    f"{name} of {symbols[codes[row]]} on {iso_date(days[row])} is not above 0", stage=STAGE,
                    key=name, value=float(bars[name].iloc[row]), remedy="take factors from forward_factors",
                )  # fmt: skip
        return cls(
            symbols.to_numpy(object),
            starts,
            days,
            split_factor=raw.pop("split_factor"),
            return_factor=raw.pop("return_factor"),
            raw=raw,
        )

    def tails(self, wanted: BoolArray, reach: int) -> tuple[Rows, BoolArray]:
        """Leave out rows that no wanted one can see when a row sees `reach` rows back, and say which stay.

        What is left out of a symbol is a multiple of `reach` rows, so that windows whose length divides it go by
        the same blocks and give the same bits. A symbol without wanted rows stays with none.
        """
        symbols = np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))
        first = self.starts[1:].copy()
        due = np.flatnonzero(wanted)[::-1]
        first[symbols[due]] = due  # the last one assigned, the earliest row, stays
        skipped = np.maximum(first - self.starts[:-1] - reach, 0) // reach * reach
        skipped = np.where(first == self.starts[1:], np.diff(self.starts), skipped)
        stays = np.arange(len(wanted)) >= (self.starts[:-1] + skipped)[symbols]
        starts = np.concatenate(([0], np.cumsum(np.diff(self.starts) - skipped)))
        raw = {name: values[stays] for name, values in self.raw.items()}
        kept = Rows(
            self.symbols, starts, self.days[stays], raw, self.split_factor[stays], self.return_factor[stays]
        )
        return kept, stays

    def groups(self, lanes: int) -> Iterator[tuple[slice, Panel]]:
        """Cut into panels of so many symbols each, and say which rows each one is."""
        for first in range(0, len(self.starts) - 1, lanes):
            starts = self.starts[first : first + lanes + 1]
            part = slice(int(starts[0]), int(starts[-1]))
            raw = {name: values[part] for name, values in self.raw.items()}
            yield part, Panel(Rows(
                self.symbols[first : first + lanes], starts - starts[0], self.days[part], raw,
                self.split_factor[part], self.return_factor[part],
            ))  # fmt: skip


@dataclass(frozen=True)
class Panel:
    """Bars of some symbols side by side: float64 [sessions, lanes], a lane a symbol, its first row the first.

    Windows count a symbol's own rows. A symbol that ends before the longest is filled up with NaN (days with 0,
    factors with 1), as are lanes without a symbol: there are always whole vectors of them. Formulas never write into
    a field or a shared array: the next formula reads it too.
    """

    rows: Rows
    kept: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    def once(self, function: Callable[..., Shared], *arguments: Any) -> Shared:
        """Give `function(panel, *arguments)`, worked out once however many formulas ask for it."""
        key = (function, arguments)
        if key not in self.kept:
            self.kept[key] = function(self, *arguments)
        return self.kept[key]  # type: ignore[no-any-return]

    def _adjusted(self, name: str, factor: FloatArray) -> FloatArray:
        return spread_adjusted(self.rows.raw[name], factor, self.rows.starts, name == "volume")

    def _optional(self, name: str, factor: FloatArray) -> FloatArray:
        return self._adjusted(name, factor) if name in self.rows.raw else np.full(self.days.shape, np.nan)

    @cached_property
    def days(self) -> IntArray:
        """Days since 1970-01-01."""
        return spread(self.rows.days, self.rows.starts, 0)

    @cached_property
    def split_factor(self) -> FloatArray:
        """Forward factor of splits."""
        return spread(self.rows.split_factor, self.rows.starts, 1.0)

    @cached_property
    def return_factor(self) -> FloatArray:
        """Forward factor of splits and dividends."""
        return spread(self.rows.return_factor, self.rows.starts, 1.0)

    @cached_property
    def open(self) -> FloatArray:
        """Split-adjusted: raw * split_factor."""
        return self._adjusted("open", self.rows.split_factor)

    @cached_property
    def high(self) -> FloatArray:
        """Split-adjusted."""
        return self._adjusted("high", self.rows.split_factor)

    @cached_property
    def low(self) -> FloatArray:
        """Split-adjusted."""
        return self._adjusted("low", self.rows.split_factor)

    @cached_property
    def close(self) -> FloatArray:
        """Split-adjusted."""
        return self._adjusted("close", self.rows.split_factor)

    @cached_property
    def volume(self) -> FloatArray:
        """Split-adjusted: raw / split_factor."""
        return self._adjusted("volume", self.rows.split_factor)

    @cached_property
    def total_return_open(self) -> FloatArray:
        """Split- and dividend-adjusted: raw * return_factor."""
        return self._adjusted("open", self.rows.return_factor)

    @cached_property
    def total_return_high(self) -> FloatArray:
        """Split- and dividend-adjusted."""
        return self._adjusted("high", self.rows.return_factor)

    @cached_property
    def total_return_low(self) -> FloatArray:
        """Split- and dividend-adjusted."""
        return self._adjusted("low", self.rows.return_factor)

    @cached_property
    def total_return_close(self) -> FloatArray:
        """Split- and dividend-adjusted."""
        return self._adjusted("close", self.rows.return_factor)

    @cached_property
    def total_return_volume(self) -> FloatArray:
        """Raw / return_factor, so that price times volume stays the money traded."""
        return self._adjusted("volume", self.rows.return_factor)

    @cached_property
    def vwap(self) -> FloatArray:
        """The session's volume-weighted price, split-adjusted; NaN where the source has none."""
        return self._optional("vwap", self.rows.split_factor)

    @cached_property
    def market_return(self) -> FloatArray:
        """The market index's simple return of the same session, a fraction; NaN without an index."""
        return self._optional("market_return", np.ones(len(self.rows.days)))


def check_columns(bars: pd.DataFrame) -> None:
    """Refuse bars without one of `BAR_COLUMNS`."""
    require_columns(bars, BAR_COLUMNS, "bars")
