"""The rows of what was decided: ensemble signals, decisions, what was known of the account's fall."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from operator import attrgetter
from typing import Any, cast

import numpy as np
import pandas as pd

from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, load_sql
from data_layer.storage.kill_switch import note_by_itself
from data_layer.storage.merge import Mode, merge
from models.ensemble import Blend
from models.records import RiskDecision
from models.risk.checks import CheckColumn, Checks
from models.risk.latch import Watch
from plugins.stages.trading_state import Pass, State, Watched

BLEND_KEY, WATCH_KEY = ("session_date", "symbol"), ("account_id", "session_date")
SIDES = np.array(["short", "flat", "long"], dtype=object)


def load_watch(connection: Connection, account: str, session: dt.date, state: State) -> None:
    """Give the state what was known of the account's fall, and of its holdings' age, at a close."""
    key = {"account_id": account, "session": session}
    row = connection.execute(load_sql("risk_snapshots/select_watch"), key).fetchone()
    if row is not None:
        state.watch = Watch(**{f.name: row[f.name] for f in fields(Watch)})
        state.held = {symbol: (side, count) for symbol, (side, count) in row["held_sessions"].items()}


def blend_rows(done: Pass) -> pd.DataFrame:
    """Return the ensemble signals of a pass."""
    blends = [(session, blend) for session, blend in done.blends if blend.symbols]
    return pd.DataFrame(_signal_columns(blends)) if blends else pd.DataFrame(columns=list(BLEND_KEY))


def write_blends(
    connection: Connection, frame: pd.DataFrame, sessions: Sequence[dt.date], mode: Mode, stage: str
) -> int:
    """Write (or, in verify, compare) the ensemble signals; returns rows inserted."""
    if frame.empty and mode != "verify":
        return 0
    scope: dict[str, Sequence[Any]] = {"session_date": list(sessions)}
    merged = merge(
        connection, "ensemble_signals", frame, key=BLEND_KEY, mode=mode, scope=scope, by_scope=True, stage=stage
    )
    return merged.inserted


def watched_rows(done: Pass) -> pd.DataFrame:
    """Return what a pass knew of the account's fall at each close."""
    rows = [_watched_row(done.account, w) for w in done.watched]
    return pd.DataFrame(rows, columns=None if rows else list(WATCH_KEY))


def write_watched(
    connection: Connection, frame: pd.DataFrame, done: Pass, sessions: Sequence[dt.date], mode: Mode, stage: str
) -> int:
    """Write (or compare) what was known of the account's fall, and latch its switch when it latched by itself."""
    scope: dict[str, Sequence[Any]] = {"account_id": [done.account], "session_date": list(sessions)}
    inserted = 0
    if len(frame) or mode == "verify":
        merged = merge(
            connection, "risk_snapshots", frame, key=WATCH_KEY, mode=mode, scope=scope, by_scope=True, stage=stage
        )
        inserted = merged.inserted
    if mode == "insert":
        note_by_itself(connection, done.account, (
            {"session_date": w.session_date, "action": w.watch.event, "reason": w.watch.reason, "cause": w.watch.cause}
            for w in done.watched if w.watch.event
        ))  # fmt: skip
    return inserted


def decision_columns(decisions: Sequence[RiskDecision]) -> dict[str, Sequence[Any]]:
    """Return decisions as columns of their table, the checks as JSON."""
    known: dict[int, list[bytes]] = {}  # by session: the columns of its checks are one object
    checks = []
    for decision in decisions:
        found = cast("Checks", decision.checks)
        texts = known.get(id(found.columns))
        if texts is None:
            texts = known[id(found.columns)] = _check_texts(found.columns)
        checks.append(texts[found.row])
    names = [f.name for f in fields(RiskDecision) if f.name != "checks"]
    return {**columns_of(decisions, names), "checks": checks}


def columns_of(records: Sequence[Any], names: Sequence[str]) -> dict[str, Sequence[Any]]:
    """Return the named fields of records, each as a column."""
    return {name: list(map(attrgetter(name), records)) for name in names}


def _check_texts(columns: Sequence[CheckColumn]) -> list[bytes]:
    """Return every change's checks as JSON, written limit by limit: what is the same for all is written once."""
    parts = []
    for column in columns:
        head = json_text(column.limit)
        words = {reason: json_text(reason) for reason in set(column.reason)}
        limits = {threshold: json_text(threshold) for threshold in set(column.threshold)}
        values = {value: json_text(value) for value in set(column.value)}
        parts.append([
            f'{{"limit": {head}, "value": {values[v]}, "threshold": {limits[t]}, "allowed_quantity": {a}, '
            f'"reason": {words[r]}}}'
            for v, t, a, r in zip(column.value, column.threshold, column.allowed_quantity, column.reason, strict=True)
        ])  # fmt: skip
    return [f"[{', '.join(row)}]".encode() for row in zip(*parts, strict=True)]


def _signal_columns(blends: Sequence[tuple[dt.date, Blend]]) -> dict[str, Any]:
    counts = [len(blend.symbols) for _, blend in blends]

    def joined(name: str) -> Any:
        return np.concatenate([getattr(blend, name) for _, blend in blends])

    def each(values: Iterator[Any]) -> list[Any]:
        return [value for value, count in zip(values, counts, strict=True) for _ in range(count)]

    days = np.array([session for session, _ in blends], dtype="datetime64[s]")
    return {
        "session_date": np.repeat(days, counts),
        "symbol": [s for _, blend in blends for s in blend.symbols],
        "side": SIDES[joined("side") + 1],
        "score": joined("score"),
        "confidence": joined("confidence"),
        "published": joined("published"),
        "regime": each(blend.regime or None for _, blend in blends),
        "leading_model": [name for _, blend in blends for name in blend.leading],
        "members": [m for _, blend in blends for m in blend.members],
        "missing": each(list(blend.missing) for _, blend in blends),
    }


def _watched_row(account: str, watched: Watched) -> dict[str, Any]:
    return {
        "account_id": account,
        "session_date": watched.session_date,
        **asdict(watched.watch),
        "kill_switch": watched.kill_switch,
        "held_sessions": {symbol: list(held) for symbol, held in sorted(watched.held.items())},
    }
