"""The benchmark of each session's report: BENCHMARK's own return, or that of the equal-weight universe."""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from data_layer.storage.database import Connection, load_sql
from models.backtest.benchmark import equal_weight_returns
from models.errors import ConfigError
from models.panel import Panel
from plugins.stages.context import Context
from plugins.stages.knowledge import bars_as_of, members_as_of, stable_views
from plugins.stages.runs import completed_sessions

EQUAL_WEIGHT = "equal-weight universe"


def benchmark_facts(
    connection: Connection, context: Context, sessions: Sequence[dt.date]
) -> dict[dt.date, dict[str, Any]]:
    """Return what the report of each session says of its benchmark.

    A session that has a report keeps the benchmark of that report; others take the one set now.

    Returns:
        By session: name; session_return (total return over the session before, fraction; None where there is no bar
        to compare); total_return (compounded since the session named by since, the first with this benchmark);
        members: how many symbols count. A session reported before there were benchmarks has no entry.
    """
    rows = connection.execute(load_sql("performance_reports/select_benchmarks"), {"sessions": list(sessions)})
    stored = {row["report_date"]: row["benchmark"] for row in rows}
    names: dict[str, list[dt.date]] = defaultdict(list)
    for session in sessions:
        if session not in stored:
            names[context.settings.benchmark or EQUAL_WEIGHT].append(session)
        elif stored[session]:
            names[stored[session]["name"]].append(session)
    found: dict[dt.date, dict[str, Any]] = {}
    for name, days in names.items():
        found |= _returns(connection, context, name, days)
    for session in sorted(found):
        before = max((s for s in (*stored, *found) if s < session), default=None)
        last = (found.get(before) or stored.get(before)) if before else None
        goes_on = last is not None and last["name"] == found[session]["name"]
        grown = (1.0 + (last["total_return"] if last and goes_on else 0.0)) * (
            1.0 + (found[session]["session_return"] or 0.0)
        )
        found[session] |= {
            "total_return": grown - 1.0,
            "since": last["since"] if last and goes_on else str(session),
        }
    return found


def _returns(
    connection: Connection, context: Context, name: str, sessions: Sequence[dt.date]
) -> dict[dt.date, dict[str, Any]]:
    cutoffs = completed_sessions(connection, "model_execution")
    members = members_as_of(connection, sessions, cutoffs) if name == EQUAL_WEIGHT else {}
    found: dict[dt.date, dict[str, Any]] = {}
    for view in stable_views(connection, sessions, cutoffs):
        bars = bars_as_of(context.uri, view[-1], cutoffs[view[-1]])
        bars["total"] = bars["close"] * bars["return_factor"]
        panel = Panel.from_frame(bars, ("total",))
        days = [day.astype(dt.date) for day in panel.sessions]
        counted = np.zeros(panel.shape, dtype=np.bool_)
        if name == EQUAL_WEIGHT:
            for t, day in enumerate(days):
                if day in members:
                    counted[t] = [symbol in members[day] for symbol in panel.symbols]
        elif name in panel.symbols:
            counted[:, panel.symbols.index(name)] = True
        elif context.settings.benchmark == name and not _is_held(connection, name):
            raise ConfigError(
                "no bars of the benchmark", stage=context.stage, key="BENCHMARK", value=name,
                remedy="load its bars too, or leave it empty for the equal-weight universe",
            )  # fmt: skip
        returns, number = equal_weight_returns(panel["total"], counted)
        figures = dict(zip(days, zip(returns.tolist(), number.tolist(), strict=True), strict=True))
        for session in view:
            value, count = figures.get(session, (math.nan, 0))
            found[session] = {
                "name": name,
                "session_return": None if math.isnan(value) else value,
                "members": count,
            }
    return found


def _is_held(connection: Connection, symbol: str) -> bool:
    return connection.execute(load_sql("market_data/select_any"), {"symbol": symbol}).fetchone() is not None
