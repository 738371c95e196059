"""The bars as the formulas see them: one float64 array per field, each symbol's rows in one piece."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

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
# Inputs that not every source has; what needs one that is not there has no value.
OPTIONAL_COLUMNS = ("vwap", "market_return")
INPUTS = (
    "open", "high", "low", "close", "volume", "total_return_open", "total_return_high", "total_return_low",
    "total_return_close", "total_return_volume", "vwap", "market_return", "factors", "days",
)  # fmt: skip
Shared = TypeVar("Shared")


@dataclass(frozen=True)
class Panel:
    """Bars by symbol, float64 [rows]; a value that is missing or not finite is NaN.

    Windows count a symbol's own rows: `starts[i]` to `starts[i + 1] - 1` are symbol i's, in date order. Formulas
    never write into a field or a shared array: the next formula reads it too.
    """

    starts: IntArray  # [symbols + 1]
    days: IntArray  # since 1970-01-01
    raw: dict[str, FloatArray]  # open, high, low, close, volume, and of OPTIONAL_COLUMNS what there is
    split_factor: FloatArray
    return_factor: FloatArray
    kept: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def from_bars(cls, bars: pd.DataFrame) -> Panel:
        """Read and check a frame of bars with their forward factors; at least one row.

        Raises:
            DataQualityError: a missing or non-numeric column, unsorted or duplicated bars, a factor that is
                not finite and above 0.
        """
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
            starts,
            days,
            split_factor=raw.pop("split_factor"),
            return_factor=raw.pop("return_factor"),
            raw=raw,
        )

    def groups(self, rows: int) -> Iterator[tuple[slice, Panel]]:
        """Cut into panels of whole symbols, of about so many rows each, and say which rows each one is.

        Formulas work on one group after the other because its arrays stay in the processor's cache.
        """
        first = 0
        while first < len(self.starts) - 1:
            last = int(np.searchsorted(self.starts, self.starts[first] + rows, side="right")) - 1
            last = max(last, first + 1)
            part = slice(int(self.starts[first]), int(self.starts[last]))
            yield part, Panel(
                self.starts[first : last + 1] - self.starts[first], self.days[part],
                {name: values[part] for name, values in self.raw.items()},
                self.split_factor[part], self.return_factor[part],
            )  # fmt: skip
            first = last

    def once(self, function: Callable[..., Shared], *arguments: Any) -> Shared:
        """Give `function(panel, *arguments)`, worked out once however many formulas ask for it."""
        key = (function, arguments)
        if key not in self.kept:
            self.kept[key] = function(self, *arguments)
        return self.kept[key]  # type: ignore[no-any-return]

    def _adjusted(self, name: str, factor: FloatArray) -> FloatArray:
        with np.errstate(over="ignore", invalid="ignore"):
            values = self.raw[name] / factor if name == "volume" else self.raw[name] * factor
        values[~np.isfinite(values)] = np.nan
        return values

    def _optional(self, name: str) -> FloatArray:
        return self.raw[name] if name in self.raw else np.full(len(self.days), np.nan)

    @cached_property
    def open(self) -> FloatArray:
        """Split-adjusted: raw * split_factor."""
        return self._adjusted("open", self.split_factor)

    @cached_property
    def high(self) -> FloatArray:
        """Split-adjusted."""
        return self._adjusted("high", self.split_factor)

    @cached_property
    def low(self) -> FloatArray:
        """Split-adjusted."""
        return self._adjusted("low", self.split_factor)

    @cached_property
    def close(self) -> FloatArray:
        """Split-adjusted."""
        return self._adjusted("close", self.split_factor)

    @cached_property
    def volume(self) -> FloatArray:
        """Split-adjusted: raw / split_factor."""
        return self._adjusted("volume", self.split_factor)

    @cached_property
    def total_return_open(self) -> FloatArray:
        """Split- and dividend-adjusted: raw * return_factor."""
        return self._adjusted("open", self.return_factor)

    @cached_property
    def total_return_high(self) -> FloatArray:
        """Split- and dividend-adjusted."""
        return self._adjusted("high", self.return_factor)

    @cached_property
    def total_return_low(self) -> FloatArray:
        """Split- and dividend-adjusted."""
        return self._adjusted("low", self.return_factor)

    @cached_property
    def total_return_close(self) -> FloatArray:
        """Split- and dividend-adjusted."""
        return self._adjusted("close", self.return_factor)

    @cached_property
    def total_return_volume(self) -> FloatArray:
        """Raw / return_factor, so that price times volume stays the money traded."""
        return self._adjusted("volume", self.return_factor)

    @cached_property
    def vwap(self) -> FloatArray:
        """The session's volume-weighted price, split-adjusted; NaN where the source has none."""
        return self._adjusted("vwap", self.split_factor) if "vwap" in self.raw else self._optional("vwap")

    @cached_property
    def market_return(self) -> FloatArray:
        """The market index's simple return of the same session, a fraction; NaN without an index."""
        return self._optional("market_return")


def check_columns(bars: pd.DataFrame) -> None:
    """Refuse bars without one of `BAR_COLUMNS`."""
    require_columns(bars, BAR_COLUMNS, "bars")
