"""A replay: past sessions decided again, compared with what was decided, and explained where they differ."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from data_layer.sessions import next_session
from data_layer.settings import Settings
from data_layer.storage.database import load_sql, transaction
from data_layer.storage.differences import BEFORE_RISK, OF_RISK, TABLES, Compared, Difference, compare
from data_layer.storage.scratch import Scratch
from models.errors import ConfigError, DataQualityError
from plugins.replay.causes import altered_inputs, other_code
from plugins.replay.passes import decided_again, sessions_to_replay
from plugins.replay.report import ROWS, Report, Tabled, earliest
from plugins.stages.context import CHAIN
from plugins.stages.knowledge import newest_knowledge
from plugins.stages.runs import completed_sessions

RECORD = "public"


def replay(uri: str, settings: Settings, first: dt.date, last: dt.date) -> Report:
    """Decide completed sessions again from what was known at each, and compare with what is stored.

    Features and signals that were restated rest on the knowledge of their restatement, orders on that of the session's
    first decision: then the two are replayed apart. Where bars or actions have come or changed since, all is decided
    a further time from what is known today, and what would be different is part of the report.

    Args:
        uri: writer's connection URI; everything is done as a role that can write to none of the real tables.
        settings: as now; costs, limits and parameters are those of the sessions' records.
        first: session.
        last: session, the first one or later.

    Raises:
        ConfigError: when no session lies there, when one is not completed, or was decided before there was an
            ensemble; when the code computes another version of a feature set than is stored.
    """
    if last < first:
        raise ConfigError("TO lies before DATE", stage="replay", key="TO", value=str(last), remedy="swap them")
    with transaction(uri) as connection:
        decided = sessions_to_replay(connection, first, last)
        cutoffs = [completed_sessions(connection, stage) for stage in CHAIN[1:3]]
        restated = any(known[s] != then for known in cutoffs for s, then in decided.items())
        since = connection.execute(load_sql("restatements/select_since"), {
            "last": next_session(max(decided)), "cutoff": min(decided.values()),
        }).fetchall()  # fmt: skip
        today = newest_knowledge(connection)
    report = Report(list(decided))
    report.since = [f"{row['symbol']} {row['date']} {row['fact']}" for row in since]
    try:
        _as_decided(uri, settings, decided, report, restated=restated)
        if since:
            with decided_again(uri, settings, report.sessions, dict.fromkeys(decided, today)) as scratch:
                _, report.hindsight = _compare(scratch, report.sessions, TABLES, ROWS + 1)
    except (ConfigError, DataQualityError) as error:
        report.refused = error
    with transaction(uri) as connection:
        report.altered = altered_inputs(connection, report.sessions, report.first)
        report.code = other_code(connection, report.sessions)
    if isinstance(report.refused, ConfigError) and not report.altered:  # nothing is wrong with what is stored
        raise report.refused
    return report


def _as_decided(
    uri: str, settings: Settings, decided: Mapping[dt.date, dt.datetime], report: Report, *, restated: bool
) -> None:
    parts: list[tuple[Mapping[dt.date, dt.datetime] | None, Sequence[Compared]]] = [(None, TABLES)]
    if restated:
        parts = [(None, BEFORE_RISK), (decided, OF_RISK)]
    found: list[Difference] = []
    for knowledge, compared in parts:
        with decided_again(uri, settings, report.sessions, knowledge) as scratch:
            tables, differences = _compare(scratch, report.sessions, compared, 1)
            report.tables += tables
            found += [d for rows in differences.values() for d in rows]
    report.first = earliest(found)


def _compare(
    scratch: Scratch, sessions: Sequence[dt.date], tables: Sequence[Compared], most: int
) -> tuple[list[Tabled], dict[str, list[Difference]]]:
    sides, found = [], {}
    with transaction(scratch.recorded) as connection:
        for compared in tables:
            stored, replayed, rows = compare(connection, compared, (RECORD, scratch.schema), sessions, most)
            sides.append(Tabled(compared.table, stored, replayed))
            found[compared.table] = rows
    return sides, found


def report_lines(uri: str, report: Report) -> list[str]:
    """Return the report in words."""
    with transaction(uri) as connection:
        return list(report.lines(connection))
