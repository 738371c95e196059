"""Coverage: is every session's data complete enough to decide on?"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from models.errors import DataQualityError

STAGE = "data_ingestion"
# One halted symbol happens; beyond a twentieth of the universe it is a vendor's failure, not the market's.
MISSING_SHARE = 0.05


@dataclass(frozen=True)
class Gap:
    """A session with fewer bars than symbols."""

    session: dt.date
    expected: int  # symbols that should have a bar
    missing: Sequence[str]  # those that have none, ascending


def check_coverage(
    gaps: Sequence[Gap],
    quarantined: Sequence[tuple[dt.date | None, str, str]],
    accepted: Collection[tuple[dt.date, str]],
) -> dict[dt.date, list[str]]:
    """Refuse data that nobody should decide on, and return the warnings of what may pass.

    Args:
        gaps: the sessions that lack bars, ascending.
        quarantined: (date or None, symbol, reason) of the rows in quarantine that the source still sends.
        accepted: (session, symbol) a person has accepted, symbol empty for the whole session.

    Returns:
        Warnings by session, only for those that have any.

    Raises:
        DataQualityError: for the first row in quarantine, and for the first session in which more than
            max(1, MISSING_SHARE of the universe) symbols or all of them have no bar, unless accepted.
    """

    def is_accepted(day: dt.date | None, symbol: str) -> bool:
        return day is not None and ((day, "") in accepted or (day, symbol) in accepted)

    bad = [row for row in quarantined if not is_accepted(row[0], row[1])]
    if bad:
        day, symbol, reason = bad[0]
        raise DataQualityError(
            f"{len(bad)} row(s) in quarantine, first {symbol!r} on {day or 'an unreadable date'}: {reason}",
            stage=STAGE,
            key="quarantine",
            value=f"{symbol} {day}",
            remedy="correct the source and run again"
            + (", or accept it with a row in session_exceptions" if day else ""),
        )
    warnings: dict[dt.date, list[str]] = {}
    for gap in gaps:
        missing = [symbol for symbol in gap.missing if not is_accepted(gap.session, symbol)]
        if not missing and (gap.expected or is_accepted(gap.session, "")):
            continue
        if len(missing) > max(1, MISSING_SHARE * gap.expected) or len(gap.missing) == gap.expected:
            raise DataQualityError(
                f"no bars for {', '.join(missing[:5]) or 'any symbol'} on {gap.session} "
                f"({len(missing)} of {gap.expected} symbols)",
                stage=STAGE,
                key="session",
                value=str(gap.session),
                remedy="the session is open: run data_ingestion for it again, or accept it with a row in "
                "session_exceptions",
            )
        warnings[gap.session] = [f"no bar for {symbol}" for symbol in missing]
    return warnings
