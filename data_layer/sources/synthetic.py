"""Made-up bars from a seed, for loads and trials; every row says so by its source, `synthetic`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

import numpy as np
import pandas as pd

from data_layer.sessions import sessions_between
from data_layer.sources.base import ACTION_COLUMNS
from data_layer.sources.history import HistorySource
from data_layer.sources.survey import Survey, survey

# A bar does not depend on START, END or the other symbols: all are made for this span, then cut.
FIRST, LAST = dt.date(2000, 1, 3), dt.date(2025, 12, 31)
YEAR, QUARTER = 252, 63  # sessions
SPLIT_RATIO = 2
SHARE_SPLITTING, SHARE_PAYING = 0.3, 0.5  # of the symbols; about as many as in a large-cap list
DIVIDEND_YIELD = 0.004  # per quarter, of the close before
LOWEST_PRICE = 0.01  # USD
GROUP = 200  # symbols made at once when only their actions are wanted


@dataclass(frozen=True)
class Paths:
    """Bars of some symbols, matrices of symbols x sessions; and what goes ex when."""

    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    volume: np.ndarray
    split: np.ndarray  # new shares per old going ex on the session, 1 for none
    dividend: np.ndarray  # USD per share going ex on the session, 0 for none


class SyntheticSource(HistorySource):
    """SYNTHETIC_SYMBOLS symbols whose closes are geometric Brownian motions drawn from SYNTHETIC_SEED.

    A third of them split two for one once; half of them pay a quarterly dividend, and their price falls by
    it. Prices have four decimals.
    """

    name = "synthetic"

    @cached_property
    def days(self) -> list[dt.date]:
        """Every session there is, wanted or not."""
        return sessions_between(FIRST, LAST)

    @cached_property
    def symbols(self) -> list[str]:
        """The wanted symbols, ascending."""
        held = sorted(self.all_symbols())
        return [s for s in held if s in self.settings.symbols] if self.settings.symbols else held

    @cached_property
    def survey(self) -> Survey:
        """See HistorySource: every symbol trades in every session, so one stands for all."""
        self._refuse_unknown(self.all_symbols())
        one = survey(self.read_days(), self.settings.start, self.settings.end)
        self._refuse_empty(one)
        spans = pd.concat([one.spans] * len(self.symbols)).set_axis(pd.Index(self.symbols, dtype=object))
        return Survey(spans, one.sessions, one.dated, one.outer)

    def read_days(self) -> Iterable[pd.DataFrame]:
        """See HistorySource: those of the first symbol."""
        return [pd.DataFrame({"symbol": self.symbols[0], "date": pd.to_datetime(pd.Series(self.days))})]

    def read_rows(self, symbols: Sequence[str] | None, start: dt.date, end: dt.date) -> pd.DataFrame:
        """See HistorySource."""
        wanted = self._wanted(symbols)
        inside = np.array([start <= day <= end for day in self.days], np.bool_)
        dates = np.array(self.days, "datetime64[D]")[inside].astype("datetime64[us]")
        columns: dict[str, object] = {
            "symbol": pd.Categorical(wanted, wanted).repeat(len(dates)),
            "date": np.tile(dates, len(wanted)),
        }
        names = ("open", "high", "low", "close", "volume")
        values = {name: np.empty((len(wanted), len(dates))) for name in names}
        for at, paths in self._made(wanted):
            for name in names:
                values[name][at : at + len(paths.close)] = getattr(paths, name)[:, inside]
        columns |= {name: matrix.ravel() for name, matrix in values.items()}
        return pd.DataFrame(columns).assign(date_text="")

    def actions(self, symbols: Sequence[str] | None, start: dt.date, end: dt.date) -> pd.DataFrame:
        """See Source."""
        first, last = max(start, self.settings.start or start), min(end, self.settings.end or end)
        wanted, found = self._wanted(symbols), []
        for at, paths in self._made(wanted):
            for kind, values, nothing in (("split", paths.split, 1.0), ("dividend", paths.dividend, 0.0)):
                for i, t in np.argwhere(values != nothing):
                    if first <= self.days[t] <= last:
                        value = Decimal(f"{values[i, t]:.4f}").normalize()
                        found.append((wanted[at + i], self.days[t], kind, value, False))
        return pd.DataFrame(found, columns=list(ACTION_COLUMNS[:-1])).assign(announced=None)

    def describe(self, symbols: Sequence[str]) -> Mapping[str, tuple[str, str | None]]:
        """See HistorySource."""
        return {symbol: (f"Synthetic {symbol}", None) for symbol in symbols}

    def all_symbols(self) -> set[str]:
        """See HistorySource."""
        return {f"SYN{i:06d}" for i in range(1, self.settings.synthetic_symbols + 1)}

    def _wanted(self, symbols: Sequence[str] | None) -> list[str]:
        return self.symbols if symbols is None else [s for s in self.symbols if s in set(symbols)]

    def _made(self, symbols: Sequence[str]) -> Iterator[tuple[int, Paths]]:
        for at in range(0, len(symbols), GROUP):
            numbers = [int(symbol[3:]) for symbol in symbols[at : at + GROUP]]
            yield at, make_paths(self.settings.synthetic_seed, numbers, len(self.days))


def make_paths(seed: int, numbers: Sequence[int], sessions: int) -> Paths:
    """Return the bars of some symbols over so many sessions; each symbol depends on the seed and its number alone.

    Args:
        seed: SYNTHETIC_SEED.
        numbers: the symbols' numbers.
        sessions: of all of history.
    """
    draws = np.empty((5, len(numbers), sessions))
    split, pays, traits = np.ones((len(numbers), sessions)), np.empty(len(numbers)), []
    for i, number in enumerate(numbers):
        rng = np.random.default_rng([seed, number])
        draws[:, i] = rng.standard_normal((5, sessions))
        traits.append(
            (rng.uniform(10, 200), rng.uniform(0.006, 0.018), rng.uniform(0, 0.08), rng.uniform(12, 17))
        )
        if rng.random() < SHARE_SPLITTING:
            split[i, rng.integers(1, sessions)] = SPLIT_RATIO
        pays[i] = rng.random() < SHARE_PAYING
    start, sigma, drift, size = (np.array(column)[:, None] for column in zip(*traits, strict=True))
    ex = np.zeros((len(numbers), sessions), np.bool_)
    ex[:, QUARTER::QUARTER] = True
    ex &= pays.astype(np.bool_)[:, None]
    steps = drift / YEAR - sigma**2 / 2 + sigma * draws[0]
    shares = np.cumprod(split, axis=1)
    factor = np.cumprod(np.where(ex, 1 - DIVIDEND_YIELD, 1.0), axis=1) / shares
    worth = start * np.exp(np.cumsum(steps, axis=1))
    before = np.hstack([start, worth[:, :-1]])
    first = before * np.exp(0.4 * sigma * draws[1])

    def priced(values: np.ndarray) -> np.ndarray:
        rounded: np.ndarray = np.maximum(np.round(values * factor, 4), LOWEST_PRICE)
        return rounded

    close = priced(worth)
    eve = np.hstack([close[:, :1], close[:, :-1]])
    return Paths(
        open=priced(first),
        high=priced(np.maximum(first, worth) * np.exp(0.5 * sigma * np.abs(draws[2]))),
        low=priced(np.minimum(first, worth) * np.exp(-0.5 * sigma * np.abs(draws[3]))),
        close=close,
        volume=np.floor(np.exp(size + 0.4 * draws[4]) * shares),
        split=split,
        dividend=np.where(ex, np.round(eve / split * DIVIDEND_YIELD, 4), 0.0),
    )
