"""What an assessment keeps: the run, its scenarios, and the results, written again as a whole by every attempt."""

from __future__ import annotations

import datetime as dt
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from data_layer.code_version import code_version
from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, copy_in, load_sql, take_lock, transaction
from models.backtest.grid import RESULTS
from models.backtest.regimes import REGIMES
from models.backtest.rules import Rules
from models.backtest.scenarios import Scenario, definition
from models.errors import ConfigError
from plugins.backtest.assessment import Assessed, Contender, Course
from plugins.backtest.market import Market

LOCK = "strategy_assessment"
# All that decides a number once the bars are read; a test holds it against what these import.
CODE = ("models", "data_layer/features", "plugins/backtest", "plugins/stages/knowledge.py", "plugins/stages/voices.py")
LISTED_SYMBOLS = 10  # a universe of more is named by its number and a hash


def universe_name(symbols: Sequence[str]) -> str:
    """Return what strategy_trials calls the symbols."""
    if len(symbols) <= LISTED_SYMBOLS:
        return " ".join(symbols)
    return f"{len(symbols)} symbols {hashlib.sha256(' '.join(symbols).encode()).hexdigest()[:16]}"


def store_scenarios(uri: str, scenarios: Sequence[Scenario]) -> None:
    """Bring table scenarios to what the file states."""
    rows = [
        {
            "name": s.name, "kind": s.kind, "category": s.category, "why": s.why, "start_date": s.start,
            "end_date": s.end, "regime": s.regime, "position": i, "shock": asdict(s.shock) if s.shock else None,
        }
        for i, s in enumerate(scenarios, start=1)
    ]  # fmt: skip
    with transaction(uri) as connection:
        take_lock(connection, LOCK)
        connection.execute(load_sql("scenarios/upsert_scenarios"), {"rows": json_text(rows)})


def open_run(
    uri: str,
    market: Market,
    course: Course,
    contenders: Sequence[Contender],
    rules: Rules,
    asked: Mapping[str, Any],
) -> int:
    """Write the run and where its scenarios lie; return its id: the same for the same on the same data and code."""
    parameters = {
        "asked": asked,
        "strategies": [
            {"name": c.name, "class": c.strategy_class, "parameters": c.parameters, "error": c.error}
            for c in contenders
        ],
        "symbols": list(market.symbols),
        "scenarios": [definition(s) for s in course.scenarios],
        "rules": {
            k: None if isinstance(v, float) and math.isnan(v) else v for k, v in rules._asdict().items()
        },
    }
    versions = {"data_version": market.data_version, "code_version": code_version(CODE)}
    key = hashlib.sha256(json_text(["assessment", parameters, versions]).encode()).hexdigest()[:32]
    row = {
        **versions, "run_key": key, "form": "assessment", "parameters": json_text(parameters),
        "symbols": len(market.symbols), "first_session": _day(market, market.begin),
        "last_session": _day(market, -1), "cash_usd": rules.cash, "known_at": market.known_at,
        "has_delisted": market.has_delisted, "synthetic": market.synthetic,
    }  # fmt: skip
    with transaction(uri) as connection:
        take_lock(connection, LOCK, key)
        new = connection.execute(load_sql("backtest_runs/insert_run"), row).fetchone()
        held = new or connection.execute(load_sql("backtest_runs/select_run"), {"run_key": key}).fetchone()
        assert held is not None  # noqa: S101  # under the lock nobody takes it away
        run_id = int(held["id"])
        connection.execute(load_sql("assessment_sessions/delete_run"), {"run_id": run_id})
        copy_in(connection, "assessment_sessions", _session_rows(run_id, market, course))
        connection.execute(load_sql("assessment_scenarios/delete_run"), {"run_id": run_id})
        copy_in(connection, "assessment_scenarios", _scenario_rows(run_id, market, course))
    return run_id


def read_run(uri: str, run_id: int) -> dict[str, Any]:
    """Return the run as its first task settled it.

    Raises:
        ConfigError: when there is no such assessment.
    """
    with transaction(uri) as connection:
        row = connection.execute(load_sql("backtest_runs/select_assessment"), {"run_id": run_id}).fetchone()
    if row is None:
        raise ConfigError("no such assessment", stage="assessment", key="run_id", value=run_id,
                          remedy="see backtest_runs with form = 'assessment'")  # fmt: skip
    return row


