"""The steps of upkeep: handing events on, how large tables are, and removing what is kept only for a while."""

from __future__ import annotations

import datetime as dt
import logging
from itertools import takewhile
from pathlib import Path
from typing import Any

from airflow.sdk.configuration import conf

from data_layer.settings import Settings
from data_layer.storage.database import load_sql, transaction
from data_layer.storage.relay import kafka_producer, relay

log = logging.getLogger("almanac")


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


def report_tables(uri: str, settings: Settings) -> dict[str, int]:
    """Return the number of tables, their bytes and dead rows, and how many autovacuum does not keep up with.

    The log names each table that holds anything, and what to do about those.
    """
    with transaction(uri) as connection:
        rows = connection.execute(load_sql("retention/select_tables")).fetchall()
    for row in rows:
        if row["live_rows"] or row["dead_rows"]:
            log.info("[retention] %(table_name)s: %(bytes)s bytes, %(live_rows)s rows, %(dead_rows)s dead", row)
    overdue = [row["table_name"] for row in rows if row["overdue"]]
    for name in overdue:
        log.warning("[retention] autovacuum is behind on %s: end transactions left open, then VACUUM (ANALYZE) %s",
                    name, name)  # fmt: skip
    return {
        "tables": len(rows),
        "bytes": sum(row["bytes"] for row in rows),
        "dead_rows": sum(row["dead_rows"] for row in rows),
        "overdue": len(overdue),
    }


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
