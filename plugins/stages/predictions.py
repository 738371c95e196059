"""Models in model_execution that were trained: scored by the version the run keeps, or blocked with a reason."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from data_layer.storage.alerts import close_alert, open_alert
from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, load_sql, transaction
from data_layer.storage.merge import Mode, merge
from data_layer.storage.registry import Row, find_version
from models.errors import BlockedError, ConfigError, RetryableError
from models.ml.base import trainer_class
from models.ml.strategy import ModelStrategy
from models.strategies.base import SIGNAL_COLUMNS, BaseStrategy, signals_frame
from models.strategies.discovery import load_strategy
from plugins.ml.serving import (
    COLUMNS,
    foretell,
    pin_versions,
    pinned_version,
    said_and_not,
    waiver_of,
    with_version,
)
from plugins.stages.context import Context
from plugins.stages.knowledge import Renamed, renames_by_day
from plugins.stages.scoring import score_sessions

log = logging.getLogger("almanac")
ALERT = "model_blocked"
KEY = ("model_version_id", "session_date", "symbol", "horizon")


def pin_families(connection: Connection, run_id: str, classes: Mapping[str, type[BaseStrategy]]) -> None:
    """Settle which version each trained model runs with from now to the end of the run."""
    pin_versions(
        connection, run_id, (name for name, cls in classes.items() if issubclass(cls, ModelStrategy))
    )


def reads_predictions(model: Row) -> bool:
    """Return whether a row of models reads what the trained models foretell, and so has its turn after them."""
    try:
        return bool(load_strategy(model["strategy_class"], {}).predictions)
    except ConfigError:  # running it says what is wrong
        return False


def run_readers(context: Context, execute: Callable[[Row], object]) -> None:
    """Run the active models that read predictions; one that fails takes no other with it, and is found behind."""
    with transaction(context.uri) as connection:
        active = connection.execute(load_sql("models/select_active")).fetchall()
    for model in filter(reads_predictions, active):
        try:
            execute(model)
        except RetryableError:
            raise
        except Exception:
            log.exception("[model_execution] %s could not run", model["model_name"])


def score_model(
    context: Context, model_id: int, strategy: BaseStrategy, version_id: int | None, sessions: Sequence[dt.date],
    cutoffs: Mapping[dt.date, dt.datetime],
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """Score sessions with a rule, or with a trained model's version: the one asked for, else the run's own.

    Returns:
        As ``score_by_version``; a rule has no version and no predictions.

    Raises:
        BlockedError: when no version was in use as the run began.
    """
    if not isinstance(strategy, ModelStrategy):
        runs, rows = score_sessions(context.uri, strategy, sessions, cutoffs, context.request.run_id)
        return runs.assign(model_version_id=None, waiver=None), rows, pd.DataFrame()
    with transaction(context.uri) as connection:
        if version_id is None:
            version = pinned_version(connection, context.request.run_id, strategy.name)
        else:
            version = find_version(connection, version_id)
    return score_by_version(context, model_id, strategy, version, sessions, cutoffs)


def score_by_version(
    context: Context, model_id: int, strategy: ModelStrategy, version: Row, sessions: Sequence[dt.date],
    cutoffs: Mapping[dt.date, dt.datetime],
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """Score sessions with a version; it has no opinion on those whose future it has learnt from.

    Args:
        context: the run.
        model_id: models.id, whose last signals tell what turns flat.
        strategy: with its parameters.
        version: row of model_versions.
        sessions: ascending, at least one.
        cutoffs: knowledge cutoff by session.

    Returns:
        One row per session: session_date, symbols_scored, model_version_id, waiver; the signal rows; and the
        rows of predictions.

    Raises:
        BlockedError: when it learnt from other features than are stored.
        DataQualityError: when its artifact is missing or not the one registered.
    """
    loaded = with_version(context.uri, context.settings, strategy, version)
    own = trainer_class(version["family"]).from_parameters(version["parameters"])
    ahead = [session for session in sessions if session >= version["seen_until"]]
    counts = dict.fromkeys(sessions, 0)
    signals, rows = [pd.DataFrame(columns=list(SIGNAL_COLUMNS))], [pd.DataFrame(columns=list(COLUMNS))]
    for days, known, said in foretell(context.uri, loaded, ahead, cutoffs, own.memory):
        due = pd.DatetimeIndex(list(days))
        # When all is only compared, what is stored up to the day before is right, whichever version said it.
        computed = () if context.window.mode == "verify" else signals
        before = _last_scores(context.uri, model_id, days[0], known, computed)
        found = signals_frame(said.panel, said.scores, before)
        signals.append(found[found["session_date"].isin(due)])
        rows.append(said.rows(own.label_horizon))
        scored = (~np.isnan(said.scores.score)).sum(axis=1)
        told = {pd.Timestamp(day).date(): int(n) for day, n in zip(said.panel.sessions, scored, strict=True)}
        counts |= {day: told.get(day, 0) for day in days}
    runs = pd.DataFrame({"session_date": list(sessions), "symbols_scored": list(counts.values())})
    runs["model_version_id"], runs["waiver"] = version["id"], waiver_of(version)
    predictions = pd.concat(rows[1:] or rows).assign(model_version_id=version["id"])
    return runs, pd.concat(signals[1:] or signals), predictions


def _last_scores(
    uri: str, model_id: int, first: dt.date, known: Sequence[Renamed], computed: Sequence[pd.DataFrame]
) -> dict[str, float]:
    """Return each symbol's last score before a session: stored, or computed just before, under today's tickers."""
    with transaction(uri) as connection:
        asked = {"model_id": model_id, "before": first}
        rows = connection.execute(load_sql("signals/select_last_scores"), asked).fetchall()
    last = {row["symbol"]: float(row["score"]) for row in rows}
    for part in computed:
        last.update(zip(part["symbol"], part["score"].astype(float), strict=True))
    for _, names in renames_by_day(known):
        last |= {new: last.pop(old) for old, new in names.items() if old in last}
    return last


def hand_over(connection: Connection, model: str, keys: Mapping[str, Any], predictions: pd.DataFrame) -> None:
    """Put a model's predictions where store_trading_signals of the same run finds them; it is blocked no more."""
    close_alert(connection, ALERT, model)
    connection.execute(load_sql("pending_predictions/delete_model"), keys)
    if len(predictions):
        key = (*keys, "symbol", "session_date", "horizon")
        merge(connection, "pending_predictions", predictions.assign(**keys), key=key)


