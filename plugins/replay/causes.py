"""Inputs of past sessions that are not what the sessions' records say they were."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from data_layer.code_version import daily_code
from data_layer.sessions import next_session
from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, load_sql
from data_layer.storage.differences import Difference


def altered_inputs(connection: Connection, sessions: Sequence[dt.date], first: Difference | None) -> list[str]:
    """Return what of the sessions' inputs is not as recorded when they were decided, one line each.

    Looked at are the bars and actions up to the last session (their fingerprints stand in feature_engineering's
    record), the limits and settings of risk_execution (audit_events has them, too) and the parameters of each model
    (their fingerprint stands in model_execution's record).

    Args:
        connection: that may read; names of tables mean the real ones.
        sessions: those replayed.
        first: the first difference, None when there is none.
    """
    return [*_facts(connection, sessions[-1], first), *_settings(connection, sessions)]


def other_code(connection: Connection, sessions: Sequence[dt.date]) -> list[str]:
    """Return a line when other code decided a session than has replayed it; by itself that is no difference."""
    rows = connection.execute(load_sql("stage_runs/select_code"), {"sessions": list(sessions)}).fetchall()
    then = sorted({row["code"] for row in rows} - {daily_code()})
    return [f"{', '.join(then)} decided, {daily_code()} has replayed"] if then else []


def _facts(connection: Connection, session: dt.date, first: Difference | None) -> Iterator[str]:
    """Name the earliest day whose bars or actions are not those decided on: a bar by the symbol of the difference."""
    until = {"session": next_session(session)}  # orders know of what goes ex at the next open
    rows = connection.execute(load_sql("stage_runs/select_altered_facts"), until).fetchall()
    whose = f" {first.key['symbol']}" if first and first.table == "feature_values" else ""
    for table, column in (("market_data", "bars"), ("corporate_actions", "actions")):
        days = [row["session_date"] for row in rows if row[column]]
        if days:
            named = f"{table}{whose if column == 'bars' else ''} {days[0]}"
            said = f", now {_on(rows, days[0])['held'] or 'none'}" if column == "actions" else ""
            more = f"; {len(days) - 1} more days" if len(days) > 1 else ""
            yield f"{named}: another than was decided on{said}{more}"


def _on(rows: Sequence[Mapping[str, Any]], day: dt.date) -> Mapping[str, Any]:
    return next(row for row in rows if row["session_date"] == day)


def _settings(connection: Connection, sessions: Sequence[dt.date]) -> list[str]:
    asked = {"sessions": list(sessions)}
    found = [
        f"model_runs {row['model_name']} {row['session_date']}: parameters {json_text(row['parameters'])} "
        "are not those it ran with"
        for row in connection.execute(load_sql("model_runs/select_altered"), asked)
    ]
    for row in connection.execute(load_sql("stage_runs/select_rules_twice"), asked):
        for path, now, then in _unlike(row["rules"], row["audited"], "rules"):
            where = f"stage_runs risk_execution {row['session_date']}"
            found.append(f"{where}: {path} is {now}, the audit event says {then}")
    return found


def _unlike(one: Any, other: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for name in sorted({*one, *other}):
            yield from _unlike(one.get(name), other.get(name), f"{path}.{name}")
    elif one != other:
        yield path, one, other
