"""The quality gate: may anybody decide on the data of these sessions?"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from typing import Any

import pandas as pd

from data_layer.quality.coverage import Facts, SessionFacts, Verdict, judge_facts, without_accepted
from data_layer.quality.expectations import batches, validate
from data_layer.quality.findings import (
    GATE_CHECKS,
    find_all,
    read_checked,
    sentence,
    standing_findings,
    store_findings,
)
from data_layer.quality.thresholds import load_thresholds
from data_layer.sessions import last_closed, session_from, sessions_between
from data_layer.sources.base import Source
from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, load_sql
from plugins.stages.context import Context

# A session's report names this many findings; on a crash there are dozens, and the table has them all.
NAMED = 20


def judge(connection: Connection, context: Context, source: Source, instruments: pd.DataFrame) -> Verdict:
    """Judge the window's data, and keep what was found and how the expectations were met.

    Judged again without a new batch since, as under the lock before the sessions are completed, only what
    people may have accepted meanwhile is weighed once more.

    Args:
        connection: writer's transaction, under the stage's lock; what was fetched must be committed.
        context: the run.
        source: where the bars come from.
        instruments: what the source has, see Source.instruments.

    Returns:
        Warnings by session, and why the run may not go on; Verdict.enforce raises it. The caller commits
        first: the evidence must outlive the refusal.
    """
    limits = load_thresholds()
    first, last = context.sessions[0], context.sessions[-1]
    fetch = _one(connection, "ingestion_batches/select_fetch", {"run_id": context.request.run_id})
    accepted = connection.execute(load_sql("session_exceptions/select_exceptions"))
    facts = without_accepted(
        _facts(connection, context, expected_session(context, source), instruments, fetch["received"]),
        {(row["session_date"], row["symbol"]) for row in accepted},
    )
    verdict = judge_facts(facts, limits.gate)
    seen = {
        "run_id": context.request.run_id,
        "last_batch_id": fetch["newest"],
        "start": first,
        "end": last,
    }
    if not _one(connection, "data_quality_results/select_judged", seen)["judged"]:
        bars, actions = read_checked(context.uri, first, last)
        found = find_all(bars, actions, facts, limits.cross_checks, limits.gate)
        store_findings(connection, found, first, last, context.request.run_id)
        results = validate(
            batches(facts, bars[bars["date"] == pd.Timestamp(last)], limits.gate), limits.gate
        )
        rows = json_text([dataclasses.asdict(result) for result in results])
        connection.execute(load_sql("data_quality_results/upsert_results"), {**seen, "rows": rows})
    _warn_of_findings(connection, verdict, first, last)
    for day, symbol, reason in _quarantined(connection, context, "actions"):
        if day is not None:
            text = f"corporate action of {symbol} on {day} in quarantine: {reason}"
            verdict.warn(session_from(day), text)
    return verdict


def expected_session(context: Context, source: Source) -> dt.date:
    """Return the newest session that a run should hold bars of.

    A run about past or named sessions expects its own last one, and so does a catch-up of a source that ends,
    for it goes up to that end. Any other expects the last session closed at its logical date, or when it
    started.
    """
    request = context.request
    named = request.logical_date
    is_day = named is not None and named.astimezone(dt.UTC).time() == dt.time(0)
    if source.is_static or context.window.mode != "catch_up" or request.params.get("end") or is_day:
        return context.sessions[-1]
    return last_closed(min(named or request.now, request.now) - source.delay)


def _facts(
    connection: Connection, context: Context, expected: dt.date, instruments: pd.DataFrame, received: int
) -> Facts:
    spans = json_text(instruments[["symbol", "active_from", "active_to"]].to_dict("records"))
    parameters = {"sessions": list(context.sessions), "rows": spans}
    days = set(context.sessions)
    bad: dict[dt.date, list[tuple[str, str]]] = {}
    homeless = []
    for day, symbol, reason in _quarantined(connection, context, "bars"):
        if day in days and day is not None:
            bad.setdefault(day, []).append((symbol, reason))
        else:
            homeless.append((day, symbol, reason))
    rows = connection.execute(load_sql("market_data/select_session_facts"), parameters)
    sessions = [SessionFacts(**row, quarantined=bad.get(row["session"], [])) for row in rows]
    held = _one(connection, "market_data/select_newest_session", {"until": expected})["date"]
    # Without any bar, all that was expected is missing.
    behind = len(sessions_between(held or context.sessions[0], expected)) - (1 if held else 0)
    return Facts(sessions, homeless, received, behind, expected)


def _warn_of_findings(connection: Connection, verdict: Verdict, first: dt.date, last: dt.date) -> None:
    by_session: dict[dt.date, list[str]] = {}
    for finding in standing_findings(connection, first, last):
        if finding["check_name"] not in GATE_CHECKS:  # of these the verdict has spoken
            by_session.setdefault(finding["seen_on"], []).append(sentence(finding))
    for day, texts in by_session.items():
        for text in texts[:NAMED]:
            verdict.warn(day, text)
        if len(texts) > NAMED:
            verdict.warn(day, f"and {len(texts) - NAMED} more in quality_findings")


def _quarantined(
    connection: Connection, context: Context, kind: str
) -> list[tuple[dt.date | None, str, str]]:
    parameters = {"run_id": context.request.run_id, "kind": kind}
    rows = connection.execute(load_sql("quarantine/select_of_run"), parameters)
    return [(row["session_date"], row["symbol"], row["reason"]) for row in rows]


def _one(connection: Connection, name: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    return connection.execute(load_sql(name), parameters).fetchone() or {}
