"""The panel: what a decision sees, as sessions x symbols matrices by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.errors import ConfigError, DataQualityError

Matrix = NDArray[np.float64]  # [T, N]: sessions in rows, symbols in columns
Dates = NDArray[np.datetime64]  # [T], datetime64[D]


@dataclass(frozen=True)
class Panel:
    """Read-only float64 matrices [T, N] by feature name, on one axis of sessions and one of symbols.

    ``panel["rsi_14"]`` is an array [T, N]; row t belongs to ``sessions[t]``, column n to ``symbols[n]``.
    NaN means that the value does not exist: warm-up, no bar, or no row in the frame.
    """

    sessions: Dates
    symbols: tuple[str, ...]
    values: Mapping[str, Matrix]

    @property
    def shape(self) -> tuple[int, int]:
        """Number of sessions, number of symbols."""
        return len(self.sessions), len(self.symbols)

    def __getitem__(self, name: str) -> Matrix:
        try:
            return self.values[name]
        except KeyError:
            raise ConfigError(
                "the panel holds no such feature", stage="panel", key="feature", value=name,
                remedy=f"declare it in the strategy's features; here are {', '.join(self.values) or 'none'}",
            ) from None  # fmt: skip

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        columns: Iterable[str],
        *,
        sessions: Iterable[object] | None = None,
        symbols: Iterable[str] | None = None,
        date_column: str = "date",
    ) -> Panel:
        """Lay a long frame out as matrices.

        Args:
            frame: one row per symbol and session, in any order, with ``symbol``, the date column and
                ``columns``; it is not changed. None counts as NaN.
            columns: the names to take.
            sessions: the session axis, ascending; by default the sessions found in the frame. Rows of
                sessions or symbols outside a given axis are left out.
            symbols: the symbol axis; by default the symbols found, sorted.
            date_column: ``date`` for bars and features, ``session_date`` for decisions.

        Raises:
            ConfigError: when a column is missing.
            DataQualityError: when a symbol has two rows for one session: no rule says which one counts.
        """
        columns = tuple(columns)
        missing = [c for c in ("symbol", date_column, *columns) if c not in frame.columns]
        if missing:
            raise ConfigError("the frame lacks columns", stage="panel", key="columns", value=missing,
                              remedy=f"it has {', '.join(map(str, frame.columns))}")  # fmt: skip
        days = np.asarray(frame[date_column].to_numpy(), dtype="datetime64[D]")
        names = frame["symbol"].to_numpy(dtype=object)
        rows_axis = np.unique(days) if sessions is None else np.asarray(list(sessions), dtype="datetime64[D]")
        if np.any(rows_axis[1:] <= rows_axis[:-1]):
            raise DataQualityError(
                "sessions must ascend without repetition", stage="panel", key="sessions",
                value=len(rows_axis), remedy="sort them and drop the repeated",
            )  # fmt: skip
        symbol_axis = tuple(sorted(set(names)) if symbols is None else symbols)
        column = pd.Index(symbol_axis, dtype=object).get_indexer(pd.Index(names, dtype=object))
        row = np.searchsorted(rows_axis, days)
        inside = row < len(rows_axis)
        inside[inside] = rows_axis[row[inside]] == days[inside]
        inside &= column >= 0
        cell = row[inside] * len(symbol_axis) + column[inside]
        _refuse_repeated(cell, rows_axis, symbol_axis)
        values: dict[str, Matrix] = {}
        for name in columns:
            flat = np.full(len(rows_axis) * len(symbol_axis), np.nan)
            flat[cell] = frame[name].to_numpy(dtype=np.float64, na_value=np.nan)[inside]
            matrix = flat.reshape(len(rows_axis), len(symbol_axis))
            matrix.setflags(write=False)
            values[name] = matrix
        return cls(rows_axis, symbol_axis, values)


def _refuse_repeated(cell: NDArray[np.intp], sessions: Dates, symbols: tuple[str, ...]) -> None:
    found, count = np.unique(cell, return_counts=True)
    if np.any(count > 1):
        first = int(found[count > 1][0])
        symbol, day = symbols[first % len(symbols)], sessions[first // len(symbols)]
        raise DataQualityError(f"two rows for {symbol} on {day}", stage="panel", key="symbol", value=symbol,
                               remedy="keep one row per symbol and session")  # fmt: skip
