"""The benchmark of each session: BENCHMARK's own return, or that of the equal-weight universe."""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from data_layer.storage.database import Connection, load_sql
from data_layer.storage.merge import Mode, merge
from models.backtest.benchmark import equal_weight_returns, single_returns
from models.errors import ConfigError
from models.panel import Panel
from plugins.stages.context import Context
from plugins.stages.knowledge import members_as_of, span_as_of, stable_views
from plugins.stages.runs import completed_sessions

EQUAL_WEIGHT = "equal-weight universe"
# The longest the exchange was ever closed between two sessions is a week, in 2001; a named instrument without bars for
# longer is not known any more.
REACH = dt.timedelta(days=15)
Figures = tuple[float, float, int]  # return at the close, at the open, symbols counted


def store_benchmarks(connection: Connection, context: Context, until: dt.date) -> int:
    """Write the benchmark of each session up to one that has none yet; when verifying, compare the window's.

    A session that has a report keeps the benchmark of that report; others take the one set now.
    """
    ready = [s for s in completed_sessions(connection, "model_execution") if s <= until]
    held = {row["session_date"]: row["name"] for row in _stored(connection, dt.date.min, until)}
    due = [s for s in context.sessions if s in held] if context.recomputes else [s for s in ready if s not in held]
    if not due:
        return 0
    rows = connection.execute(load_sql("performance_reports/select_benchmarks"), {"sessions": due})
    reported = {row["report_date"]: row["benchmark"] for row in rows}
    names: dict[str, list[dt.date]] = defaultdict(list)
    for session in due:
        named = held.get(session) or (reported.get(session) or {}).get("name")
        names[named or context.settings.benchmark or EQUAL_WEIGHT].append(session)
    found = [row for name, days in names.items() for row in _returns(connection, context, name, days)]
    frame = pd.DataFrame(found)
    mode: Mode = "verify" if context.recomputes else "insert"
    return merge(connection, "benchmark_returns", frame, key=("session_date",), mode=mode,
                 stage=context.stage).inserted  # fmt: skip


def benchmark_facts(
    connection: Connection, context: Context, sessions: Sequence[dt.date]
) -> dict[dt.date, dict[str, Any]]:
    """Return what the report of each session says of its benchmark.

    Returns:
        By session: name; session_return (total return over the session before, fraction; None where no earlier
        price is known, see ``single_returns``); total_return (compounded since the session named by since, the first
        with this benchmark); members: how many symbols count. A session reported before there were benchmarks has no
        entry.
    """
    rows = connection.execute(load_sql("performance_reports/select_benchmarks"), {"sessions": list(sessions)})
    reports = {row["report_date"]: row["benchmark"] for row in rows}
    found: dict[dt.date, dict[str, Any]] = {}
    span = (min(sessions), max(sessions)) if sessions else (dt.date.max, dt.date.min)
    for row in _stored(connection, *span):
        session = row["session_date"]
        if session in set(sessions) and reports.get(session, row):
            found[session] = {
                "name": row["name"], "session_return": row["close_return"], "members": row["members"]
            }  # fmt: skip
    for session in sorted(found):
        before = max((s for s in (*reports, *found) if s < session), default=None)
        last = (found.get(before) or reports.get(before)) if before else None
        goes_on = last is not None and last["name"] == found[session]["name"]
        grown = (1.0 + (last["total_return"] if last and goes_on else 0.0)) * (
            1.0 + (found[session]["session_return"] or 0.0)
        )
        found[session] |= {
            "total_return": grown - 1.0,
            "since": last["since"] if last and goes_on else str(session),
        }
    return found


def _stored(connection: Connection, first: dt.date, last: dt.date) -> list[dict[str, Any]]:
    span = {"first": first, "last": last}
    return connection.execute(load_sql("benchmark_returns/select_returns"), span).fetchall()


def _returns(
    connection: Connection, context: Context, name: str, sessions: Sequence[dt.date]
) -> list[dict[str, Any]]:
    """Return the rows of benchmark_returns of some sessions, of one benchmark."""
    cutoffs = completed_sessions(connection, "model_execution")
    members = members_as_of(connection, sessions, cutoffs) if name == EQUAL_WEIGHT else {}
    found: list[dict[str, Any]] = []
    for view in stable_views(connection, sessions, cutoffs):
        bars = span_as_of(context.uri, view[0] - REACH, view[-1], cutoffs[view[-1]])
        panel = Panel.from_frame(bars, ("close", "open", "return_step"))
        if name == EQUAL_WEIGHT:
            figures = _of_members(panel, members)
        elif name in panel.symbols:
            figures = _of_symbol(bars[bars["symbol"] == name], sorted({*_days(panel), *view}))
        elif context.settings.benchmark == name and not _is_held(connection, name):
            raise ConfigError(
                "no bars of the benchmark", stage=context.stage, key="BENCHMARK", value=name,
                remedy="load its bars too, or leave it empty for the equal-weight universe",
            )  # fmt: skip
        else:
            figures = {}
        for session in view:
            close, opened, count = figures.get(session, (math.nan, math.nan, 0))
            found.append({
                "session_date": session, "name": name, "members": count,
                "close_return": None if math.isnan(close) else close,
                "open_return": None if math.isnan(opened) else opened,
            })  # fmt: skip
    return found


def _of_members(panel: Panel, members: Mapping[dt.date, Container[str]]) -> dict[dt.date, Figures]:
    """Return the mean of each session's members; one without a bar there or at the session before is left out."""
    days = _days(panel)
    counted = np.array([[s in members.get(day, ()) for s in panel.symbols] for day in days], dtype=np.bool_)
    counted = counted.reshape(panel.shape)
    closes, number = equal_weight_returns(panel["close"], panel["return_step"], counted)
    opens, _ = equal_weight_returns(panel["open"], panel["return_step"], counted)
    return dict(zip(days, zip(closes.tolist(), opens.tolist(), number.tolist(), strict=True), strict=True))


def _of_symbol(bars: pd.DataFrame, days: Sequence[dt.date]) -> dict[dt.date, Figures]:
    """Return the named instrument's returns; the number is 0 where its return rests on no bar of the session."""
    panel = Panel.from_frame(bars, ("close", "open", "return_step"), sessions=days)
    close, opened, steps = (panel[name][:, 0] for name in ("close", "open", "return_step"))
    closes, opens = (single_returns(days, prices, steps, REACH) for prices in (close, opened))
    number = np.isfinite(closes) & np.isfinite(close)
    return dict(zip(days, zip(closes.tolist(), opens.tolist(), number.astype(int).tolist(), strict=True), strict=True))


def _days(panel: Panel) -> list[dt.date]:
    return [day.astype(dt.date) for day in panel.sessions]


def _is_held(connection: Connection, symbol: str) -> bool:
    return connection.execute(load_sql("market_data/select_any"), {"symbol": symbol}).fetchone() is not None
