"""Figures for Prometheus, in its text format. Each is read from the tables when it is asked for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse

from data_layer.sessions import sessions_between
from data_layer.settings import load_settings
from plugins.dag_defaults import last_due
from plugins.stages.context import CHAIN
from plugins.web.reading import rows

router = APIRouter(tags=["status"])
TEXT = "text/plain; version=0.0.4; charset=utf-8"
EPOCH = 719_163  # 1970-01-01 as date.toordinal counts
# A week of fills: one order's bad print does not decide, and a broker that has turned bad shows within days.
EXECUTION_SESSIONS = 5
# The newest session and a month before it, which says what confidence is usual.
CONFIDENCE_SESSIONS = 21

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Family:
    """One metric: a column of what a statement gives; the label columns say whose, NULL makes no sample."""

    name: str
    said: str
    statement: str
    labels: tuple[str, ...]
    column: str
    kind: Literal["gauge", "counter"] = "gauge"


STAGE, ACCOUNT, BATCH, MODEL = ("stage",), ("account",), ("kind", "source"), ("model",)
HEALTH, BEHIND, SECONDS = "api/select_health", "metrics/count_behind", "metrics/select_stage_seconds"
ACCOUNTS, ORDERS, ROWS = "metrics/select_accounts", "metrics/count_orders", "metrics/count_rows"
CONFIDENCE, DRIFT = "metrics/select_confidence", "metrics/select_drift"
DRIFTED = ("model", "version", "measure")
FAMILIES = (
    Family("almanac_stage_failed", "1 when the newest attempt after the last completed session failed",
           HEALTH, STAGE, "failed"),
    Family("almanac_stage_last_session_days", "Last completed session, days since 1970-01-01", HEALTH, STAGE, "days"),
    Family("almanac_stage_age_seconds", "Seconds since that session was completed", HEALTH, STAGE, "age"),
    Family("almanac_stage_duration_seconds", "From the begin of the run that completed it until then",
           SECONDS, STAGE, "seconds"),
    Family("almanac_sessions_behind", "Sessions the stage before has completed and this one has not; of the first, "
           "sessions that were due at a live source", BEHIND, STAGE, "sessions"),
    Family("almanac_rows_received_total", "Rows that vendors sent", ROWS, BATCH, "received", "counter"),
    Family("almanac_rows_accepted_total", "Of them, rows stored", ROWS, BATCH, "accepted", "counter"),
    Family("almanac_rows_duplicate_total", "Of them, rows held already", ROWS, BATCH, "duplicates", "counter"),
    Family("almanac_rows_quarantined_total", "Of them, rows put aside", ROWS, BATCH, "quarantined", "counter"),
    Family("almanac_quarantine_undecided_rows", "Rows put aside that nobody has decided about",
           "metrics/count_undecided", (), "undecided"),
    Family("almanac_signals", "Signals of the newest session", "metrics/count_signals", ("model", "side"), "signals"),
    Family("almanac_signal_confidence_median", "Median confidence of the newest session's long and short signals",
           CONFIDENCE, MODEL, "median"),
    Family("almanac_signal_confidence_usual", "Median of that figure over the 20 sessions before",
           CONFIDENCE, MODEL, "usual"),
    Family("almanac_orders", "Orders of the newest session decided, and older ones that are open",
           ORDERS, ("account", "state"), "orders"),
    Family("almanac_account_open_orders", "Orders that are out or wait to be sent", ACCOUNTS, ACCOUNT, "open_orders"),
    Family("almanac_account_unknown_orders", "Orders nobody knows the fate of", ACCOUNTS, ACCOUNT, "unknown_orders"),
    Family("almanac_account_equity_usd", "Equity at the last booked close", ACCOUNTS, ACCOUNT, "equity_usd"),
    Family("almanac_account_drawdown_ratio", "Fall below the highest value since the kill switch was armed",
           ACCOUNTS, ACCOUNT, "drawdown"),
    Family("almanac_account_session_loss_ratio", "Fall since the close before; a gain is negative",
           ACCOUNTS, ACCOUNT, "session_loss"),
    Family("almanac_account_slippage_bps", "Fills against the open, by value, last 5 booked sessions",
           ACCOUNTS, ACCOUNT, "slippage_bps"),
    Family("almanac_broker_error_ratio", "Share of sent orders refused or not answered for, last 5 booked sessions",
           ACCOUNTS, ACCOUNT, "error_ratio"),
    Family("almanac_kill_switch_latched", "1 while nothing may be ordered", ACCOUNTS, ACCOUNT, "latched"),
    Family("almanac_risk_limit", "Threshold that holds for all symbols", "metrics/select_limits",
           ("limit",), "threshold"),
    Family("almanac_model_drift", "Worst value of the newest session measured", DRIFT, DRIFTED, "worst"),
    Family("almanac_model_drift_breaches", "Values beyond their threshold in it", DRIFT, DRIFTED, "breaches"),
    Family("almanac_out_of_sample_sharpe", "Sharpe ratio a year; signals: last 252 sessions; walk_forward: its folds",
           "metrics/select_sharpe", ("model", "measured"), "sharpe"),
    Family("almanac_open_alerts", "Alerts that are open", "api/count_alerts", ("severity",), "alerts"),
)  # fmt: skip


@router.get("/metrics", response_class=PlainTextResponse)
def metrics(request: Request) -> PlainTextResponse:
    """Give what Prometheus watches: stages, rows, signals, orders, the account, models, limits and alerts."""
    now = request.state.came_at
    stages = {"stages": list(CHAIN)}
    asked: dict[str, dict[str, Any]] = {
        HEALTH: stages, BEHIND: stages, SECONDS: stages, ACCOUNTS: {"sessions": EXECUTION_SESSIONS},
        CONFIDENCE: {"sessions": CONFIDENCE_SESSIONS},
    }  # fmt: skip
    found: dict[str, list[Any]] = {
        statement: rows(statement, **asked.get(statement, {}))
        for statement in {f.statement for f in FAMILIES}
    }
    found[BEHIND] = [*_ingestion_behind(found[HEALTH], now), *found[BEHIND]]
    found[HEALTH] = [_health(stage, now) for stage in found[HEALTH]]
    return PlainTextResponse("".join(_text(f, found[f.statement]) for f in FAMILIES), media_type=TEXT)


def _health(stage: Row, now: dt.datetime) -> Row:
    last = stage["last_session"]
    return {
        "stage": stage["stage"],
        "failed": int(stage["failed_session"] is not None),
        "days": last.toordinal() - EPOCH if last else None,
        "age": (now - stage["completed_at"]).total_seconds() if last else None,
    }


def _ingestion_behind(stages: Iterable[Row], now: dt.datetime) -> list[Row]:
    """Return how many due sessions the first stage lacks; nothing for finished history, where none is ever due."""
    settings = load_settings()
    last = next(s["last_session"] for s in stages if s["stage"] == CHAIN[0])
    after = last + dt.timedelta(days=1) if last else settings.start
    if settings.is_static or after is None:
        return []
    return [{"stage": CHAIN[0], "sessions": len(sessions_between(after, last_due(now)))}]


def _text(family: Family, found: Iterable[Row]) -> str:
    lines = [f"# HELP {family.name} {family.said}", f"# TYPE {family.name} {family.kind}"]
    for row in found:
        if row[family.column] is not None:
            inside = ",".join(f'{label}="{_escaped(row[label])}"' for label in family.labels)
            lines.append(f"{family.name}{{{inside}}} {row[family.column]}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