def store_results(uri: str, run_id: int, market: Market, found: Assessed) -> dict[str, int]:
    """Write the results of some strategies of a run, in place of what an earlier attempt wrote for them.

    Returns:
        Rows by table.
    """
    ran = [k for k, c in enumerate(found.contenders) if c.name not in found.errors]
    with transaction(uri) as connection:
        take_lock(connection, LOCK, str(run_id), *(c.name for c in found.contenders))
        trials = _trials(connection, market, [found.contenders[k] for k in ran])
        which = {"run_id": run_id, "trials": trials.tolist()}
        connection.execute(load_sql("backtest_results/delete_trials"), which)
        connection.execute(load_sql("assessment_returns/delete_trials"), which)
        _store_errors(connection, run_id, found)
        rows = result_rows(market, found, ran)
        results = rows.drop(columns="strategy").assign(
            run_id=run_id, trial_id=trials[rows["strategy"].cat.codes]
        )
        counts = {
            "results": copy_in(connection, "backtest_results", results),
            "returns": copy_in(
                connection, "assessment_returns", _daily_rows(run_id, market, found, ran, trials)
            ),
        }
    return {**counts, "errors": len(found.errors)}


def result_rows(market: Market, found: Assessed, ran: Sequence[int]) -> pd.DataFrame:
    """Return one row a backtest: strategy, symbol, scenario, sessions and RESULTS."""
    sessions = found.sessions[list(ran)]
    k, s, w = np.nonzero(sessions)
    values = found.values[list(ran)][k, s, w]
    values[np.isinf(values)] = np.nan
    names = [found.contenders[i].name for i in ran]
    return pd.DataFrame({
        "strategy": pd.Categorical.from_codes(k, pd.Index(names)),
        "symbol": pd.Categorical.from_codes(s, pd.Index(market.symbols)),
        "scenario": pd.Categorical.from_codes(w, pd.Index([scenario.name for scenario in found.ran])),
        "sessions": sessions[k, s, w],
        **{name: values[:, i] for i, name in enumerate(RESULTS)},
    })  # fmt: skip


def _trials(connection: Connection, market: Market, contenders: Sequence[Contender]) -> np.ndarray:
    """Count the configurations as tried, and return their ids in the order of the contenders."""
    rows = [
        {"strategy": c.name, "strategy_class": c.strategy_class, "parameters": c.parameters}
        for c in contenders
    ]
    asked = {"rows": json_text(rows), "universe": universe_name(market.symbols)}
    found = connection.execute(load_sql("strategy_trials/upsert_trials"), asked).fetchall()
    # The database may hold 20 where 20.0 is asked for: one number to it, and to dicts.
    ids = [
        next(
            r["id"]
            for r in found
            if (r["strategy_class"], r["parameters"]) == (c.strategy_class, c.parameters)
        )
        for c in contenders
    ]
    return np.array(ids, np.int64)


def _store_errors(connection: Connection, run_id: int, found: Assessed) -> None:
    classes = {c.name: c.strategy_class for c in found.contenders}
    names = {"run_id": run_id, "strategies": list(classes)}
    connection.execute(load_sql("assessment_errors/delete_strategies"), names)
    if found.errors:
        rows = [(run_id, name, classes[name], error[:4000]) for name, error in found.errors.items()]
        frame = pd.DataFrame(rows, columns=["run_id", "strategy", "strategy_class", "error"])
        copy_in(connection, "assessment_errors", frame)


def _daily_rows(
    run_id: int, market: Market, found: Assessed, ran: Sequence[int], trials: np.ndarray
) -> pd.DataFrame:
    accounts = found.accounts[list(ran)]
    k, t = np.nonzero(accounts)
    return pd.DataFrame({
        "run_id": run_id,
        "trial_id": trials[k],
        "date": market.sessions[t].astype("datetime64[s]"),
        "daily_return": found.daily[list(ran)][k, t],
        "accounts": accounts[k, t],
    })  # fmt: skip


def _session_rows(run_id: int, market: Market, course: Course) -> pd.DataFrame:
    labels = np.array([*REGIMES, None], dtype=object)[course.labels]  # NONE is -1: the last
    return pd.DataFrame({
        "run_id": run_id,
        "date": market.sessions.astype("datetime64[s]"),
        "regime": labels,
        "benchmark_return": market.index,
    }).iloc[market.begin :]  # fmt: skip


def _scenario_rows(run_id: int, market: Market, course: Course) -> pd.DataFrame:
    rows = [
        {
            "run_id": run_id, "scenario": scenario.name, "kind": scenario.kind, "category": scenario.category,
            "definition": definition(scenario), "symbols": symbols, "regime": regime,
            "first_session": None if at.skipped else _day(market, at.first),
            "last_session": None if at.skipped else _day(market, at.last),
            "skipped_reason": at.skipped or None,
        }
        for scenario, at, regime, symbols in zip(
            course.scenarios, course.places, course.regimes, course.symbols, strict=True
        )
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _day(market: Market, at: int) -> dt.date:
    day: dt.date = market.sessions[at].astype("datetime64[D]").item()
    return day
