"""A vendor failed and another one answered: on record, and told to whoever reads the sessions' report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from data_layer.sources.ordered import Fallback
from data_layer.storage.audit import event, write_events
from data_layer.storage.database import Connection, load_sql
from plugins.stages.context import Context


def note_fallbacks(connection: Connection, context: Context, fallbacks: Sequence[Fallback]) -> None:
    """Write an audit event `market.fallback` for each, once per run, question and vendor."""
    span = {"start": str(context.sessions[0]), "end": str(context.sessions[-1])}
    write_events(
        connection,
        (
            event(
                f"fallback/{context.request.run_id}/{f.question}/{f.failed}",
                "market.fallback",
                context.sessions[-1],
                context.stage,
                {**asdict(f), **span},
                correlation=_correlation(context),
            )
            for f in fallbacks
        ),
    )


def fallback_warnings(connection: Connection, context: Context) -> list[str]:
    """Return what this run's sessions must say of vendors that failed."""
    rows = connection.execute(
        load_sql("audit_events/select_fallbacks"), {"correlation_id": _correlation(context)}
    )
    return [f"{r['failed']} failed to give {r['question']}, {r['answered']} did: {r['error']}" for r in rows]


def _correlation(context: Context) -> str:
    return f"{context.stage}/{context.request.run_id}"
