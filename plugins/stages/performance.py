"""performance_testing: measure each model as of each session, report, rank."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from data_layer.storage.database import Connection, frames, load_sql, take_lock, transaction
from data_layer.storage.merge import Mode, merge
from plugins.reports.sheet import write_sheets
from plugins.stages.benchmark import store_benchmarks
from plugins.stages.context import Context
from plugins.stages.measuring import Measuring
from plugins.stages.model_drift import measure_drift
from plugins.stages.performance_alerts import raise_and_close
from plugins.stages.reporting import build_reports
from plugins.stages.runs import complete_sessions, completed_sessions


class PerformanceTesting:
    """The steps of performance_testing for one run; each may run twice and die anywhere."""

    # A new model is measured from its beginning, whether or not a session is due.
    ALWAYS: ClassVar[frozenset[str]] = frozenset({"get_active_models", "calculate_all_model_performance"})

    def __init__(self, context: Context):
        self.context = context

    def get_active_models(self) -> list[int]:
        """Return the ids of the active models."""
        with transaction(self.context.uri) as connection:
            ids = [row["id"] for row in connection.execute(load_sql("models/select_active"))]
        self.context.say("active models found", models=len(ids))
        return ids

    def calculate_all_model_performance(self, model_ids: Sequence[int]) -> Mapping[str, Any]:
        """Measure each model as of each of its sessions due; a new model is measured from its beginning."""
        context = self.context
        with transaction(context.uri) as connection, frames(context.uri) as read:
            take_lock(connection, context.stage)
            active = connection.execute(load_sql("models/select_active")).fetchall()
            measuring = Measuring(connection, context, read)
            due = {m["id"]: measuring.due(m["model_name"]) for m in active if m["id"] in set(model_ids)}
            days = [session for sessions in due.values() for session in sessions]
            benchmarks = store_benchmarks(connection, context, max(days)) if days else 0
            written = sum(measuring.measure(m, due[m["id"]]) for m in active if due.get(m["id"]))
            written += measuring.flush()
        return context.say(
            "performance calculated", models=len(due), written=written, benchmarks=benchmarks
        )

    def measure_model_drift(self) -> Mapping[str, Any]:
        """Compare what trained models see and say with their training window, and with what came."""
        if self.context.recomputes:
            return self.context.say("drift is measured once")
        return measure_drift(self.context)

    def generate_performance_report(self) -> Mapping[str, Any]:
        """Write one report for each session: the ranking, and what to know before reading it."""
        context = self.context
        with transaction(context.uri) as connection:
            take_lock(connection, context.stage)
            done = completed_sessions(connection, context.stage)
            due = [s for s in context.sessions if context.recomputes or s not in done]
            if context.recomputes:  # an earlier version's reports hold less, so there is nothing to compare with
                asked = {"sessions": due}
                full = connection.execute(load_sql("performance_reports/select_full"), asked).fetchall()
                due = [row["report_date"] for row in full]
            rows = pd.DataFrame(list(build_reports(connection, context, due)) if due else [])
            written = self._merge(connection, "performance_reports", rows, ("report_date",)) if due else 0
        return context.say("reports written", due=len(due), written=written)

    def update_model_rankings(self) -> Mapping[str, Any]:
        """Give each model its place in the session's report, complete the sessions, raise and close alerts."""
        context = self.context
        if context.recomputes:
            return context.say("rankings compared with the reports")
        with transaction(context.uri) as connection:
            take_lock(connection, context.stage)
            cutoffs = completed_sessions(connection, "risk_execution")
            span = {"sessions": list(context.sessions)}
            ranked = connection.execute(load_sql("model_performance/update_ranks"), span).rowcount
            reported = self._reported_models(connection, context.sessions)
            details = {s: {"rows": 1, "models": len(reported[s])} for s in context.sessions}
            complete_sessions(connection, context, cutoffs, details)
            newest = max(completed_sessions(connection, context.stage))
            alerts = raise_and_close(connection, newest)
        return context.say("rankings updated", ranked=ranked, **alerts)

    def write_tear_sheets(self) -> Mapping[str, Any]:
        """Write the pages of every active model and the account as of now, over those of the session before."""
        context, settings = self.context, self.context.settings
        if context.recomputes or not settings.reports:
            return context.say("no tear sheets written")
        pages = write_sheets(
            context.uri, Path(settings.reports), risk_free_rate=settings.risk_free_rate, walks=False
        )
        return context.say("tear sheets written", pages=len(pages), folder=settings.reports)

    def _merge(self, connection: Connection, table: str, rows: pd.DataFrame, key: Sequence[str]) -> int:
        """Insert new rows, or compare; what was measured is never restated, only measured on."""
        mode: Mode = "verify" if self.context.recomputes else "insert"
        return merge(connection, table, rows, key=key, mode=mode, stage=self.context.stage).inserted

    def _reported_models(
        self, connection: Connection, sessions: Sequence[dt.date]
    ) -> dict[dt.date, list[str]]:
        """Return the models in each session's report."""
        rows = connection.execute(load_sql("performance_reports/select_models"), {"sessions": list(sessions)})
        return {row["report_date"]: row["models"] for row in rows}
