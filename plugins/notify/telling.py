"""What is told, and when: a run that failed, an alert that opened or closed, a session not done in time.

The callbacks run in Airflow's DAG processor and triggerer, beside the tasks: no task waits for a mail server.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from data_layer.storage.database import load_sql, transaction
from plugins.notify.channels import send, send_async, why
from plugins.operators.base import database_uri

log = logging.getLogger("almanac.notify")
MOST = 20  # alerts in a message

FAILED = """What happened: {error}
To what: {subject}
Since: {since}
What to do: the message above ends with the remedy where one is known; docs/operations.md, "When something fails", has
the rest. Then start it again, which is always safe: bin/airflow dags trigger {dag}"""

ALERTED = """{mark} {severity}: {kind}
What happened: {message}
To what: {subject}
Since: {since}
What to do: {todo}"""

LATE = """What happened: the run of {dag} had not ended by {deadline}
To what: {dag}, run {run}
Since: {since}
What to do: make status shows where the chain stands, make logs STAGE={dag} what its tasks say; docs/operations.md has
the entry "Alert: PipelineStale\""""


def tell_failure(context: Mapping[str, Any]) -> None:
    """Tell of a failed run, with what stage_runs says of it. A DAG's on_failure_callback; never raises."""
    try:
        dag, run = str(context["dag"].dag_id), str(context["run_id"])
        send(f"Almanac: {dag} failed", FAILED.format(dag=dag, **_failure(dag, run, context)))
    except Exception as error:
        log.error("a failed run could not be told of: %s", why(error))


def tell_alerts(context: Mapping[str, Any]) -> None:
    """Tell of the alerts that have opened or closed since the last time, in one message. Never raises.

    They count as told when a channel has taken the message; otherwise the next run's end tries again.
    """
    try:
        with transaction(database_uri()) as connection:
            due = connection.execute(load_sql("alert_notifications/insert_due")).fetchall()
            if due and not send(*alerts_text(due)):
                connection.rollback()
    except Exception as error:
        log.error("alerts could not be told of: %s", why(error))


async def tell_deadline(deadline: str, context: Mapping[str, Any] | None = None) -> None:
    """Tell of a run that has not ended in time. The callback of a DeadlineAlert; never raises.

    Args:
        deadline: in words.
        context: Airflow's: dag_run.
    """
    try:
        run = (context or {}).get("dag_run") or {}
        dag = str(run.get("dag_id", "a stage"))
        since = run.get("queued_at") or run.get("run_after") or "its begin is not known"
        name = run.get("dag_run_id") or run.get("run_id") or "?"
        await send_async(f"Almanac: {dag} is late", LATE.format(dag=dag, run=name, deadline=deadline, since=since))
    except Exception as error:
        log.error("a missed deadline could not be told of: %s", why(error))


def alerts_text(due: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Return title and text of a message about alerts; the most severe openings first."""
    gravity = ("critical", "warning", "info")
    ordered = sorted(due, key=lambda a: (a["event"] == "closed", gravity.index(a["severity"])))
    parts = []
    for a in ordered[:MOST]:
        since, todo, mark = _instant(a["opened_at"]), "as the message says; make status shows the rest", "OPEN"
        if a["event"] == "closed":
            since, todo, mark = f"{since}, over at {_instant(a['closed_at'])}", "nothing, it is over", "CLOSED"
        parts.append(ALERTED.format(**{**a, "since": since, "todo": todo, "mark": mark}))
    if len(due) > MOST:
        parts.append(f"... and {len(due) - MOST} more: table alerts")
    opened = sum(a["event"] == "opened" for a in due)
    return f"Almanac: {opened} alerts opened, {len(due) - opened} closed", "\n\n".join(parts)


def _failure(dag: str, run: str, context: Mapping[str, Any]) -> dict[str, str]:
    """Return what is known of a failure: of a stage its own words, of another DAG where to find them."""
    ti = context.get("task_instance") or context.get("ti")
    task = f", task {ti.task_id}" if ti else ""
    with transaction(database_uri("quant_reader")) as connection:
        found = connection.execute(load_sql("api/select_health"), {"stages": [dag]}).fetchone()
    told = {
        "error": f"{context.get('reason') or 'the run failed'}; the task's log says why",
        "subject": f"{dag}{task}, run {run}",
        "since": "this run; make status shows how far each stage is",
    }
    if found and found["failed_session"]:
        told["error"] = found["error"] or told["error"]
        told["subject"] = f"{dag}{task}, session {found['failed_session']}, run {run}"
        if found["last_session"]:
            last = f"{found['last_session']}, at {_instant(found['completed_at'])}"
            told["since"] = f"the last session completed was {last}"
    return told


def _instant(at: dt.datetime) -> str:
    return f"{at.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"
