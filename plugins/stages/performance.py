"""performance_testing: measure each model as of each session, report, rank."""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, load_sql, read_frame, take_lock, transaction
from data_layer.storage.merge import Mode, merge
from models.backtest.signal_performance import cost_per_side, model_performance, signal_matrices
from models.panel import Panel
from models.strategies.base import DEFAULT_POSITION_SIZE
from plugins.stages.benchmark import benchmark_facts
from plugins.stages.context import Context
from plugins.stages.knowledge import Renamed, bars_as_of, join_renamed, renames, stable_views
from plugins.stages.model_drift import measure_drift
from plugins.stages.runs import complete_sessions, completed_sessions, sessions_of_model

FIGURES = (
    "total_trades", "open_trades", "avg_return", "win_rate", "avg_win", "avg_loss", "prediction_accuracy",
    "total_return", "volatility", "sharpe_ratio", "max_drawdown", "profit_factor",
)  # fmt: skip


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
        context, written = self.context, 0
        with transaction(context.uri) as connection:
            take_lock(connection, context.stage)
            cutoffs = completed_sessions(connection, "model_execution")
            active = connection.execute(load_sql("models/select_active")).fetchall()
            models = [m for m in active if m["id"] in set(model_ids)]
            for model in models:
                name = model["model_name"]
                ran = completed_sessions(connection, "model_execution", name)
                sessions = sessions_of_model(connection, context, name, ran)
                for rules, days in self._rules(connection, model, sessions):
                    for view in stable_views(connection, days, cutoffs):
                        cutoff = cutoffs[view[-1]]
                        changes = renames(connection, view[-1:], cutoffs)[0]
                        rows = self._measure(model["id"], rules, view, cutoff, changes)
                        written += self._merge(
                            connection, "model_performance", rows, ("model_id", "run_date")
                        )
                        if not context.recomputes:
                            details = {s: {"rows": 1, "rules": rules} for s in view}
                            complete_sessions(connection, context, cutoffs, details, model=name)
        return context.say("performance calculated", models=len(models), written=written)

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
            rows = pd.DataFrame(list(self._reports(connection, due)))
            written = self._merge(connection, "performance_reports", rows, ("report_date",)) if due else 0
        return context.say("reports written", due=len(due), written=written)

    def update_model_rankings(self) -> Mapping[str, Any]:
        """Give each model its place in the session's report, and complete the sessions."""
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
        return context.say("rankings updated", ranked=ranked)

    def _merge(self, connection: Connection, table: str, rows: pd.DataFrame, key: Sequence[str]) -> int:
        """Insert new rows, or compare; what was measured is never restated, only measured on."""
        mode: Mode = "verify" if self.context.recomputes else "insert"
        return merge(connection, table, rows, key=key, mode=mode, stage=self.context.stage).inserted

    def _rules(
        self, connection: Connection, model: Mapping[str, Any], sessions: Sequence[dt.date]
    ) -> Iterator[tuple[dict[str, Any], list[dt.date]]]:
        """Yield what sessions are measured by: as set now, or as they were measured when verifying."""
        settings = self.context.settings
        now = {
            "holding_period": settings.default_holding_period,
            "risk_free_rate": settings.risk_free_rate,
            "commission_per_share": float(settings.commission_per_share),
            "commission_minimum": float(settings.commission_minimum),
            "slippage_bps": float(settings.slippage_bps),
            "capital_usd": float(model["capital_usd"]),
        }
        if not self.context.recomputes:
            yield now, list(sessions)
            return
        groups: dict[str, list[dt.date]] = defaultdict(list)
        keys = {"stage": self.context.stage, "model": model["model_name"], "sessions": list(sessions)}
        for row in connection.execute(load_sql("stage_runs/select_model_rules"), keys):
            groups[json_text(row["rules"])].append(row["session_date"])
        for text, days in groups.items():
            yield json.loads(text), days

    def _measure(
        self,
        model_id: int,
        rules: Mapping[str, Any],
        sessions: Sequence[dt.date],
        cutoff: dt.datetime,
        changes: Sequence[Renamed],
    ) -> pd.DataFrame:
        last, uri = sessions[-1], self.context.uri
        bars = bars_as_of(uri, last, cutoff)
        bars["adjusted_open"] = bars["open"] * bars["return_factor"]
        opens = Panel.from_frame(bars, ("open", "adjusted_open"))
        signals = read_frame(uri, load_sql("signals/select_of_model"), {"model_id": model_id, "last": last})
        signals = join_renamed(signals, changes, "session_date")
        axis = list(opens.sessions)
        sides, weights = signal_matrices(signals, axis, opens.symbols)
        cost = cost_per_side(
            opens["open"],
            slippage_bps=rules["slippage_bps"],
            commission_per_share=rules["commission_per_share"],
            commission_minimum=rules["commission_minimum"],
            order_usd=rules["capital_usd"] * DEFAULT_POSITION_SIZE,
        )
        figures = model_performance(
            axis, opens["adjusted_open"], sides, weights, holding=rules["holding_period"], cost=cost,
            risk_free_rate=rules["risk_free_rate"],
        )  # fmt: skip
        due = figures["run_date"].isin(pd.DatetimeIndex(list(sessions)).astype(figures["run_date"].dtype))
        rows = figures.loc[due, ["run_date", *FIGURES]].reset_index(drop=True)
        return rows.assign(
            model_id=model_id, holding_period=rules["holding_period"], risk_free_rate=rules["risk_free_rate"]
        )

    def _reports(self, connection: Connection, sessions: Sequence[dt.date]) -> Iterator[dict[str, Any]]:
        span = {"sessions": list(sessions)}
        # A model that came later is measured on past sessions as well; their reports stand without it.
        ranked = self._reported_models(connection, sessions) if self.context.recomputes else None
        measured: dict[dt.date, list[dict[str, Any]]] = defaultdict(list)
        for row in connection.execute(load_sql("model_performance/select_figures"), span):
            session = row.pop("run_date")
            if ranked is None or row["model_name"] in ranked.get(session, ()):
                measured[session].append(row)
        rows = connection.execute(load_sql("performance_reports/select_facts"), span)
        facts = {row["session_date"]: row for row in rows}
        benchmarks = benchmark_facts(connection, self.context, sessions)
        for session in sessions:
            ranking = rank(measured[session])
            placed = [m for m in ranking if m["sharpe_ratio"] is not None]
            warnings = [text for name, text in WARNINGS.items() if facts[session][name]]
            warnings += facts[session]["data_warnings"] or []
            yield {
                "report_date": session,
                "models_measured": len(ranking),
                "best_model": placed[0]["model_name"] if placed else None,
                "worst_model": placed[-1]["model_name"] if placed else None,
                "average_return": _mean([m["total_return"] for m in ranking]),
                "average_sharpe_ratio": _mean([m["sharpe_ratio"] for m in ranking]),
                "account_equity_usd": facts[session]["equity_usd"],
                "warnings": warnings,
                "report_data": {
                    "session": str(session), "ranking": ranking, "warnings": warnings,
                    **({"benchmark": benchmarks[session]} if session in benchmarks else {}),
                },
            }  # fmt: skip

    def _reported_models(
        self, connection: Connection, sessions: Sequence[dt.date]
    ) -> dict[dt.date, list[str]]:
        """Return the models in each session's report."""
        rows = connection.execute(load_sql("performance_reports/select_models"), {"sessions": list(sessions)})
        return {row["report_date"]: row["models"] for row in rows}


WARNINGS = {
    "synthetic": "the bars are synthetic: made up from a seed, no market ever traded them",
    "survivors_only": "the universe holds no symbol that has left the market, so results lean upward",
    "inferred_dividends": "dividends are inferred from adjusted closes and may be some percent off",
}


def rank(models: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the models' figures by Sharpe ratio, highest first, those without one last, then by name."""

    def order(figures: Mapping[str, Any]) -> tuple[bool, float, str]:
        sharpe = figures["sharpe_ratio"]
        return sharpe is None, -(sharpe or 0.0), figures["model_name"]

    return [{"rank": place, **figures} for place, figures in enumerate(sorted(models, key=order), start=1)]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return float(np.mean(known)) if known else None
