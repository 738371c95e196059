"""How far each stage is, and the trail it leaves: stage_runs and audit_events."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from data_layer.code_version import daily_code
from data_layer.storage.audit import event, write_events
from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, load_sql, transaction
from models.errors import RetryableError
from plugins.stages.context import EVENT_TYPES, Context


def completed_sessions(connection: Connection, stage: str, model: str = "") -> dict[dt.date, dt.datetime]:
    """Return the sessions a stage (or a model in it) has completed, ascending, with their cutoffs."""
    rows = connection.execute(load_sql("stage_runs/select_completed"), {"stage": stage, "model": model})
    return {row["session_date"]: row["known_at"] for row in rows}


def completed_of(
    connection: Connection, stage: str, sessions: Iterable[dt.date]
) -> dict[dt.date, dt.datetime]:
    """Return those of the sessions that a stage has completed, ascending, with their cutoffs."""
    rows = connection.execute(
        load_sql("stage_runs/select_completed_of"), {"stage": stage, "sessions": list(sessions)}
    )
    return {row["session_date"]: row["known_at"] for row in rows}


def cutoffs_of(
    connection: Connection, stage: str, sessions: Collection[dt.date]
) -> dict[dt.date, dt.datetime]:
    """Return the cutoffs of sessions that a stage has completed.

    Raises:
        RetryableError: one of them is being done again; those after it would rest on books without it.
    """
    found = completed_of(connection, stage, sessions)
    if missing := sorted(set(sessions) - found.keys()):
        raise RetryableError("a session is no longer completed", stage=stage, key="session", value=str(missing[0]),
                             remedy=f"run {stage} for it, then try again")  # fmt: skip
    return found


def complete_sessions(
    connection: Connection,
    context: Context,
    cutoffs: Mapping[dt.date, dt.datetime],
    details: Mapping[dt.date, Mapping[str, Any]],
    *,
    model: str = "",
) -> None:
    """Mark sessions completed, once, and write the stage's audit event for each.

    Args:
        connection: the transaction that wrote the sessions' rows.
        context: the run.
        cutoffs: knowledge cutoff by session.
        details: counts, warnings and inputs by session; ``rows`` is the number of rows written.
        model: for stages that keep their place per model; such a row has no event of its own. The others have
            the code that decided, too.
    """
    rows = [
        {
            "stage": context.stage,
            "model": model,
            "session_date": str(session),
            "known_at": cutoffs[session].isoformat(),
            "run_id": context.request.run_id,
            "rows_written": detail.get("rows", 0),
            "detail": detail if model else {**detail, "code": daily_code()},
            "began_at": None if model else context.request.now.isoformat(),
        }
        for session, detail in sorted(details.items())
    ]
    connection.execute(load_sql("stage_runs/upsert_completed"), {"rows": json_text(rows)})
    if not model:
        write_events(
            connection,
            (
                event(
                    f"{context.stage}/{session}", EVENT_TYPES[context.stage], session, context.stage, detail
                )
                for session, detail in sorted(details.items())
            ),
        )


def sessions_of_model(
    connection: Connection, context: Context, model: str, ready: Iterable[dt.date]
) -> list[dt.date]:
    """Return the sessions a run takes a model through; a new one starts with all of history.

    Args:
        connection: any role that may read.
        context: the run.
        model: its name.
        ready: sessions that could be done, ascending; of these, up to the window's last or, when no session
            is due, to the last one the stage has completed.
    """
    window = context.window
    done = completed_sessions(connection, context.stage, model)
    if context.recomputes:
        return [s for s in window.sessions if s in done]
    last = window.sessions[-1] if window else max(completed_sessions(connection, context.stage), default=None)
    return [s for s in ready if last and s <= last and s not in done]


def record_failure(
    context: Context, sessions: Sequence[dt.date], error: BaseException, *, model: str = ""
) -> None:
    """Note which of the sessions is the first that could not be completed, and why."""
    if context.recomputes:
        return
    with transaction(context.uri) as connection:
        done = completed_sessions(connection, context.stage, model)
        first = next((s for s in sessions if s not in done), None)
        if first is None:
            return
        connection.execute(
            load_sql("stage_runs/upsert_failed"),
            {
                "stage": context.stage,
                "model": model,
                "session_date": first,
                "run_id": context.request.run_id,
                "detail": json_text({"error": f"{type(error).__name__}: {error}"[:2000]}),
            },
        )


def mark_stale(connection: Connection, since: dt.date, reason: str, stages: Sequence[str]) -> int:
    """Mark what later stages decided from a session on as resting on data that has changed since."""
    parameters = {"since": since, "reason": reason, "stages": list(stages)}
    return connection.execute(load_sql("stage_runs/update_stale"), parameters).rowcount


def move_cutoffs(
    connection: Connection, stage: str, models: Sequence[str], cutoffs: Mapping[dt.date, dt.datetime]
) -> None:
    """Note for restated sessions the knowledge they rest on now; data_ingestion keeps what they first had."""
    parameters = {
        "stage": stage, "models": list(models), "sessions": list(cutoffs), "cutoffs": list(cutoffs.values()),
    }  # fmt: skip
    connection.execute(load_sql("stage_runs/update_cutoffs"), parameters)


def clear_stale(connection: Connection, stage: str, sessions: Sequence[dt.date]) -> None:
    """Take the mark off sessions that have been computed again from the data as it is now."""
    connection.execute(load_sql("stage_runs/clear_stale"), {"stage": stage, "sessions": list(sessions)})
