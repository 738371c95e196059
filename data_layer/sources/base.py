"""What every source of bars offers. One file per vendor; nothing else needs to know its name."""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import ClassVar

import pandas as pd

from data_layer.settings import Settings

ACTION_COLUMNS = ("symbol", "ex_date", "action_type", "value", "inferred", "announced")
BAR_COLUMNS = ("symbol", "date", "open", "high", "low", "close", "volume")
RENAME_COLUMNS = ("old", "new", "effective")


class Source(ABC):
    """A vendor, a file or a package of daily bars.

    A source hands rows over as it got them: nothing is repaired, filled or made up here. Prices are USD as
    traded (raw), volumes are shares as traded.
    """

    # Written as literals: settings and DAG files read them without importing the file.
    name: ClassVar[str]
    is_static: ClassVar[bool]  # finished history: no clock time brings a new session
    # Of a vendor: the variables that hold its keys, each with the field (login or password) of the Airflow connection
    # called like the source; the one for another address, with its own; the one for calls per minute, with its default.
    keys: ClassVar[Mapping[str, str]] = {}
    address: ClassVar[tuple[str, str] | None] = None
    limit: ClassVar[tuple[str, int] | None] = None
    # How long after a session's close its bar could be had.
    delay: ClassVar[dt.timedelta] = dt.timedelta(0)

    def __init__(self, settings: Settings):
        self.settings = settings
        # What people have accepted as missing: session and symbol, empty for all of the session. Told by whoever asks.
        self.accepted: Collection[tuple[dt.date, str]] = frozenset()

    @abstractmethod
    def instruments(self) -> pd.DataFrame:
        """Return what can be had: symbol, name, sector (None when not stated), active_from, active_to.

        A symbol comes as the source writes it, however malformed; the quality gate judges its rows.

        active_from and active_to are the first and last session with a bar within START..END; active_to is
        None while the symbol still trades at the end of the source.

        Raises:
            ConfigError: when the source cannot be read, or SYMBOLS names one that it does not have.
        """

    @abstractmethod
    def sessions(self) -> list[dt.date]:
        """Return the sessions the source holds within START..END, ascending."""

    @abstractmethod
    def bars(self, symbols: Sequence[str] | None, start: dt.date, end: dt.date) -> pd.DataFrame:
        """Return the rows of these symbols (None: of all) from start to end, both included, as received.

        Columns are BAR_COLUMNS and date_text; of a source that may give one also vwap, the session's
        volume-weighted average price, missing where it gave none. A value that could not be read stays as it
        was, for the quality gate to judge: a price as its text, a date as NaT with its text in date_text.
        """

    def bars_in_chunks(
        self, symbols: Sequence[str] | None, start: dt.date, end: dt.date
    ) -> Iterator[pd.DataFrame]:
        """Yield the rows of ``bars`` in pieces that fit in memory, each symbol wholly in one of them."""
        yield self.bars(symbols, start, end)

    def history(self, symbols: Sequence[str], start: dt.date, end: dt.date) -> pd.DataFrame:
        """Return the rows of ``bars`` for a backfill, where a single session without a bar is nothing odd."""
        return self.bars(symbols, start, end)

    @abstractmethod
    def actions(self, symbols: Sequence[str] | None, start: dt.date, end: dt.date) -> pd.DataFrame:
        """Return splits and dividends: symbol, ex_date, action_type, value, inferred, announced.

        value is a Decimal, new shares per old for a split and USD per share in the ex-date's share basis for
        a dividend (all that go ex on the day taken together), or what was received when that is no number,
        for the quality gate to judge. inferred is True when nobody announced the action and it was derived
        from adjusted closes; announced is the day the issuer declared it, None when the source does not say.
        """

    def renames(self) -> pd.DataFrame:
        """Return the ticker changes the source knows of: old, new, effective (first session of the new one)."""
        return pd.DataFrame(columns=list(RENAME_COLUMNS))
