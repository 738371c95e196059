"""The recent past of all symbols at a session's close: returns and volumes, each computed from that window alone.

A session's numbers never depend on how much more history is held, so a catch-up over years and a daily run give
the same bits. A session without a bar leaves the price where it was, as the account's own mark does.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
WINDOW = 250  # bars: a year, by which a crash leaves the simulation after a year
LEAST = 60  # bars: three worst sessions make a tail's mean
VOLUME_SESSIONS = 20  # a month


@dataclass(frozen=True)
class History:
    """Matrices [T, N] over sessions and symbols.

    has_bar; returns: total simple return from the last bar before to the bar, 0 without a bar, NaN before there
    is a bar before; volume: shares as traded, 0 without a bar; split: new shares per old going ex.
    """

    sessions: NDArray[np.datetime64]
    symbols: tuple[str, ...]
    has_bar: NDArray[np.bool_]
    returns: Floats
    volume: Floats
    split: Floats

    @classmethod
    def from_bars(cls, bars: pd.DataFrame, actions: pd.DataFrame, sessions: Sequence[dt.date]) -> History:
        """Lay out raw bars and the actions known.

        Args:
            bars: symbol, date, close, volume, all under the tickers of the last session; any order.
            actions: symbol, ex_date, action_type, value; an ex-date without a bar counts on the next bar.
            sessions: the axis, ascending.
        """
        axis = np.asarray(list(sessions), dtype="datetime64[D]")
        names = bars["symbol"].to_numpy(dtype=object)  # at once: an Arrow column is slow to go through by element
        symbols = tuple(sorted(set(names.tolist())))
        shape = (len(axis), len(symbols))
        columns = pd.Index(symbols, dtype=object)
        row = np.searchsorted(axis, bars["date"].to_numpy().astype("datetime64[D]"))
        column = columns.get_indexer(pd.Index(names, dtype=object))
        close, volume = np.full(shape, np.nan), np.zeros(shape)
        close[row, column] = bars["close"].to_numpy(np.float64)
        volume[row, column] = bars["volume"].to_numpy(np.float64)
        has_bar = ~np.isnan(close)
        before = np.maximum.accumulate(np.where(has_bar, np.arange(len(axis))[:, None], -1), axis=0)
        previous = np.vstack([np.full((1, len(symbols)), -1), before[:-1]])
        base = np.where(previous >= 0, np.take_along_axis(close, np.maximum(previous, 0), axis=0), np.nan)
        split, cash = _steps(actions, axis, columns, has_bar)
        with np.errstate(divide="ignore", invalid="ignore"):
            moved = close * split / (base - cash * split) - 1.0
        returns = np.where(has_bar, moved, np.where(previous >= 0, 0.0, np.nan))
        return cls(axis, symbols, has_bar, returns, volume, split)

    @cached_property
    def next_bar(self) -> NDArray[np.int64]:
        """[T, N] row of the first bar at or after each row; T when there is none."""
        rows = np.where(self.has_bar, np.arange(len(self.sessions))[:, None], len(self.sessions))
        found: NDArray[np.int64] = np.minimum.accumulate(rows[::-1], axis=0)[::-1]
        return found

    @cached_property
    def last_bar(self) -> NDArray[np.int64]:
        """[T, N] row of the last bar at or before each row; -1 when there is none."""
        rows = np.where(self.has_bar, np.arange(len(self.sessions))[:, None], -1)
        found: NDArray[np.int64] = np.maximum.accumulate(rows, axis=0)
        return found

    @cached_property
    def column(self) -> dict[str, int]:
        """Position by symbol."""
        return {symbol: at for at, symbol in enumerate(self.symbols)}

    def at(self, session: dt.date) -> Lookback:
        """Return what is seen at a session's close."""
        return Lookback(self, int(np.searchsorted(self.sessions, np.datetime64(session, "D"))))


