"""Coverage: is every session's data complete enough to decide on?"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence

from models.errors import DataQualityError

STAGE = "data_ingestion"
# One halted symbol happens; beyond a twentieth of the universe a session is a vendor's failure, not a market's.
MISSING_SHARE = 0.05


def check_coverage(
    sessions: Sequence[dt.date],
    expected: Mapping[dt.date, Collection[str]],
    held: Mapping[dt.date, Collection[str]],
    quarantined: Sequence[tuple[dt.date | None, str, str]],
    accepted: Collection[tuple[dt.date, str]],
) -> dict[dt.date, list[str]]:
    """Refuse data that nobody should decide on, and return the warnings of what may pass.

    Args:
        sessions: sessions to judge.
        expected: symbols that should have a bar, by session.
        held: symbols that have one, by session.
        quarantined: (date or None, symbol, reason) of the rows in quarantine that the source still sends.
        accepted: (session, symbol) a person has accepted, symbol empty for the whole session.

    Returns:
        Warnings by session, only for those that have any.

    Raises:
        DataQualityError: for the first row in quarantine, and the first session in which more than
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
            remedy="correct the source and run again, or accept it with a row in session_exceptions",
        )
    warnings: dict[dt.date, list[str]] = {}
    for session in sessions:
        missing = sorted(s for s in set(expected[session]) - set(held.get(session, ()))
                         if not is_accepted(session, s))
        if not missing:
            continue
        if len(missing) > max(1, MISSING_SHARE * len(expected[session])) or not held.get(session):
            raise DataQualityError(
                f"no bars for {', '.join(missing[:5])} on {session} "
                f"({len(missing)} of {len(expected[session])} symbols)",
                stage=STAGE,
                key="session",
                value=str(session),
                remedy="the session is open: run data_ingestion for it again, or accept it with a row in "
                "session_exceptions",
            )
        warnings[session] = [f"no bar for {s}" for s in missing]
    return warnings
