"""Who pressed what, and why: an audit event beside every action, in the action's own transaction where it has one."""

from __future__ import annotations

from typing import Any

from fastapi import Request

from data_layer.storage.audit import event, write_events
from data_layer.storage.database import Connection
from plugins.web.guard import user_name

SOURCE = "pages"


def note(
    connection: Connection, request: Request, action: str, subject: str, reason: str, *, key: str = "", **facts: Any
) -> None:
    """Append the event web.<action>; a request sent twice under one X-Trace-ID is noted twice.

    Args:
        connection: the writer's or the trainer's.
        request: who asked.
        action: latch, rearm, release, reject, promote, waive, run, reload, backtest.
        subject: what it was done to.
        reason: as given.
        key: of the event, where something is to find it again.
        facts: what came of it.
    """
    at = request.state.came_at  # when a person pressed a button
    trace = request.state.trace_id
    payload = {"by": user_name(request), "reason": reason, "subject": subject, "trace": trace, **facts}
    key = key or f"web/{action}/{subject}/{trace}/{at.isoformat()}"
    write_events(connection, [event(key, f"web.{action}", at.date(), SOURCE, payload, correlation=trace)])