def publish_predictions(connection: Connection, context: Context, run_key: Mapping[str, Any]) -> int:
    """Publish what the run's models foretold, in the transaction that publishes their signals; return the rows."""
    found = connection.execute(load_sql("pending_predictions/select_rows"), run_key).fetchall()
    if not found:
        return 0
    rows = pd.DataFrame(found)
    if context.window.symbols:
        rows = rows[rows["symbol"].isin(context.window.symbols)]
    scope: dict[str, Sequence[Any]] = {name: sorted(set(rows[name])) for name in KEY[:2]}
    if context.window.symbols:
        scope["symbol"] = list(context.window.symbols)
    store_predictions(connection, rows, mode=context.merge_mode, scope=scope, stage=context.stage)
    return int(rows["score"].notna().sum())


def store_predictions(
    connection: Connection, rows: pd.DataFrame, *, stage: str, mode: Mode = "insert",
    scope: Mapping[str, Sequence[Any]] | None = None,
) -> int:  # fmt: skip
    """Bring predictions, and the reasons where there are none, into their tables; return the predictions new there."""
    said, gaps = said_and_not(rows)
    more: dict[str, Any] = {"mode": mode, "scope": scope, "stage": stage}
    merge(connection, "prediction_gaps", gaps, key=KEY[:3], history="prediction_gaps_history", **more)
    return merge(connection, "predictions", said, key=KEY, history="predictions_history", **more).inserted


def forget(connection: Connection, run_key: Mapping[str, Any]) -> None:
    """Take away what a run handed over and has published."""
    connection.execute(load_sql("pending_predictions/delete_run"), run_key)


def record_blocked(
    context: Context, model: str, sessions: Sequence[dt.date], error: BlockedError
) -> Mapping[str, Any]:
    """Record that a model may not run, with the reason and an alert; the others go on.

    Of the run's sessions, or the newest due when the run has none.
    """
    noted = sorted(set(sessions) & set(context.sessions)) or [sessions[-1]]
    detail = json_text({"error": str(error)[:2000]})
    with transaction(context.uri) as connection:
        connection.execute(load_sql("stage_runs/upsert_blocked"), {
            "stage": context.stage, "model": model, "sessions": noted, "run_id": context.request.run_id,
            "detail": detail,
        })  # fmt: skip
        open_alert(connection, ALERT, model, str(error), session=noted[-1])
    return context.say(f"{model} blocked: {error}", sessions=len(noted))
