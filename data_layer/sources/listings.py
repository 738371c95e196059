"""Who a vendor is asked about, and what is known of them: asked once, and again when the bars contradict it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING

import pandas as pd

from data_layer.sessions import session_from, sessions_between
from data_layer.settings import validate_symbol
from data_layer.sources.calls import STAGE
from data_layer.sources.universe import join_universe, read_universe
from models.errors import ConfigError

if TYPE_CHECKING:
    from data_layer.sources.vendor import VendorSource

COLUMNS = ("symbol", "name", "sector", "active_from", "active_to")


@dataclass(frozen=True)
class Listing:
    """What is known of a symbol; a date is None when it is not known, or lies before START or after END."""

    symbol: str
    name: str
    sector: str | None = None
    first: dt.date | None = None
    last: dt.date | None = None
    renames: tuple[tuple[str, str, dt.date], ...] | None = None  # old, new, since; None when not asked for


class Listings:
    """A vendor's word on the symbols of SYMBOLS or the universe file, else its own list, else another vendor's.

    Attributes:
        known: by symbol, what earlier runs learnt (the caller puts it here) and what this object has.
        learnt: what this object has learnt, for the caller to keep.
    """

    def __init__(self, vendor: VendorSource):
        self.vendor = vendor
        self.known: dict[str, Listing] = {}
        self.learnt: dict[str, Listing] = {}
        self._handed_on: tuple[str, ...] = ()

    @property
    def frame(self) -> pd.DataFrame:
        """What can be had, see Source.instruments."""
        return self._frame

    @cached_property
    def _frame(self) -> pd.DataFrame:
        rows = [row for one in self.all() if (row := self.membership(one))]
        return pd.DataFrame(sorted(rows, key=itemgetter(0)), columns=list(COLUMNS), dtype=object)

    @cached_property
    def own_list(self) -> list[Listing] | None:
        """The vendor's whole list, None when symbols are named or it has none."""
        return None if self.vendor.settings.symbols else self.vendor.listed()

    def all(self) -> list[Listing]:
        """Return everyone's listing.

        Raises:
            ConfigError: when nobody is named and the vendor has no list, or does not know who is named.
        """
        if self.own_list is not None:
            return self.own_list
        if named := self.vendor.settings.symbols or self._handed_on:
            return [self._described(symbol) for symbol in named]
        raise ConfigError(
            "whose bars?",
            stage=STAGE,
            key="SYMBOLS",
            value="",
            remedy=f'{self.vendor.name} has no list to choose from: name them, SYMBOLS="AAPL MSFT"',
        )

    def learn(self, listing: Listing) -> Listing:
        """Keep what the vendor says of a symbol now."""
        self.known[listing.symbol] = self.learnt[listing.symbol] = listing
        self.__dict__.pop("_frame", None)
        return listing

    def hand_on(self, symbols: Sequence[str]) -> None:
        """Take another vendor's symbols where nobody is named and this vendor has no list."""
        if self.vendor.settings.symbols or set(symbols) <= set(self._handed_on) or self.own_list is not None:
            return
        self._handed_on = tuple(dict.fromkeys([*self._handed_on, *symbols]))
        self.__dict__.pop("_frame", None)

    def trading(self, wanted: Sequence[str], first: dt.date, last: dt.date) -> list[str]:
        """Return those of some symbols that vendor and universe file say trade from one session to another."""
        held = self.frame[self.frame["symbol"].isin(list(wanted))]
        members = join_universe(held, self._stated, only_listed=False)
        return [
            str(symbol)
            for symbol, since, until in members[["symbol", "active_from", "active_to"]].itertuples(False)
            if since <= first and (until is None or last <= until)
        ]

    def ask_again(self, wanted: Sequence[str], newest: Mapping[str, dt.date], day: dt.date) -> None:
        """Ask about symbols whose bars contradict what earlier runs learnt: gone, renamed or back since then.

        When nobody has a bar of the day it is just not there yet: the first symbol that still trades says so,
        and no more calls are spent.

        Args:
            wanted: symbols asked for.
            newest: the last day with a bar, by symbol.
            day: the newest session asked for.
        """
        doubtful = [symbol for symbol in wanted if symbol in self.known and symbol not in self.learnt]
        if not doubtful or self.own_list is not None:
            return
        trading = set(self.trading(wanted, day, day))
        heard = {symbol for symbol, last in newest.items() if last >= day}
        for symbol in doubtful:
            if (symbol in trading) != (symbol in heard):
                if found := self.vendor.describe(validate_symbol(symbol, stage=STAGE)):
                    self.learn(found)
                if not heard and self.trading([symbol], day, day):
                    return

    def membership(self, one: Listing) -> tuple[str, str, str | None, dt.date, dt.date | None] | None:
        """Return a row of the frame, None for who has no session within START..END."""
        start, end = self.vendor.start, self.vendor.end
        first = session_from(max(start, one.first or start))
        held = sessions_between(first, min(end, one.last or end))
        if not held:
            return None
        left = held[-1] if one.last and one.last < end else None
        return one.symbol, one.name or one.symbol, one.sector, first, left

    @cached_property
    def _stated(self) -> pd.DataFrame:
        return read_universe(self.vendor.settings)

    def _described(self, symbol: str) -> Listing:
        if symbol in self.known:
            return self.known[symbol]
        vendor = self.vendor
        found = vendor.describe(validate_symbol(symbol, stage=STAGE))
        if found is None:
            raise ConfigError(
                "the source has no bars of this symbol",
                stage=STAGE,
                key="SYMBOLS",
                value=symbol,
                remedy=f"{vendor.name} does not know it from {vendor.start} on: check how it writes the symbol",
            )
        return self.learn(found)
