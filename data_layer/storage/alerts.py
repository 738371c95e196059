"""Alerts: what somebody should look at, opened once, kept up to date, closed when it is over."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from typing import Literal

from data_layer.storage.database import Connection, load_sql

Severity = Literal["info", "warning", "critical"]


def open_alert(
    connection: Connection,
    kind: str,
    subject: str,
    message: str,
    *,
    severity: Severity = "warning",
    value: float | None = None,
    threshold: float | None = None,
    session: dt.date | None = None,
) -> None:
    """Open an alert, or bring the open one of the same kind and subject up to date.

    Args:
        connection: inside the caller's transaction.
        kind: what is wrong, snake_case.
        subject: with what: a model, a feature.
        message: in words, with the remedy.
        severity: critical when something does not run.
        value: what was measured; NaN counts as None.
        threshold: what it should have kept to.
        session: it was seen in.
    """
    connection.execute(load_sql("alerts/upsert_alert"), {
        "kind": kind, "severity": severity, "subject": subject, "message": message[:4000],
        "value": _known(value), "threshold": _known(threshold), "session": session,
    })  # fmt: skip


def close_alert(connection: Connection, kind: str, subject: str) -> bool:
    """Close the open alert of this kind and subject; return whether there was one."""
    found = connection.execute(load_sql("alerts/update_closed"), {"kind": kind, "subject": subject})
    return found.rowcount > 0


def close_others(connection: Connection, kind: str, subjects: Sequence[str]) -> int:
    """Close the open alerts of a kind about anything but these subjects; return how many."""
    asked = {"kind": kind, "subjects": list(subjects)}
    return connection.execute(load_sql("alerts/update_others_closed"), asked).rowcount


def _known(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value
