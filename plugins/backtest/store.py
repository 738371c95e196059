"""What a backtest keeps: the run once, its results, curves and trades, and each configuration counted as tried."""

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
from models.backtest.constraints import Constraints
from models.backtest.rules import Rules
from models.strategies.base import BaseStrategy
from models.strategies.discovery import class_path
from plugins.backtest.assessment_store import CODE, universe_name
from plugins.backtest.market import Market
from plugins.backtest.outcome import Outcome

LOCK = "backtests"


def store_run(
    uri: str,
    form: str,
    market: Market,
    rules: Rules,
    constraints: Constraints,
    benchmark: str,
    tried: Sequence[tuple[BaseStrategy, Sequence[Outcome]]],
    *,
    curves: bool,
) -> tuple[int, bool]:
    """Store a run with all that came of it, in one transaction; the same again is the run that is held.

    Args:
        uri: connection URI of the writer.
        form: grid, portfolio or sweep.
        market: the bars it ran on.
        rules: what the strategies do not set themselves.
        constraints: of the portfolio.
        benchmark: symbol, empty for the equal-weight universe.
        tried: strategies and their accounts.
        curves: whether to keep equity curves and trades.

    Returns:
        backtest_runs.id, and whether it is new.
    """
    first, last = (_day(min(o.sessions[0] for _, all_of in tried for o in all_of)),
                   _day(max(o.sessions[-1] for _, all_of in tried for o in all_of)))  # fmt: skip
    parameters: dict[str, Any] = {
        "strategies": [{"class": class_path(type(s)), "parameters": s.parameters()} for s, _ in tried],
        "symbols": list(market.symbols),
        "accounts": "grid" if tried[0][1][0].symbol else "portfolio",
        "sessions": [str(first), str(last)],
        "rules": _plain(rules._asdict()),
        "constraints": asdict(constraints),
        "benchmark": benchmark,
    }
    versions = {"data_version": market.data_version, "code_version": code_version(CODE)}
    key = hashlib.sha256(json_text([form, parameters, versions]).encode()).hexdigest()[:32]
    row = {
        **versions, "run_key": key, "form": form, "parameters": json_text(parameters),
        "symbols": len(market.symbols), "first_session": first, "last_session": last, "cash_usd": rules.cash,
        "known_at": market.known_at, "has_delisted": market.has_delisted, "synthetic": market.synthetic,
    }  # fmt: skip
    with transaction(uri) as connection:
        take_lock(connection, LOCK)
        trials = _trials(connection, market, [strategy for strategy, _ in tried])
        new = connection.execute(load_sql("backtest_runs/insert_run"), row).fetchone()
        if new is None:
            held = connection.execute(load_sql("backtest_runs/select_run"), {"run_key": key}).fetchone()
            assert held is not None  # noqa: S101  # under the lock nobody takes it away
            return int(held["id"]), False
        run_id = int(new["id"])
        results = [
            _result(run_id, trial, o)
            for trial, (_, all_of) in zip(trials, tried, strict=True)
            for o in all_of
        ]
        copy_in(connection, "backtest_results", pd.DataFrame(results))
        if curves:
            for trial, (_, all_of) in zip(trials, tried, strict=True):
                keys = {"run_id": run_id, "trial_id": trial}
                copy_in(connection, "backtest_equity", pd.concat([_curve(o) for o in all_of]).assign(**keys))
                trades = pd.concat([o.trades for o in all_of], ignore_index=True)
                trades["number"] = np.arange(1, len(trades) + 1)
                copy_in(connection, "backtest_trades", trades.assign(**keys))
    return run_id, True


def _trials(connection: Connection, market: Market, strategies: Sequence[BaseStrategy]) -> list[int]:
    """Count the configurations as tried, and return their ids in their order."""
    rows = [
        {"strategy": s.name, "strategy_class": class_path(type(s)), "parameters": s.parameters()}
        for s in strategies
    ]
    asked = {"rows": json_text(rows), "universe": universe_name(market.symbols)}
    found = connection.execute(load_sql("strategy_trials/upsert_trials"), asked).fetchall()
    # The database writes 20.0 as it was given, but compares 20 and 20.0 as one number: so do dicts.
    return [
        next(int(r["id"]) for r in found if (r["strategy_class"], r["parameters"]) == (
            row["strategy_class"], row["parameters"]
        ))
        for row in rows
    ]  # fmt: skip


def _result(run_id: int, trial: int, outcome: Outcome) -> dict[str, Any]:
    measures = {name: value if math.isfinite(value) else math.nan for name, value in outcome.measures.items()}
    return {"run_id": run_id, "trial_id": trial, "symbol": outcome.symbol, "scenario": "",
            "sessions": len(outcome.sessions), **measures}  # fmt: skip


def _curve(outcome: Outcome) -> pd.DataFrame:
    return pd.DataFrame({
        "symbol": outcome.symbol,
        "scenario": "",
        "date": outcome.sessions.astype("datetime64[s]"),
        "equity_usd": outcome.equity,
        "cash_usd": outcome.cash,
    })  # fmt: skip


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has no NaN: a rule that is off is null."""
    return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in values.items()}


def _day(stamp: np.datetime64) -> dt.date:
    day: dt.date = stamp.astype("datetime64[D]").item()
    return day
