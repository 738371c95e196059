"""The gate's rules: is every session's data complete and fresh enough to decide on?"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from data_layer.quality.thresholds import Gate
from data_layer.settings import is_symbol
from models.errors import DataQualityError

STAGE = "data_ingestion"
ACCEPT = "make accept SESSION={session} {symbol}REASON=..."


@dataclass(frozen=True)
class SessionFacts:
    """What is held of one session, and what is not."""

    session: dt.date
    expected: int  # symbols that should have a bar
    held: int  # those that have one
    missing: Sequence[str] = ()  # those that have none, ascending
    quarantined: Sequence[tuple[str, str]] = ()  # bars in quarantine: symbol as received, reason
    is_accepted: bool = False  # a person has accepted the session as it is


@dataclass(frozen=True)
class Facts:
    """What is held of a run's sessions.

    Attributes:
        sessions: one per session of the run, ascending.
        homeless: rows in quarantine that belong to none of them: (date or None, symbol as received, reason).
        received: rows in the answer they came with.
        behind: sessions between the newest one held and the newest one expected.
        expected_last: the newest session expected.
    """

    sessions: Sequence[SessionFacts]
    homeless: Sequence[tuple[dt.date | None, str, str]] = ()
    received: int = 0
    behind: int = 0
    expected_last: dt.date | None = None


@dataclass
class Verdict:
    """What the gate says: warnings by session, and why the run may not go on."""

    warnings: dict[dt.date, list[str]] = field(default_factory=dict)
    refusals: list[DataQualityError] = field(default_factory=list)

    def warn(self, session: dt.date, text: str) -> None:
        """Add what a reader of the session must know."""
        self.warnings.setdefault(session, []).append(text)

    def enforce(self) -> None:
        """Raise the first refusal, saying how many there are.

        Raises:
            DataQualityError: when the data is not fit to decide on.
        """
        if self.refusals:
            more = len(self.refusals) - 1
            if more:
                self.refusals[0].add_note(f"and {more} more; see quality_findings and data_quality_results")
            raise self.refusals[0]


def without_accepted(facts: Facts, accepted: Collection[tuple[dt.date, str]]) -> Facts:
    """Return the facts without what a person has accepted: (session, symbol), symbol empty for all of it."""

    def is_accepted(day: dt.date | None, symbol: str) -> bool:
        return day is not None and ((day, "") in accepted or (day, symbol) in accepted)

    sessions = [
        replace(
            s,
            missing=[symbol for symbol in s.missing if not is_accepted(s.session, symbol)],
            quarantined=[row for row in s.quarantined if not is_accepted(s.session, row[0])],
            is_accepted=is_accepted(s.session, ""),
        )
        for s in facts.sessions
    ]
    homeless = [row for row in facts.homeless if not is_accepted(row[0], row[1])]
    behind = 0 if is_accepted(facts.expected_last, "") else facts.behind
    return replace(facts, sessions=sessions, homeless=homeless, behind=behind)


def judge_facts(facts: Facts, gate: Gate) -> Verdict:
    """Refuse data that nobody should decide on, and warn of what may pass.

    A session is refused when more of its symbols have no bar, or more of its bars are in quarantine, than
    the thresholds allow, or none of its symbols has a bar. Rows that belong to no session of the run (an
    unreadable date, a day without trading, a day in the future) are measured against the rows received.

    Args:
        facts: without what has been accepted.
        gate: the thresholds.
    """
    verdict = Verdict()
    last = facts.sessions[-1].session
    if len(facts.homeless) > gate.quarantine_allowed(facts.received):
        day, symbol, reason = facts.homeless[0]
        verdict.refusals.append(_quarantine(len(facts.homeless), facts.received, "rows", day, symbol, reason))
    for day, symbol, reason in facts.homeless:
        verdict.warn(last, f"row of {symbol!r} on {day or 'an unreadable date'} in quarantine: {reason}")
    for at in facts.sessions:
        bad = bars_in_quarantine(at)
        if bad > gate.quarantine_allowed(at.expected):
            symbol, reason = at.quarantined[0]
            verdict.refusals.append(_quarantine(bad, at.expected, "bars", at.session, symbol, reason))
        for symbol, reason in at.quarantined:
            verdict.warn(at.session, f"bar of {symbol!r} in quarantine: {reason}")
        if len(at.missing) > gate.missing_allowed(at.expected) or is_bare(at):
            verdict.refusals.append(_missing(at))
        for symbol in at.missing:
            verdict.warn(at.session, f"no bar for {symbol}")
    if facts.behind > gate.sessions_behind:
        verdict.refusals.append(_stale(facts))
    elif facts.behind:
        verdict.warn(last, f"the newest bars are {facts.behind} session(s) behind {facts.expected_last}")
    return verdict


def is_bare(facts: SessionFacts) -> bool:
    """Return whether a session has no bar at all, and nobody has accepted that."""
    return not facts.held and not facts.is_accepted and bool(facts.missing or not facts.expected)


def bars_in_quarantine(facts: SessionFacts) -> int:
    """Return how many bars are in quarantine: rows that contradict each other about one bar are one."""
    contradicting = {symbol for symbol, reason in facts.quarantined if reason.startswith("two rows")}
    return len(contradicting) + sum(not reason.startswith("two rows") for _, reason in facts.quarantined)


def _quarantine(
    bad: int, of: int, what: str, day: dt.date | None, symbol: str, reason: str
) -> DataQualityError:
    # What belongs to no session cannot be accepted for one, and what is no symbol has no place on a command line.
    named = f"SYMBOL={symbol} " if is_symbol(symbol) else ""
    at = f": {ACCEPT.format(session=day, symbol=named)}"
    accept = f", or accept the session as it is{at}" if what == "bars" else ""
    return DataQualityError(
        f"{bad} of {of} {what} in quarantine, first {symbol!r} on {day or 'an unreadable date'}: {reason}",
        stage=STAGE,
        key="quarantine",
        value=f"{symbol} {day}",
        remedy=f"correct the source and run again, or decide on the rows with make quarantine{accept}",
    )


def _missing(at: SessionFacts) -> DataQualityError:
    return DataQualityError(
        f"no bars for {', '.join(at.missing[:5]) or 'any symbol'} on {at.session} "
        f"({len(at.missing)} of {at.expected} symbols)",
        stage=STAGE,
        key="session",
        value=str(at.session),
        remedy="the session is open: run data_ingestion for it again, or accept it: "
        + ACCEPT.format(session=at.session, symbol=""),
    )


def _stale(facts: Facts) -> DataQualityError:
    return DataQualityError(
        f"the newest bars are {facts.behind} sessions behind {facts.expected_last}",
        stage=STAGE,
        key="freshness",
        value=facts.behind,
        remedy="run again when the source has caught up, or accept it: "
        + ACCEPT.format(session=facts.expected_last, symbol=""),
    )
