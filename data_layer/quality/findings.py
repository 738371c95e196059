"""Findings in their table: judged afresh for a range of sessions, kept, and marked when they no longer hold."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from data_layer.quality.coverage import Facts, is_bare
from data_layer.quality.cross_checks import LOOKBACK, cross_checks
from data_layer.quality.thresholds import CrossChecks, Gate
from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, load_sql, read_frame

GATE_CHECKS = frozenset({"missing_bar", "coverage", "freshness"})


def read_checked(uri: str, first: dt.date, last: dt.date) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the bars of these sessions with the few before them that the checks look at, and the actions.

    Args:
        uri: connection URI; the read sees what was committed before it.
        first: first session.
        last: last session.
    """
    # One bar more than the checks look at: an action on the very first bar would have nothing before it.
    parameters = {"start": first, "end": last, "before": LOOKBACK + 1}
    bars = read_frame(uri, load_sql("market_data/select_for_checks"), parameters)
    since = bars["date"].min().date() if len(bars) else first
    span = {"start": since, "end": last}
    return bars, read_frame(uri, load_sql("corporate_actions/select_for_checks"), span)


def find_all(
    bars: pd.DataFrame, actions: pd.DataFrame, facts: Facts, limits: CrossChecks, gate: Gate
) -> list[Mapping[str, Any]]:
    """Return what is odd about these sessions: cross-row findings, missing bars, thin or late sessions.

    Args:
        bars: see read_checked.
        actions: see read_checked.
        facts: without what has been accepted.
        limits: thresholds of the cross-row checks.
        gate: thresholds of the gate.
    """
    odd = cross_checks(bars, actions, limits, facts.sessions[0].session)
    found: list[Mapping[str, Any]] = [
        {str(name): value for name, value in row.items()} for row in odd.to_dict("records")
    ]
    for at in facts.sessions:
        found += [
            _of_session(at.session, "missing_bar", "suspect", {"expected": at.expected}, symbol)
            for symbol in at.missing
        ]
        if len(at.missing) > gate.missing_allowed(at.expected) or is_bare(at):
            short = {"expected": at.expected, "missing": len(at.missing)}
            found.append(_of_session(at.session, "coverage", "defect", short))
    if facts.behind:
        severity = "defect" if facts.behind > gate.sessions_behind else "suspect"
        late = {"expected_last": str(facts.expected_last), "sessions_behind": facts.behind}
        found.append(_of_session(facts.sessions[-1].session, "freshness", severity, late))
    return found


def _of_session(
    day: dt.date, check: str, severity: str, detail: Mapping[str, Any], symbol: str = ""
) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "session_date": day,
        "check_name": check,
        "severity": severity,
        "seen_on": day,
        "detail": detail,
    }


def store_findings(
    connection: Connection, found: Sequence[Mapping[str, Any]], first: dt.date, last: dt.date, run_id: str
) -> None:
    """Write what was found for these sessions; what was found before and is not any more is resolved."""
    parameters = {"rows": json_text(list(found)), "run_id": run_id, "start": first, "end": last}
    connection.execute(load_sql("quality_findings/upsert_findings"), parameters)
    connection.execute(load_sql("quality_findings/update_resolved"), parameters)


def standing_findings(connection: Connection, first: dt.date, last: dt.date) -> list[dict[str, Any]]:
    """Return the findings that could be known at these sessions and still hold, by session and symbol."""
    span = {"start": first, "end": last}
    return connection.execute(load_sql("quality_findings/select_standing"), span).fetchall()


def sentence(finding: Mapping[str, Any]) -> str:
    """Return a finding as one line."""
    values = ", ".join(f"{name} {value}" for name, value in finding["detail"].items())
    name = str(finding["check_name"]).replace("_", " ")
    return f"{name} of {finding['symbol']} on {finding['session_date']} ({finding['severity']}): {values}"
