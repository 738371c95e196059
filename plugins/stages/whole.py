"""A whole stage in one process: its steps in the order of its DAG, without Airflow's machinery."""

from __future__ import annotations

import importlib
import logging
from functools import cache
from typing import Any

# What each stage's class is, and its steps as wired in dags/; a test compares these with the DAGs themselves.
STAGES = {
    "data_ingestion": "plugins.stages.ingestion.Ingestion",
    "feature_engineering": "plugins.stages.features.Features",
    "model_execution": "plugins.stages.signals.Signals",
    "risk_execution": "plugins.stages.risk.RiskExecution",
    "performance_testing": "plugins.stages.performance.PerformanceTesting",
}
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
        "update_model_rankings", "write_tear_sheets",
    ),
}  # fmt: skip
log = logging.getLogger("almanac")


@cache
def stage_class(stage: str) -> Any:
    """Return the class with a stage's steps."""
    module, _, name = STAGES[stage].rpartition(".")
    return getattr(importlib.import_module(module), name)


def take_step(stage: Any, step: str, **arguments: Any) -> Any:
    """Take one step of a run, its events in the run's chain, and note a failure where everybody looks for it.

    Args:
        stage: of stage_class, opened with its run.
        step: name of the step; of a run that has nothing to do only those in ``ALWAYS`` are taken.
        arguments: what a mapped step is about, or what an earlier one has returned. A step that needs some and is
            given none gets what the run's own earlier step says: a mapped one is then taken for every model, and
            returns the errors of those that failed.
    """
    from data_layer.storage.database import as_run  # reading DAG files must not import it
    from plugins.stages.runs import record_failure

    run = stage.context
    if not run.window and step not in stage.ALWAYS:
        return run.say("nothing to do")
    try:
        with as_run(run.request.run_id):
            return getattr(stage, step)(**arguments) if arguments else _take(stage, step)
    except Exception as error:
        try:
            record_failure(run, run.sessions, error)
        except Exception:  # with the database gone, the step's own error still matters most
            log.exception("the failure could not be noted in stage_runs")
        raise


def _take(stage: Any, step: str) -> Any:
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
