"""Sources that are finished history held in one table: what files and the sample share."""

from __future__ import annotations

import datetime as dt
import difflib
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import ClassVar

import pandas as pd

from data_layer.sessions import is_session
from data_layer.sources.base import BAR_COLUMNS, Source
from models.errors import ConfigError


class HistorySource(Source):
    """Static history. A subclass hands over all rows of the wanted symbols; windows are cut here."""

    is_static: ClassVar[bool] = True

    @abstractmethod
    def read_rows(self) -> pd.DataFrame:
        """Return all rows of the wanted symbols, BAR_COLUMNS and what actions come from.

        ``date`` holds datetime64 at midnight where readable; else NaT, and ``date_text`` the text received.
        """

    @abstractmethod
    def describe(self, symbols: Sequence[str]) -> Mapping[str, tuple[str, str | None]]:
        """Return the name and sector the source states for each symbol; one left out has neither."""

    @abstractmethod
    def all_symbols(self) -> set[str]:
        """Return every symbol there is, wanted or not, to suggest from."""

    @cached_property
    def rows(self) -> pd.DataFrame:
        """All rows within START..END, and those whose date nobody can read; read once.

        Raises:
            ConfigError: when SYMBOLS names one that the source does not have, or START..END holds no row.
        """
        rows = self.read_rows()
        self._refuse_unknown(rows["symbol"])
        start, end, dates = self.settings.start, self.settings.end, rows["date"]
        outside = pd.Series(False, index=rows.index)
        if start:
            outside |= dates < pd.Timestamp(start)
        if end:
            outside |= dates > pd.Timestamp(end)
        inside = rows[~outside].reset_index(drop=True)
        if not inside["date"].notna().any():
            span = f"{dates.min():%Y-%m-%d} to {dates.max():%Y-%m-%d}" if dates.notna().any() else "no date"
            raise ConfigError(
                "no bars between START and END",
                stage="data_ingestion",
                key="START..END",
                value=f"{start or ''}..{end or ''}",
                remedy=f"{self.name} has {span}",
            )
        return inside

    def instruments(self) -> pd.DataFrame:
        """See Source: a symbol whose bars end before the source does has left with its last bar."""
        # A row dated on a day without trading says nothing about who traded when.
        dated = self.rows[self.rows["date"].isin(pd.DatetimeIndex(self.sessions()))]
        span = dated.groupby("symbol")["date"].agg(["min", "max"])
        end = dated["date"].max()
        symbols = [str(symbol) for symbol in span.index]
        described = self.describe(symbols)
        return pd.DataFrame(
            {
                "symbol": symbols,
                "name": [described.get(symbol, (symbol, None))[0] for symbol in symbols],
                "sector": [described.get(symbol, (symbol, None))[1] for symbol in symbols],
                "active_from": [stamp.date() for stamp in span["min"]],
                "active_to": [stamp.date() if stamp < end else None for stamp in span["max"]],
            },
            dtype=object,  # what is not stated stays None; a column of texts would make it NaN
        )

    def sessions(self) -> list[dt.date]:
        """See Source."""
        days = sorted(pd.Timestamp(day).date() for day in self.rows["date"].dropna().unique())
        return [day for day in days if is_session(day)]

    def bars(self, symbols: Sequence[str] | None, start: dt.date, end: dt.date) -> pd.DataFrame:
        """See Source; a row without a readable date belongs to every window."""
        rows = self._of(symbols)
        within = rows["date"].between(pd.Timestamp(start), pd.Timestamp(end)) | rows["date"].isna()
        return rows.loc[within, [*BAR_COLUMNS, "date_text"]]

    def _of(self, symbols: Sequence[str] | None) -> pd.DataFrame:
        return self.rows if symbols is None else self.rows[self.rows["symbol"].isin(list(symbols))]

    def _refuse_unknown(self, held: pd.Series) -> None:
        unknown = [symbol for symbol in self.settings.symbols if symbol not in set(held.unique())]
        if unknown:
            there = sorted(self.all_symbols())
            near = difflib.get_close_matches(unknown[0], there, n=3) or there[:10]
            raise ConfigError(
                "the source has no bars of this symbol",
                stage="data_ingestion",
                key="SYMBOLS",
                value=unknown[0],
                remedy=f"{self.name} has {', '.join(near) or 'no symbols at all'}",
            )
