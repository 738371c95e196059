"""The tasks of strategy_assessment; counts and ids go from one to the next, data goes through the database."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from data_layer.settings import load_settings, parse_date, validate_symbol
from models.backtest.constraints import Constraints
from plugins.backtest.assessment_run import COSTS, Asked, prepare, refuse_silence, run_shard, shards
from plugins.backtest.portfolio_run import prepare_portfolios, run_portfolios
from plugins.backtest.ranking import rank_run

log = logging.getLogger("almanac")


def prepare_assessment(
    uri: str, params: Mapping[str, Any], logical_date: dt.datetime | None = None
) -> list[dict[str, Any]]:
    """Settle the run from its form; return what each shard is to run.

    Args:
        uri: writer's connection URI.
        params: the form; empty means all, or the default.
        logical_date: midnight UTC names the last session; any other instant says nothing.
    """
    asked = asked_for(params, logical_date)
    if params.get("form") == "portfolio":
        limits = {f.name: params[f.name] for f in fields(Constraints) if params.get(f.name) is not None}
        return prepare_portfolios(uri, load_settings(), asked, limits)
    prepared = prepare(uri, load_settings(), asked)
    skipped = sum(bool(place.skipped) for place in prepared.course.places)
    log.info(
        "[assessment] run %s: %s strategies, %s symbols, %s scenarios (%s skipped, see assessment_scenarios)",
        prepared.run_id, len(prepared.contenders), len(prepared.market.symbols), len(prepared.course.places),
        skipped,
    )  # fmt: skip
    return [{"run_id": prepared.run_id, "names": names} for names in shards(prepared.contenders)]


def assess_shard(
    uri: str, names: Sequence[str], run_id: int = 0, portfolio: Mapping[str, Any] | None = None
) -> dict[str, int]:
    """Run and store one shard's strategies: of an assessment, or as portfolios of their own."""
    counts = (
        run_shard(uri, run_id, names)
        if portfolio is None
        else run_portfolios(uri, load_settings(), portfolio, names)
    )
    log.info("[assessment] %s: %s", ", ".join(names), counts)
    return counts


def rank_strategies(uri: str, shards: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Rank what ran, and say what did not; portfolios are not ranked, each of them is a run of its own.

    Raises:
        BlockedError: when no strategy could run.
    """
    if "portfolio" in shards[0]:
        log.info("[assessment] portfolios are in backtest_runs and are not ranked")
        return {"portfolios": sum(len(shard["names"]) for shard in shards)}
    run_id = int(shards[0]["run_id"])
    errors = refuse_silence(uri, run_id)
    for name, error in errors.items():
        log.warning("[assessment] %s could not run: %s", name, error)
    ranked = rank_run(uri, run_id)
    for line in ranked["lines"]:
        log.info("%s", line)
    return {
        "run_id": run_id,
        "errors": len(errors),
        "rankings": ranked["rankings"],
        "trials": ranked["trials"],
    }


def asked_for(params: Mapping[str, Any], logical_date: dt.datetime | None) -> Asked:
    """Return the form's answers.

    Raises:
        ConfigError: for a malformed symbol or day.
    """
    days = {key: parse_date(params[key], key=key, stage="assessment") if params.get(key) else None
            for key in ("start", "end")}  # fmt: skip
    if not days["end"] and logical_date and logical_date.time() == dt.time():
        days["end"] = logical_date.date()
    return Asked(
        strategies=tuple(params.get("strategies") or ()),
        symbols=tuple(validate_symbol(s, stage="assessment") for s in params.get("symbols") or ()),
        scenarios=tuple(params.get("scenarios") or ()),
        costs={name: params[name] for name in COSTS if params.get(name) is not None},
        **days,
    )
