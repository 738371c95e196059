"""The quality gate: may anybody decide on the data of these sessions?"""

from __future__ import annotations

import dataclasses
import datetime as dt

import pandas as pd

from data_layer.quality.coverage import Verdict, judge_facts
from data_layer.quality.expectations import batches, import_ahead, validate
from data_layer.quality.facts import quarantined_of, read_facts
from data_layer.quality.findings import (
    GATE_CHECKS,
    find_all,
    read_checked,
    sentence,
    standing_findings,
    store_findings,
)
from data_layer.quality.thresholds import load_thresholds
from data_layer.sessions import last_closed, session_from
from data_layer.sources.ordered import OrderedSources
from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, load_sql
from data_layer.storage.vwaps import find_outside
from plugins.stages.context import Context

# A session's report names this many findings; on a crash there are dozens, and the table has them all.
NAMED = 20


def judge(connection: Connection, context: Context, source: OrderedSources, instruments: pd.DataFrame) -> Verdict:
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
    run_id, first, last = context.request.run_id, context.sessions[0], context.sessions[-1]
    spans = instruments[["symbol", "active_from", "active_to"]].to_dict("records")
    rows = [{str(name): value for name, value in row.items()} for row in spans]
    expected = expected_session(context, source)
    facts, newest = read_facts(connection, run_id, context.sessions, rows, expected)
    verdict = judge_facts(facts, limits.gate)
    seen = {"run_id": run_id, "last_batch_id": newest, "start": first, "end": last}
    judged = connection.execute(load_sql("data_quality_results/select_judged"), seen).fetchone()
    if not (judged or {})["judged"]:
        importing = import_ahead()
        bars, actions = read_checked(context.uri, first, last)
        found = find_all(bars, actions, facts, limits.cross_checks, limits.gate)
        found += find_outside(connection, first, last)
        store_findings(connection, found, first, last, run_id)
        day = bars[bars["date"] == pd.Timestamp(last)]
        importing.join()
        results = [dataclasses.asdict(r) for r in validate(batches(facts, day, limits.gate), limits.gate)]
        connection.execute(
            load_sql("data_quality_results/upsert_results"), {**seen, "rows": json_text(results)}
        )
    _warn_of_findings(connection, verdict, first, last)
    for on, symbol, reason in quarantined_of(connection, run_id, "actions"):
        if on is not None:
            verdict.warn(session_from(on), f"corporate action of {symbol} on {on} in quarantine: {reason}")
    return verdict


def expected_session(context: Context, source: OrderedSources) -> dt.date:
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
