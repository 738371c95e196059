"""Ranks an assessment, stored or in memory, and says what the ranking is worth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, load_sql, take_lock, transaction
from models.backtest.ranking import Candidates, Scope, rank_candidates
from models.backtest.ranking_report import format_table, report_lines
from models.backtest.regimes import NONE, REGIMES
from models.backtest.rules import Rules
from models.errors import BlockedError, ConfigError
from models.strategies.discovery import class_path, discover_strategies
from plugins.backtest.assessment import Assessed, Course
from plugins.backtest.market import Market


def rank_run(uri: str, run_id: int) -> Mapping[str, Any]:
    """Rank a stored assessment and store the ranking; ranking it again changes nothing unless more was tried.

    One transaction under the run's lock.

    Args:
        uri: connection URI of the writer.
        run_id: backtest_runs.id.

    Returns:
        run_id, trials (configurations ever tried), rankings (rows), written (those that changed), and lines: the
        report and its tables as text.

    Raises:
        ConfigError: when there is no such run.
        BlockedError: when the run holds no strategy's returns.
    """
    key = {"run_id": run_id}
    with transaction(uri) as connection:
        take_lock(connection, "strategy_assessment", "ranking", str(run_id))
        candidates, trials = _stored_candidates(connection, run_id)
        failed = [
            row["strategy"] for row in connection.execute(load_sql("assessment_errors/select_names"), key)
        ]
        scopes = rank_candidates(candidates)
        sentences = report_lines(candidates, scopes, failed)
        rows = [
            {name: _plain(value) for name, value in row.items()} | {"trial_id": trials[row["strategy"]]}
            for scope in scopes.values()
            for row in scope.rows.to_dict("records")
        ]
        written = {**key, "rows": json_text(rows)}
        connection.execute(load_sql("strategy_rankings/delete_gone"), written)
        changed = connection.execute(load_sql("strategy_rankings/upsert_rankings"), written).rowcount
        connection.execute(load_sql("ranking_reports/upsert_report"), {**key, "lines": sentences})
    return {
        "run_id": run_id, "trials": candidates.trials, "rankings": len(rows), "written": changed,
        "lines": format_ranking(sentences, scopes),
    }  # fmt: skip


def rank_assessed(market: Market, course: Course, assessed: Assessed, rules: Rules) -> list[str]:
    """Rank an assessment in memory; without a database its own configurations are all the trials known.

    Args:
        market: it ran on.
        course: whose regimes it ran in.
        assessed: what came of it.
        rules: it ran with; cash_rate is the risk-free rate.

    Returns:
        The report and its tables as lines of text.

    Raises:
        BlockedError: when no strategy could run.
    """
    live = np.flatnonzero([c.name not in assessed.errors for c in assessed.contenders])
    if not len(live):
        raise BlockedError("no strategy ran, so there is nothing to rank", stage="ranking", key="strategies", value=0,
                           remedy="; ".join(sorted(set(assessed.errors.values()))[:3]))  # fmt: skip
    returns = assessed.daily[live].T
    held = np.isfinite(returns).any(axis=1)
    told = np.concatenate([[NONE], course.labels[:-1]])  # at the close before
    contenders = [assessed.contenders[k] for k in live]
    candidates = Candidates(
        names=tuple(c.name for c in contenders),
        categories=tuple(c.strategy.category if c.strategy else "" for c in contenders),
        dates=market.sessions[held],
        returns=np.ascontiguousarray(returns[held]),
        regimes=tuple(REGIMES[label] if label != NONE else "" for label in told[held].tolist()),
        trials=len({(c.strategy_class, json_text(c.parameters)) for c in contenders}),
        trials_known_from="this run alone (no database was asked)",
        has_delisted=market.has_delisted,
        synthetic=market.synthetic,
        rate=rules.cash_rate,
    )
    scopes = rank_candidates(candidates)
    return format_ranking(report_lines(candidates, scopes, sorted(assessed.errors)), scopes)


def format_ranking(sentences: Sequence[str], scopes: Mapping[str, Scope]) -> list[str]:
    """Return the sentences, then a table per scope under its name."""
    lines = list(sentences)
    for name, scope in scopes.items():
        lines += [
            "",
            name.replace("_", " ").replace(":", ": "),
            *(f"  {line}" for line in format_table(scope)),
        ]
    return lines


def _stored_candidates(connection: Connection, run_id: int) -> tuple[Candidates, dict[str, int]]:
    """Return what a run stored, and the trial of each name."""
    key = {"run_id": run_id}
    run = connection.execute(load_sql("backtest_runs/select_for_ranking"), key).fetchone()
    if run is None:
        raise ConfigError("no such run", stage="ranking", key="run_id", value=run_id,
                          remedy="take an id of backtest_runs")  # fmt: skip
    series = connection.execute(load_sql("assessment_returns/select_series"), key, binary=True).fetchall()
    if not series:
        raise BlockedError("the run holds no strategy's returns", stage="ranking", key="run_id", value=run_id,
                           remedy="see assessment_errors, mend what it names and assess again")  # fmt: skip
    sessions = connection.execute(load_sql("assessment_sessions/select_regimes"), key).fetchall()
    told = {row["date"]: row["regime"] or "" for row in sessions}
    names = _names([row["strategy"] for row in series], [row["trial_id"] for row in series])
    dates = sorted({day for row in series for day in row["dates"]})
    place = {day: t for t, day in enumerate(dates)}
    returns: NDArray[np.float64] = np.full((len(dates), len(series)), math.nan)
    for n, row in enumerate(series):
        returns[[place[day] for day in row["dates"]], n] = row["returns"]
    categories = {class_path(cls): cls.category for cls in discover_strategies().classes.values()}
    candidates = Candidates(
        names=names,
        categories=tuple(categories.get(row["strategy_class"], "") for row in series),
        dates=np.array(dates, "datetime64[D]"),
        returns=returns,
        regimes=tuple(told.get(day, "") for day in dates),
        trials=run["trials"],
        has_delisted=run["has_delisted"],
        synthetic=run["synthetic"],
        rate=Rules().cash_rate if run["cash_rate"] is None else run["cash_rate"],
    )
    return candidates, dict(zip(names, (row["trial_id"] for row in series), strict=True))


def _names(strategies: Sequence[str], trials: Sequence[int]) -> tuple[str, ...]:
    """Return names that tell configurations of one strategy apart."""
    return tuple(
        name if strategies.count(name) == 1 else f"{name} #{trial}"
        for name, trial in zip(strategies, trials, strict=True)
    )


def _plain(value: Any) -> Any:
    """Return NULL for NaN, and whole numbers as such: ranks are floats in a frame, for the sake of NaN."""
    if not isinstance(value, float):
        return value
    return None if math.isnan(value) else int(value) if value.is_integer() else value
