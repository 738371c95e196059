"""The sample: five US stocks' raw daily bars, 2000-03-01 to 2013-03-01, of the package bokeh-sampledata."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import cached_property

import numpy as np
import pandas as pd

from data_layer.sources.base import ACTION_COLUMNS
from data_layer.sources.history import HistorySource

# Known facts; the package itself has only prices and a dividend- and split-adjusted close.
COMPANIES = {
    "AAPL": ("Apple Inc.", "Information Technology"),
    "FB": ("Facebook, Inc.", "Communication Services"),
    "GOOG": ("Google Inc.", "Communication Services"),
    "IBM": ("International Business Machines Corporation", "Information Technology"),
    "MSFT": ("Microsoft Corporation", "Information Technology"),
}
SPLITS = (
    ("AAPL", dt.date(2000, 6, 21), Decimal(2)),
    ("AAPL", dt.date(2005, 2, 28), Decimal(2)),
    ("MSFT", dt.date(2003, 2, 18), Decimal(2)),
)
# The smallest dividend of the period is 0.1 % of its price; rounding of the adjusted close, given to six
# decimals, moves the ratio by less than a twentieth of this threshold.
SMALLEST_DIVIDEND = 0.0005


class SampleSource(HistorySource):
    """Bars of AAPL, FB, GOOG, IBM and MSFT; splits are stated, dividends inferred from the adjusted close.

    An inferred dividend D going ex at t follows from how the ratio a = adjusted close / close steps:
    D = close[t-1] / split[t] * (1 - a[t-1] * split[t] / a[t]). It differs from the declared amount by up to
    8 %, since the vendor rounded, and is labelled inferred.
    """

    name = "sample"

    @cached_property
    def rows(self) -> pd.DataFrame:
        """All rows of the wanted symbols within START..END; they are few."""
        rows = self._package
        first, last = self.settings.start or dt.date.min, self.settings.end or dt.date.max
        return rows[rows["date"].between(pd.Timestamp(first), pd.Timestamp(last))].reset_index(drop=True)

    @cached_property
    def _package(self) -> pd.DataFrame:
        # Reading the package's archive takes a moment, which naming the source should not cost.
        from bokeh_sampledata import stocks

        wanted = self.settings.symbols or tuple(COMPANIES)
        parts = []
        for symbol in sorted(set(wanted) & set(COMPANIES)):
            part = pd.DataFrame(getattr(stocks, symbol))
            part.insert(0, "symbol", symbol)
            parts.append(part)
        if not parts:
            return pd.DataFrame({"symbol": [], "date": pd.Series(dtype="datetime64[s]")})
        rows = pd.concat(parts, ignore_index=True)
        rows["date"] = pd.to_datetime(rows["date"])
        rows["date_text"] = ""
        return rows.sort_values(["symbol", "date"], ignore_index=True)

    def read_days(self) -> Iterable[pd.DataFrame]:
        """See HistorySource."""
        return [self._package[["symbol", "date"]]]

    def read_rows(self, symbols: Sequence[str] | None, start: dt.date, end: dt.date) -> pd.DataFrame:
        """See HistorySource."""
        return self.rows if symbols is None else self.rows[self.rows["symbol"].isin(list(symbols))]

    def describe(self, symbols: Sequence[str]) -> Mapping[str, tuple[str, str | None]]:
        """See HistorySource."""
        return {symbol: COMPANIES[symbol] for symbol in symbols}

    def all_symbols(self) -> set[str]:
        """See HistorySource."""
        return set(COMPANIES)

    def actions(self, symbols: Sequence[str] | None, start: dt.date, end: dt.date) -> pd.DataFrame:
        """See Source."""
        found = [(symbol, day, "split", ratio, False) for symbol, day, ratio in SPLITS]
        for symbol, rows in self.rows.groupby("symbol"):
            found += self._dividends(str(symbol), rows)
        held = set(self.rows["symbol"]) if symbols is None else set(symbols)
        found = [action for action in found if action[0] in held and start <= action[1] <= end]
        actions = pd.DataFrame(found, columns=list(ACTION_COLUMNS[:-1]))
        return actions.assign(announced=None)

    @staticmethod
    def _dividends(symbol: str, rows: pd.DataFrame) -> list[tuple[str, dt.date, str, Decimal, bool]]:
        days = [stamp.date() for stamp in rows["date"]]
        close = rows["close"].to_numpy(float)
        ratio = rows["adj_close"].to_numpy(float) / close
        split = np.ones(len(days))
        for name, day, factor in SPLITS:
            if name == symbol and day in days:
                split[days.index(day)] = float(factor)
        paid = np.zeros(len(days))
        paid[1:] = 1 - ratio[:-1] * split[1:] / ratio[1:]
        return [
            (symbol, days[t], "dividend", Decimal(f"{close[t - 1] / split[t] * paid[t]:.4f}"), True)
            for t in np.flatnonzero(paid > SMALLEST_DIVIDEND)
        ]
