"""Runs stages in this process, step by step, exactly as the DAGs wire them, without Airflow's machinery."""

from __future__ import annotations

import datetime as dt
import importlib
import itertools
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from data_layer.settings import Settings, parse_settings
from data_layer.storage.database import as_run, transaction
from plugins.stages.context import CHAIN, Context
from plugins.stages.opening import resolve
from plugins.stages.runs import record_failure
from plugins.stages.window import Request

STAGES = {
    "data_ingestion": "plugins.stages.ingestion.Ingestion",
    "feature_engineering": "plugins.stages.features.Features",
    "model_execution": "plugins.stages.signals.Signals",
    "risk_execution": "plugins.stages.risk.RiskExecution",
    "performance_testing": "plugins.stages.performance.PerformanceTesting",
}
# As wired in dags/; a test compares these with the DAGs themselves.
STEPS = {
    "data_ingestion": (
        "fetch_market_data", "apply_corporate_actions", "validate_data_quality", "update_trading_universe",
    ),
    "feature_engineering": (
        "calculate_technical_indicators", "prepare_model_features", "check_feature_drift",
    ),
    "model_execution": (
        "register_models", "load_registered_models", "fetch_latest_features", "execute_strategies",
        "store_trading_signals", "log_model_metrics",
    ),
    "risk_execution": (
        "reconcile_fills", "blend_signals", "build_targets", "check_risk", "submit_orders", "mark_positions",
        "check_books",
    ),
    "performance_testing": (
        "get_active_models", "calculate_all_model_performance", "measure_model_drift", "generate_performance_report",
        "update_model_rankings",
    ),
}  # fmt: skip
_runs = itertools.count(1)
NOW = dt.datetime(2026, 11, 20, 22, 0, tzinfo=dt.UTC)


def sample_settings(home: Path, **values: str) -> Settings:
    """Return settings with some values set, from nothing else."""
    return parse_settings(home, {k.upper(): v for k, v in values.items()})


@cache
def stage_class(stage: str) -> Any:
    """Return the class with a stage's steps."""
    module, _, name = STAGES[stage].rpartition(".")
    return getattr(importlib.import_module(module), name)


def open_stage(
    uri: str,
    settings: Settings,
    stage: str,
    *,
    logical_date: dt.datetime | None = None,
    now: dt.datetime = NOW,
    **params: Any,
) -> Any:
    """Return a stage's object with its window resolved, as a run's first task does."""
    request = Request(stage, f"test_run_{next(_runs)}", params, logical_date, now)
    return stage_class(stage)(Context(request, resolve(uri, request, settings), settings, uri))


def take_step(stage: Any, step: str) -> Any:
    """Take one step as its task would; a mapped one for every model."""
    with as_run(stage.context.request.run_id):
        return _take(stage, step)


def _take(stage: Any, step: str) -> Any:
    run = stage.context
    if not run.window and step not in stage.ALWAYS:
        return None
    try:
        if step == "execute_strategies":
            errors = []
            for model_id in stage.load_registered_models():
                try:
                    stage.execute_strategies(model_id)
                except Exception as error:
                    errors.append(error)
            return errors
        if step == "calculate_all_model_performance":
            return stage.calculate_all_model_performance(stage.get_active_models())
        return getattr(stage, step)()
    except Exception as error:
        record_failure(run, run.sessions, error)
        raise


def run_stage(
    uri: str, settings: Settings, name: str, *, before: Callable[[str], None] | None = None, **kwargs: Any
) -> Any:
    """Run all steps of a stage; ``before`` is called with each step's name."""
    stage = open_stage(uri, settings, name, **kwargs)
    for step in STEPS[name]:
        if before:
            before(step)
        take_step(stage, step)
    return stage


def run_chain(uri: str, settings: Settings, **kwargs: Any) -> None:
    """Run data_ingestion with the given params and the four stages after it without, as asset events do."""
    run_stage(uri, settings, CHAIN[0], **kwargs)
    for name in CHAIN[1:]:
        run_stage(uri, settings, name)


def query(uri: str, statement: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """Return a query's rows."""
    with transaction(uri) as connection:
        return connection.execute(statement, parameters).fetchall()
