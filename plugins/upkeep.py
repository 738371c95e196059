"""The steps of upkeep: handing events on, and removing what is kept only for a while."""

from __future__ import annotations

import datetime as dt
from itertools import takewhile
from pathlib import Path
from typing import Any

from airflow.sdk.configuration import conf

from data_layer.settings import Settings
from data_layer.storage.database import load_sql, transaction
from data_layer.storage.relay import kafka_producer, relay


def relay_events(uri: str, settings: Settings) -> dict[str, int]:
    """Send what Kafka has not confirmed yet; nothing without KAFKA_BROKERS.

    Args:
        uri: the writer's.
        settings: kafka_brokers.

    Returns:
        The number of events sent.

    Raises:
        RetryableError: when brokers do not confirm.
    """
    brokers = settings.upkeep.kafka_brokers
    return {"sent": relay(uri, kafka_producer(brokers)) if brokers else 0}


def report_expired(uri: str, settings: Settings) -> dict[str, int]:
    """Return how many rows by table, and files of task logs, are older than RETENTION_DAYS; change nothing."""
    return _expired(uri, settings, remove=False)


def remove_expired(uri: str, settings: Settings, asked: Any = False) -> dict[str, int]:
    """Remove them, when the form asks for it or RETENTION_REMOVES is set; return how many."""
    if str(asked).lower() != "true" and not settings.upkeep.retention_removes:
        return {}
    return _expired(uri, settings, remove=True)


def _expired(uri: str, settings: Settings, *, remove: bool) -> dict[str, int]:
    before = dt.datetime.now(dt.UTC) - dt.timedelta(days=settings.upkeep.retention_days)
    with transaction(uri) as connection:
        rows = connection.execute(load_sql("retention/remove_expired"), {"before": before, "remove": remove})
        found = {row["table_name"]: row["expired"] for row in rows}
    # Files only after the rows: a refusal of the database leaves everything.
    return {**found, "task_logs": _old_logs(Path(conf.get("logging", "base_log_folder")), before, remove=remove)}


def _old_logs(folder: Path, before: dt.datetime, *, remove: bool) -> int:
    """Count, or remove, files of task logs last written before an instant; services' logs rotate by themselves."""
    old = [p for p in folder.glob("dag_id=*/**/*") if p.is_file() and p.stat().st_mtime < before.timestamp()]
    for path in old if remove else ():
        path.unlink(missing_ok=True)
        for parent in takewhile(folder.__ne__, path.parents):
            try:
                parent.rmdir()
            except OSError:  # something is in it, or has just come
                break
    return len(old)
