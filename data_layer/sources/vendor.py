"""What live vendors share: who is wanted, which sessions, and that a day without any bar is an error."""

from __future__ import annotations

import datetime as dt
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar

import pandas as pd

from data_layer.sessions import sessions_between
from data_layer.settings import Settings, validate_symbol
from data_layer.sources.base import ACTION_COLUMNS, Source
from data_layer.sources.calls import STAGE, Caller, Patience
from data_layer.sources.limits import TokenBucket, bucket_of
from data_layer.sources.listings import Listing, Listings
from data_layer.sources.received import Action, Row, add_up_dividends, bar_frame
from models.errors import ConfigError, RetryableError

CALLS_PER_MINUTE = 60  # of a vendor that declares no limit: what a person clicking through its pages might do


class VendorSource(Source):
    """A vendor asked over the network. A subclass says how to ask for bars, actions and descriptions.

    An answer that is broken as an answer is an error; a broken value in a whole answer stays as it came, for
    the quality gate. Who is wanted comes from SYMBOLS, else the universe file, else the vendor's own list.
    """

    is_static: ClassVar[bool] = False
    # Free plans serve a session after its day has ended in New York: the close at four and eight hours.
    delay: ClassVar[dt.timedelta] = dt.timedelta(hours=8)
    batch: ClassVar[int] = 100  # symbols asked for, and held in memory, at a time

    def __init__(
        self, settings: Settings, *, patience: Patience | None = None, bucket: TokenBucket | None = None
    ):
        """Take the settings; nothing is asked yet, and the keys are not looked at before it is.

        Raises:
            ConfigError: without START, or when no session lies in START..END.
        """
        super().__init__(settings)
        if settings.start is None:
            raise ConfigError(
                "a vendor has no first day of its own",
                stage=STAGE,
                key="START",
                value="",
                remedy=f"name one: make run SOURCE={self.name} START=2020-01-02 ...",
            )
        held = sessions_between(settings.start, settings.end or dt.date.max)
        if not held:
            raise ConfigError(
                "no session between START and END",
                stage=STAGE,
                key="START..END",
                value=f"{settings.start}..{settings.end or ''}",
                remedy="widen them",
            )
        self.start, self.end = settings.start, settings.end or held[-1]
        self.patience = patience or Patience()
        self._bucket = bucket
        self.listings = Listings(self)

    @abstractmethod
    def load_bars(self, symbols: Sequence[str], first: dt.date, last: dt.date) -> Iterable[Row]:
        """Return the rows of these symbols as received; those of other days are dropped by the caller."""

    @abstractmethod
    def load_actions(self, symbols: Sequence[str], first: dt.date, last: dt.date) -> Iterable[Action]:
        """Return splits and dividends; the caller drops those of other days, and adds up a day's dividends.

        One that carries the vendor's id of its row is told from an equal one; others are told apart by value.
        """

    @abstractmethod
    def describe(self, symbol: str) -> Listing | None:
        """Return what the vendor says of a symbol of SYMBOLS, None when it does not have it."""

    def listed(self) -> list[Listing] | None:
        """Return all the vendor lists, None for a vendor that has no list."""
        return None

    def caller(self, remedy: str = "") -> Caller:
        """Return the caller with the declared limit, that hides the declared keys; the remedy is for refusals."""
        variable, usual = self.limit or (f"{self.name.upper()}_CALLS_PER_MINUTE", CALLS_PER_MINUTE)
        calls = self.settings.vendors.limits.get(variable, usual)
        bucket = self._bucket or bucket_of(self.name, calls, self.settings.almanac_home)
        secrets = [self.settings.vendors.keys.get(key, "") for key in self.keys]
        return Caller(self.name, bucket, self.patience, secrets, remedy or "check the symbols and the dates")

    @property
    def base(self) -> str:
        """The address that the vendor is asked at."""
        variable, official = self.address or ("", "")
        return self.settings.vendors.addresses.get(variable, official)

    def key(self, variable: str) -> str:
        """Return a declared key, or say where it goes."""
        if value := self.settings.vendors.keys.get(variable):
            return value
        raise ConfigError(
            "the vendor's key is missing",
            stage=STAGE,
            key=variable,
            value="",
            remedy=f"set {variable} in the environment or in .env, or make the Airflow connection `{self.name}`",
        )

    def sessions(self) -> list[dt.date]:
        """See Source: the exchange's, to END or the end of its calendar; the caller knows what has closed."""
        return sessions_between(self.start, self.end)

    def instruments(self) -> pd.DataFrame:
        """See Source; asked once. A symbol nobody dates is taken to trade from START on."""
        return self._instruments.copy()

    def bars(self, symbols: Sequence[str] | None, start: dt.date, end: dt.date) -> pd.DataFrame:
        """See Source."""
        return pd.concat([*self.bars_in_chunks(symbols, start, end)], ignore_index=True)

    def bars_in_chunks(
        self, symbols: Sequence[str] | None, start: dt.date, end: dt.date
    ) -> Iterator[pd.DataFrame]:
        """See Source.

        Raises:
            RetryableError: when a session on which a wanted symbol trades has not a single row, or a symbol that
                trades all through several sessions has none, and nobody has accepted that.
        """
        wanted, first, last = self._window(symbols, start, end)
        seen: set[dt.date] = set()
        newest: dict[str, dt.date] = {}
        for rows in self._load(wanted, first, last):
            seen.update(stamp.date() for stamp in rows["date"].dropna().unique())
            newest.update((str(s), day.date()) for s, day in rows.groupby("symbol")["date"].max().dropna().items())
            yield rows
        if sessions := sessions_between(first, last):
            self.listings.ask_again(wanted, newest, sessions[-1])
        self._refuse_empty(wanted, seen, first, last)
        self._refuse_silent(wanted, newest, first, last)

    def history(self, symbols: Sequence[str], start: dt.date, end: dt.date) -> pd.DataFrame:
        """See Source: over years a share is halted now and then, and not every vendor says when it was listed.

        Raises:
            RetryableError: when a symbol that trades has not a single row, and nobody has accepted that.
        """
        wanted, first, last = self._window(symbols, start, end)
        rows = pd.concat([*self._load(wanted, first, last)], ignore_index=True)
        for symbol in sorted(set(wanted).difference(rows["symbol"])):
            self._refuse_empty([symbol], set(), first, last)
        return rows

    def _load(self, wanted: Sequence[str], first: dt.date, last: dt.date) -> Iterator[pd.DataFrame]:
        for some in self.batches(wanted, first, last) if first <= last else []:
            for symbol in some:
                validate_symbol(symbol, stage=STAGE)
            yield bar_frame(r for r in self.load_bars(some, first, last) if _within(r[1], first, last))
        if not wanted or first > last:
            yield bar_frame([])

    def batches(self, symbols: Sequence[str], first: dt.date, last: dt.date) -> list[Sequence[str]]:
        """Return the symbols as they are asked for together."""
        return [symbols[i : i + self.batch] for i in range(0, len(symbols), self.batch)]

    def actions(self, symbols: Sequence[str] | None, start: dt.date, end: dt.date) -> pd.DataFrame:
        """See Source."""
        wanted, first, last = self._window(symbols, start, end)
        found: list[Action] = []
        for i in range(0, len(wanted) if first <= last else 0, self.batch):
            some = [validate_symbol(s, stage=STAGE) for s in wanted[i : i + self.batch]]
            found += [a for a in self.load_actions(some, first, last) if first <= a[1] <= last]
        rows = [(s, d, kind, value, False, told) for s, d, kind, value, told in add_up_dividends(found)]
        return pd.DataFrame(rows, columns=list(ACTION_COLUMNS), dtype=object).astype({"inferred": bool})

    @property
    def _instruments(self) -> pd.DataFrame:
        return self.listings.frame

    def _window(
        self, symbols: Sequence[str] | None, start: dt.date, end: dt.date
    ) -> tuple[list[str], dt.date, dt.date]:
        wanted = list(self._instruments["symbol"]) if symbols is None else list(symbols)
        self.listings.hand_on(wanted)
        return wanted, max(start, self.start), min(end, self.end)

    def _refuse_empty(self, wanted: Sequence[str], seen: set[dt.date], first: dt.date, last: dt.date) -> None:
        missing = [day for day in sessions_between(first, last) if day not in seen]
        if not missing or not wanted:
            return
        members = self._instruments[self._instruments["symbol"].isin(list(wanted))]
        for day in missing:
            due = [
                str(symbol)
                for symbol, since, until in members[["symbol", "active_from", "active_to"]].itertuples(False)
                if since <= day
                and (until is None or day <= until)
                and not {(day, ""), (day, symbol)}.intersection(self.accepted)
            ]
            if due:
                raise RetryableError(
                    f"no bar of {', '.join(due[:5])}{' ...' if len(due) > 5 else ''} on {day}",
                    stage=STAGE,
                    key="session",
                    value=str(day),
                    remedy=f"{self.name} has nothing for this session yet: try again later; if it lies before "
                    "the vendor's history, name a later START; if they did not trade, "
                    f"make accept SESSION={day} [SYMBOL={due[0]}] REASON=...",
                )

    def _refuse_silent(
        self, wanted: Sequence[str], newest: Mapping[str, dt.date], first: dt.date, last: dt.date
    ) -> None:
        """One session without a symbol's bar may be true, and is the gate's to judge; all of several may not."""
        sessions = sessions_between(first, last)
        if len(sessions) < 2 or all(symbol in newest for symbol in wanted):
            return
        trading = self.listings.trading(wanted, sessions[0], sessions[-1])
        silent = [s for s in trading if s not in newest and self._unaccepted(s, sessions) > 1]
        if silent:
            names = ", ".join(silent[:5]) + (" ..." if len(silent) > 5 else "")
            raise RetryableError(
                f"not one bar of {names} in {len(sessions)} sessions",
                stage=STAGE,
                key="sessions",
                value=f"{sessions[0]}..{sessions[-1]}",
                remedy=f"{self.name} says that it trades: try again later, or state in the universe file from when "
                "to when it does, or make accept its sessions",
            )

    def _unaccepted(self, symbol: str, sessions: Sequence[dt.date]) -> int:
        return sum(not {(day, ""), (day, symbol)}.intersection(self.accepted) for day in sessions)


def _within(day: object, first: dt.date, last: dt.date) -> bool:
    return day is None or (isinstance(day, dt.date) and first <= day <= last)
