"""Runs stages in this process, step by step, exactly as the DAGs wire them, without Airflow's machinery."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from data_layer.settings import Settings, parse_settings
from data_layer.storage.database import transaction
from data_layer.storage.roles import as_layer
from plugins.stages.context import CHAIN, Context
from plugins.stages.opening import resolve
from plugins.stages.whole import STEPS, stage_class, take_step
from plugins.stages.window import Request

_runs = itertools.count(1)
NOW = dt.datetime(2026, 11, 20, 22, 0, tzinfo=dt.UTC)


def sample_settings(home: Path, **values: str) -> Settings:
    """Return settings with some values set, from nothing else."""
    return parse_settings(home, {k.upper(): v for k, v in values.items()})


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
    return stage_class(stage)(Context(request, resolve(uri, request, settings), settings, as_layer(uri, stage)))


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
