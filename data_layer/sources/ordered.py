"""Several vendors of one market in a stated order: the first is asked, the next ones when it fails."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from data_layer.sources.base import Source
from data_layer.sources.calls import PlanError
from models.errors import AlmanacError, ConfigError, DataQualityError, RetryableError

# How a vendor fails; of several failures the first of these says what to do.
FAMILIES: tuple[type[AlmanacError], ...] = (RetryableError, DataQualityError, ConfigError)


@dataclass(frozen=True)
class Fallback:
    """A question that a vendor failed to answer and a later one answered."""

    question: str  # bars, actions, instruments, sessions or renames
    failed: str  # vendor
    error: str
    answered: str  # vendor


@dataclass(frozen=True)
class Answer:
    """Rows and the vendor that gave them."""

    source: Source
    rows: pd.DataFrame


class OrderedSources:
    """Vendors asked in order. An answer is one vendor's alone, and nothing is made up between them.

    A vendor fails with a RetryableError, a DataQualityError or a PlanError. Another ConfigError (a missing key, an
    unknown symbol) is the user's to mend when it comes from the vendor asked first, and no reason to ask another. From
    a later one it is that vendor's failure: it must not hide why that one was asked, nor undo what another answered.

    Attributes:
        fallbacks: what has been answered by a later vendor so far.
    """

    def __init__(self, sources: Sequence[Source], *, cross_check: bool = False):
        self.sources = tuple(sources)
        self.cross_check = cross_check
        self.fallbacks: list[Fallback] = []

    @property
    def name(self) -> str:
        """The vendor asked first."""
        return self.sources[0].name

    @property
    def names(self) -> tuple[str, ...]:
        """All vendors, in order of trust."""
        return tuple(source.name for source in self.sources)

    @property
    def is_static(self) -> bool:
        """See Source."""
        return self.sources[0].is_static

    @property
    def delay(self) -> dt.timedelta:
        """The longest delay of all: whoever answers, the bar could be had by then."""
        return max(source.delay for source in self.sources)

    def accept(self, missing: Collection[tuple[dt.date, str]]) -> None:
        """Tell every vendor what people have accepted as missing, see Source.accepted."""
        for source in self.sources:
            source.accepted = missing

    def instruments(self) -> pd.DataFrame:
        """See Source.instruments."""
        return self._first("instruments", lambda source: source.instruments()).rows

    def sessions(self) -> list[dt.date]:
        """See Source.sessions."""
        held: list[dt.date] = []

        def ask(source: Source) -> pd.DataFrame:
            held[:] = source.sessions()
            return pd.DataFrame()

        self._first("sessions", ask)
        return held

    def renames(self) -> Answer:
        """See Source.renames; the vendor that answered is named."""
        return self._first("renames", lambda source: source.renames())

    def actions(self, symbols: Sequence[str] | None, start: dt.date, end: dt.date) -> Answer:
        """See Source.actions; the vendor that answered is named."""
        return self._first("actions", lambda source: source.actions(symbols, start, end))

    def bars_in_chunks(self, symbols: Sequence[str] | None, start: dt.date, end: dt.date) -> Iterator[Answer]:
        """Yield bars piece by piece, each with its vendor; of every vendor when cross-checking.

        When a vendor fails halfway, the next is asked for the whole window: what both have given is then two
        vendors' word on one bar.

        Raises:
            RetryableError: when no vendor gave a complete answer and one may do so later.
            DataQualityError, ConfigError: when no vendor gave a complete answer and none will; all name each
                vendor's error.
        """
        failures: list[tuple[str, AlmanacError]] = []
        answered = ""
        for source in self.sources:
            if answered and not self.cross_check:
                break
            try:
                for rows in source.bars_in_chunks(symbols, start, end):
                    yield Answer(source, rows)
            except FAMILIES as error:
                self._refuse_first(source, error)
                failures.append((source.name, error))
            else:
                answered = answered or source.name
        if not answered:
            raise self._silence("bars", failures)
        self._note("bars", failures, answered)

    def _first(self, question: str, ask: Callable[[Source], pd.DataFrame]) -> Answer:
        failures: list[tuple[str, AlmanacError]] = []
        for source in self.sources:
            try:
                rows = ask(source)
            except FAMILIES as error:
                self._refuse_first(source, error)
                failures.append((source.name, error))
            else:
                self._note(question, failures, source.name)
                return Answer(source, rows)
        raise self._silence(question, failures)

    def _refuse_first(self, source: Source, error: AlmanacError) -> None:
        """Raise what the user must mend at the vendor asked first."""
        if source is self.sources[0] and isinstance(error, ConfigError) and not isinstance(error, PlanError):
            raise error

    def _note(self, question: str, failures: Sequence[tuple[str, AlmanacError]], answered: str) -> None:
        self.fallbacks += [Fallback(question, name, str(error), answered) for name, error in failures]

    def _silence(self, question: str, failures: Sequence[tuple[str, AlmanacError]]) -> AlmanacError:
        """Return the error for a question nobody answered."""
        if len(failures) == 1:
            return failures[0][1]
        met = {family for family in FAMILIES for _, error in failures if isinstance(error, family)}
        family: type[AlmanacError] = next(family for family in FAMILIES if family in met)
        errors = "; ".join(f"{name}: {error}" for name, error in failures)
        return family(
            f"every source failed to give {question}: {errors}", stage="data_ingestion", key="SOURCES",
            value=",".join(self.names), remedy="try again later, or name a source that works",
        )  # fmt: skip
