"""Sources that are finished history: what files, the sample and synthetic bars share."""

from __future__ import annotations

import datetime as dt
import difflib
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import ClassVar

import pandas as pd

from data_layer.sources.base import BAR_COLUMNS, Source
from data_layer.sources.survey import Survey, groups_of, survey
from models.errors import ConfigError

# A chunk of so many bars takes about a gigabyte on its way from the file to the table.
CHUNK_ROWS = 2_000_000


class HistorySource(Source):
    """Static history. A subclass hands over rows of the wanted symbols; windows and chunks are cut here."""

    is_static: ClassVar[bool] = True

    @abstractmethod
    def read_days(self) -> Iterable[pd.DataFrame]:
        """Yield symbol and date of all rows of the wanted symbols, in pieces; date as in ``read_rows``."""

    @abstractmethod
    def read_rows(self, symbols: Sequence[str] | None, start: dt.date, end: dt.date) -> pd.DataFrame:
        """Return the rows of these symbols (None: of all wanted ones), BAR_COLUMNS, date_text and vwap if there is one.

        ``date`` holds datetime64 at midnight where readable; else NaT, and ``date_text`` the text received.
        Rows of dates before start and after end may be left out; they are cut off here.
        """

    @abstractmethod
    def describe(self, symbols: Sequence[str]) -> Mapping[str, tuple[str, str | None]]:
        """Return the name and sector the source states for each symbol; one left out has neither."""

    @abstractmethod
    def all_symbols(self) -> set[str]:
        """Return every symbol there is, wanted or not, to suggest from."""

    @cached_property
    def survey(self) -> Survey:
        """The outline of the rows within START..END, and of those whose date nobody can read.

        Raises:
            ConfigError: when SYMBOLS names one that the source does not have, or START..END holds no row.
        """
        start, end = self.settings.start, self.settings.end
        held: set[str] = set()

        def seen() -> Iterator[pd.DataFrame]:
            for piece in self.read_days():
                held.update(str(symbol) for symbol in piece["symbol"].unique())
                yield piece

        found = survey(seen(), start, end)
        self._refuse_unknown(held)
        self._refuse_empty(found)
        return found

    def instruments(self) -> pd.DataFrame:
        """See Source: a symbol whose bars end before the source does has left with its last bar."""
        # A row dated on a day without trading says nothing about who traded when.
        span = self.survey.spans.dropna(subset=["first"])
        end = span["last"].max()
        symbols = [str(symbol) for symbol in span.index]
        described = self.describe(symbols)
        return pd.DataFrame(
            {
                "symbol": symbols,
                "name": [described.get(symbol, (symbol, None))[0] for symbol in symbols],
                "sector": [described.get(symbol, (symbol, None))[1] for symbol in symbols],
                "active_from": [stamp.date() for stamp in span["first"]],
                "active_to": [stamp.date() if stamp < end else None for stamp in span["last"]],
            },
            dtype=object,  # what is not stated stays None; a column of texts would make it NaN
        )

    def sessions(self) -> list[dt.date]:
        """See Source."""
        return self.survey.sessions

    def bars(self, symbols: Sequence[str] | None, start: dt.date, end: dt.date) -> pd.DataFrame:
        """See Source; a row without a readable date belongs to every window."""
        first, last = max(start, self.settings.start or start), min(end, self.settings.end or end)
        rows = self.read_rows(symbols, first, last)
        within = rows["date"].between(pd.Timestamp(first), pd.Timestamp(last)) | rows["date"].isna()
        rows = rows[[*BAR_COLUMNS, "date_text", *(["vwap"] if "vwap" in rows else [])]]
        return rows if within.all() else rows[within]

    def bars_in_chunks(
        self, symbols: Sequence[str] | None, start: dt.date, end: dt.date
    ) -> Iterator[pd.DataFrame]:
        """See Source."""
        rows = self.survey.spans["rows"]
        rows = rows if symbols is None else rows[rows.index.isin(list(symbols))]
        # A window of a few sessions takes its share of each symbol's rows, as good as can be guessed.
        sessions = self.survey.sessions
        share = sum(start <= day <= end for day in sessions) / max(len(sessions), 1)
        groups = groups_of((rows * share).clip(lower=1), CHUNK_ROWS)
        if len(groups) <= 1:
            yield self.bars(symbols, start, end)
        else:
            for group in groups:
                yield self.bars(group, start, end)

    def _refuse_empty(self, found: Survey) -> None:
        if not found.dated:
            raise ConfigError(
                "no bars between START and END",
                stage="data_ingestion",
                key="START..END",
                value=f"{self.settings.start or ''}..{self.settings.end or ''}",
                remedy=f"{self.name} has "
                + (f"{found.outer[0]} to {found.outer[1]}" if found.outer else "no date"),
            )

    def _refuse_unknown(self, held: set[str]) -> None:
        unknown = [symbol for symbol in self.settings.symbols if symbol not in held]
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
