"""Sources that are finished history held in one table: what files and the sample share."""

from __future__ import annotations

import datetime as dt
import difflib
from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property

import pandas as pd

from data_layer.sessions import is_session
from data_layer.sources.base import BAR_COLUMNS, Source
from models.errors import ConfigError


class HistorySource(Source):
    """Static history. A subclass hands over all rows of the wanted symbols; windows are cut here."""

    is_static = True

    @abstractmethod
    def read_rows(self) -> pd.DataFrame:
        """Return all rows within START..END of the wanted symbols, BAR_COLUMNS and what actions come from.

        ``date`` holds datetime64 where readable, else NaT, with the text received in ``date_text``.
        """

    @abstractmethod
    def describe(self, symbol: str) -> tuple[str, str | None]:
        """Return the name and sector the source states for a symbol."""

    @cached_property
    def rows(self) -> pd.DataFrame:
        """All rows, read once."""
        return self.read_rows()

    def instruments(self) -> pd.DataFrame:
        """See Source: a symbol whose bars end before the source does has left the market with its last bar."""
        dated = self.rows.dropna(subset=["date"])
        self._refuse_unknown(set(dated["symbol"]))
        span = dated.groupby("symbol")["date"].agg(["min", "max"])
        end = dated["date"].max()
        described = [self.describe(str(symbol)) for symbol in span.index]
        return pd.DataFrame(
            {
                "symbol": span.index.to_list(),
                "name": [d[0] for d in described],
                "sector": [d[1] for d in described],
                "active_from": [stamp.date() for stamp in span["min"]],
                "active_to": [stamp.date() if stamp < end else None for stamp in span["max"]],
            }
        )

    def sessions(self) -> list[dt.date]:
        """See Source."""
        days = self.rows["date"].dropna().unique()
        return [d for d in sorted(pd.Timestamp(x).date() for x in days) if is_session(d)]

    def bars(self, symbols: Sequence[str], start: dt.date, end: dt.date) -> pd.DataFrame:
        """See Source; a row without a readable date belongs to every window."""
        rows = self.rows
        within = rows["date"].between(pd.Timestamp(start), pd.Timestamp(end)) | rows["date"].isna()
        return rows.loc[within & rows["symbol"].isin(list(symbols)), [*BAR_COLUMNS, "date_text"]]

    def _refuse_unknown(self, held: set[str]) -> None:
        for symbol in self.settings.symbols:
            if symbol not in held:
                near = difflib.get_close_matches(symbol, held, n=3)
                raise ConfigError(
                    "the source has no bars of this symbol",
                    stage="data_ingestion",
                    key="SYMBOLS",
                    value=symbol,
                    remedy=f"{self.name} has {', '.join(near or sorted(held)[:10]) or 'no symbols at all'} "
                    f"between START and END",
                )