@dataclass(frozen=True)
class Lookback:
    """A history as seen at the close of one of its sessions."""

    history: History
    row: int

    def bars(self, symbols: Sequence[str], window: int = WINDOW) -> NDArray[np.int64]:
        """Return how many sessions of the window each symbol can be looked at: from its first bar in it on.

        A symbol without one, or without any bar held, has 0.
        """
        first = max(self.row - window + 1, 0)
        out = np.zeros(len(symbols), np.int64)
        columns, known = self._columns(symbols)
        out[known] = np.maximum(self.row + 1 - self.history.next_bar[first, columns], 0)
        return out

    @cached_property
    def year(self) -> Floats:
        """[bars - 1, symbols held] returns of the window, NaN up to each symbol's first bar in it."""
        first = max(self.row - WINDOW + 1, 0)
        rows = np.arange(first + 1, self.row + 1)[:, None]
        seen = rows > self.history.next_bar[first]
        return np.where(seen, self.history.returns[first + 1 : self.row + 1], np.nan)

    def returns(self, symbols: Sequence[str], bars: int) -> Floats:
        """Return [bars - 1, N] returns up to the session, of the last 250 bars at most; NaN up to a first bar."""
        columns, known = self._columns(symbols)
        part = self.year[len(self.year) - (bars - 1) :]
        if known.all():
            return part[:, columns]
        out = np.full((bars - 1, len(symbols)), np.nan)
        out[:, known] = part[:, columns]
        return out

    def average_volume(self, symbols: Sequence[str]) -> Floats:
        """Return [N] shares traded a session over the last 20, in this session's share basis; NaN with fewer."""
        enough = self.bars(symbols, VOLUME_SESSIONS) >= VOLUME_SESSIONS
        out = np.full(len(symbols), np.nan)
        if not enough.any():
            return out
        columns, _ = self._columns([s for s, known in zip(symbols, enough, strict=True) if known])
        rows = slice(self.row - VOLUME_SESSIONS + 1, self.row + 1)
        split, volume = self.history.split[rows, columns], self.history.volume[rows, columns]
        after = np.vstack([split[1:], np.ones((1, len(columns)))])
        out[enough] = (volume * np.cumprod(after[::-1], axis=0)[::-1]).mean(axis=0)
        return out

    def index_returns(self, symbols: Sequence[str], bars: int) -> Floats:
        """Return the equal-weight mean return of the symbols at each of the last sessions; fewer than asked when
        the history is shorter, 0 where none of them has one."""
        bars = min(bars, self.row + 1)
        matrix = self.returns(symbols, bars)
        known = ~np.isnan(matrix)
        number = known.sum(axis=1)
        total: Floats = np.where(known, matrix, 0.0).sum(axis=1)
        seen = np.flatnonzero(number)
        return (total / np.maximum(number, 1))[seen[0] :] if len(seen) else np.zeros(0)

    def ages(self, symbols: Sequence[str]) -> Floats:
        """Return [N] how many sessions ago each symbol last had a bar within the window, NaN without one."""
        out = np.full(len(symbols), np.nan)
        columns, known = self._columns(symbols)
        last = self.history.last_bar[self.row, columns]
        out[known] = np.where(last >= max(self.row - WINDOW + 1, 0), self.row - last, np.nan)
        return out

    def _columns(self, symbols: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        found = np.array([self.history.column.get(s, -1) for s in symbols], dtype=np.int64)
        return found[found >= 0], found >= 0


def _steps(
    actions: pd.DataFrame, axis: NDArray[np.datetime64], columns: pd.Index, has_bar: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Return splits (ratio) and dividends (USD per new share) on the bars they count on."""
    split, cash = np.ones(has_bar.shape), np.zeros(has_bar.shape)
    at = columns.get_indexer(pd.Index(actions["symbol"].to_numpy(dtype=object), dtype=object))
    days = actions["ex_date"].to_numpy().astype("datetime64[D]")
    rows = np.searchsorted(axis, days)
    inside = (at >= 0) & (rows < len(axis)) & (days >= axis[0])
    kinds, values = actions["action_type"].to_numpy(dtype=object), actions["value"].to_numpy(np.float64)
    order = np.argsort(days, kind="stable")
    for i in order[inside[order]]:
        later = np.flatnonzero(has_bar[rows[i] :, at[i]])
        if not len(later):
            continue
        cell = rows[i] + later[0], at[i]
        if kinds[i] == "split":
            split[cell] *= values[i]
        else:
            cash[cell] += values[i]
    return split, cash
