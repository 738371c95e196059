"""What every log line of a stage's task carries, so that one id leads from the vendor's batch to the fill.

The correlation id of a session is the run of data_ingestion that brought it: `ingestion_batches.run_id`, and
`stage_runs.run_id` of that stage. Airflow's own set-up writes a task's lines as JSON, whoever's logger they come from,
and adds what is bound here to each; run_id, dag_id and task_id are its own.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping, Sequence

from structlog.contextvars import bind_contextvars, bound_contextvars

from data_layer.storage.database import Connection, load_sql
from plugins.stages.context import CHAIN, Context

log = logging.getLogger("almanac")
# A run over all of history has one or few; of more the newest are enough to go on from.
MOST_RUNS = 10
# Orders and fills named one by one: those of a daily run, not of a history.
MOST_LINES, TRACED_SESSIONS = 100, 5


def correlations(connection: Connection, stage: str, run_id: str, sessions: Sequence[dt.date]) -> list[str]:
    """Return the correlation ids of sessions (ascending), the newest first; none without a session."""
    if stage == CHAIN[0]:
        return [run_id]
    if not sessions:
        return []
    asked = {"first": sessions[0], "last": sessions[-1], "count": MOST_RUNS}
    return [row["run_id"] for row in connection.execute(load_sql("stage_runs/select_correlations"), asked)]


def bind(context: Context) -> None:
    """Let every further line of this task carry its stage, its sessions and their correlation id."""
    fields: dict[str, object] = {"stage": context.stage}
    if context.sessions:
        fields["session"] = str(context.sessions[-1])
    if len(context.sessions) > 1:
        fields["first_session"] = str(context.sessions[0])
    if context.correlations:
        fields["correlation_id"] = context.correlations[0]
    if len(context.correlations) > 1:
        fields["correlation_ids"] = list(context.correlations)
    bind_contextvars(**fields)


def name_written(connection: Connection, account: str, sessions: Sequence[dt.date], written: Mapping[str, int]) -> None:
    """Log the newest session's new orders, and the newest sessions' new fills, one by one.

    A fill stands under the correlation id of the session that its order was decided at.

    Args:
        connection: the transaction that wrote them.
        account: accounts.id.
        sessions: those written, ascending.
        written: rows by table.
    """
    if written.get("orders"):
        asked = {"account": account, "session": sessions[-1], "count": MOST_LINES}
        for o in connection.execute(load_sql("orders/select_traced"), asked):
            log.info("order %s: %s %d %s, %s", o["client_order_id"], o["side"], o["quantity"], o["symbol"], o["state"])
    if written.get("fills"):
        asked = {"account": account, "since": sessions[-TRACED_SESSIONS:][0], "count": MOST_LINES}
        for f in connection.execute(load_sql("fills/select_traced"), asked):
            with bound_contextvars(correlation_id=f["correlation_id"], session=str(f["filled"])):
                log.info("fill of order %s: %s %d %s at %s, decided %s", f["client_order_id"], f["side"],
                         f["quantity"], f["symbol"], f["price"], f["decided"])  # fmt: skip
