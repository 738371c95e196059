"""model_execution: register strategies, run each on the stored features, publish their signals together."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from psycopg import sql

from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, load_sql, read_frame, take_lock, transaction
from data_layer.storage.merge import merge
from models.errors import BlockedError, ConfigError, DataQualityError
from models.strategies.base import BaseStrategy, Panel, signals_frame
from models.strategies.discovery import class_path, discover_strategies, load_strategy
from plugins.stages.context import CHAIN, Context
from plugins.stages.runs import complete_sessions, completed_sessions, mark_stale, record_failure

RUN_COLUMNS = ("model_id", "session_date", "model_version", "parameters", "symbols_scored")
SIGNAL_COLUMNS = (
    "model_id", "symbol", "session_date", "side", "score", "confidence", "expected_return", "position_size",
    "stop_loss",
)  # fmt: skip


class Signals:
    """The steps of model_execution for one run; each may run twice and die anywhere."""

    # A new model starts with all of history, whether or not a session is due.
    ALWAYS: ClassVar[frozenset[str]] = frozenset(
        {"register_models", "load_registered_models", "execute_strategies", "store_trading_signals", "log_model_metrics"}
    )

    def __init__(self, context: Context):
        self.context = context

    def register_models(self) -> Mapping[str, Any]:
        """Insert newly found strategies; what a user set in models stays.

        A file that is no strategy hides no other; log_model_metrics fails on it once the others have run.
        """
        found = discover_strategies()
        rows = [
            {"model_name": name, "model_version": cls.version, "strategy_class": class_path(cls),
             "parameters": cls().parameters()}
            for name, cls in found.classes.items()
        ]  # fmt: skip
        with transaction(self.context.uri) as connection:
            take_lock(connection, self.context.stage)
            changed = connection.execute(load_sql("models/upsert_models"), {"rows": json_text(rows)}).rowcount
        return self.context.say("models registered", found=len(rows), changed=changed, broken=len(found.failures))

    def load_registered_models(self) -> list[int]:
        """Return the ids of the active models, one task each."""
        with transaction(self.context.uri) as connection:
            ids = [row["id"] for row in connection.execute(load_sql("models/select_active"))]
        self.context.say("models loaded", active=len(ids))
        return ids

    def fetch_latest_features(self) -> Mapping[str, Any]:
        """Refuse to go on when a session due has no features."""
        with transaction(self.context.uri) as connection:
            ready = completed_sessions(connection, "feature_engineering")
            missing = [s for s in self.context.sessions if s not in ready]
        if missing:
            raise DataQualityError("no features for a session due", stage=self.context.stage, key="session",
                                   value=str(missing[0]), remedy="run feature_engineering for it")  # fmt: skip
        return self.context.say("features found", sessions=len(self.context.sessions))

    def execute_strategies(self, model_id: int) -> Mapping[str, Any]:
        """Run one model on its sessions due and hand its signals over to store_trading_signals."""
        with transaction(self.context.uri) as connection:
            model = connection.execute(load_sql("models/select_model"), {"id": model_id}).fetchone()
            if model is None:
                raise ConfigError("no such model", stage=self.context.stage, key="model_id", value=model_id,
                                  remedy="see table models")  # fmt: skip
            sessions = self._sessions_of(connection, model["model_name"])
        try:
            signals = self._run(model, sessions)
        except Exception as error:
            record_failure(self.context, sessions, error, model=model["model_name"])
            raise
        return self.context.say(f"{model['model_name']} executed", sessions=len(sessions), signals=signals)

    def store_trading_signals(self) -> Mapping[str, Any]:
        """Publish what the models of this run handed over, in one transaction, and complete the sessions.

        Raises:
            BlockedError: when there are active models and none of them could run.
        """
        context = self.context
        with transaction(context.uri) as connection:
            take_lock(connection, context.stage)
            ran = connection.execute(load_sql("pending_signals/select_models"), self._run_id).fetchall()
            active = connection.execute(load_sql("models/select_active")).fetchall()
            open_sessions = set(context.sessions) - set(completed_sessions(connection, context.stage))
            if context.window.mode == "catch_up" and open_sessions and active and not ran:
                raise BlockedError("no active model could run", stage=context.stage, key="models",
                                   value=len(active), remedy="see the failed execute_strategies tasks")  # fmt: skip
            counts = self._publish(connection)
            details = connection.execute(load_sql("model_runs/select_details"), self._run_id).fetchall()
            cutoffs = completed_sessions(connection, "feature_engineering")
            if context.window.mode not in {"verify", "restate"}:
                for model in ran:
                    of_model = {r["session_date"]: {"rows": r["rows"]} for r in details if r["id"] == model["id"]}
                    complete_sessions(connection, context, cutoffs, of_model, model=model["model_name"])
                self._complete_stage(connection, cutoffs)
            for table in ("pending_signals", "pending_model_runs"):
                connection.execute(load_sql(f"{table}/delete_run"), self._run_id)
        return context.say("signals stored", models=len(ran), **counts)

    def log_model_metrics(self) -> Mapping[str, Any]:
        """Log each model's counts; fail when a model or a strategy file did."""
        with transaction(self.context.uri) as connection:
            for row in connection.execute(load_sql("model_runs/select_summary")):
                self.context.say(
                    f"model {row['model_name']}", sessions=row["sessions"], last_session=row["last_session"],
                    long=row["signals_long"], short=row["signals_short"], flat=row["signals_flat"],
                )  # fmt: skip
            failed = connection.execute(load_sql("stage_runs/select_failed_models"), self._run_id).fetchall()
        errors = [f"{file}: {error}" for file, error in discover_strategies().failures.items()]
        errors += [f"{row['model']}: {row['error']}" for row in failed]
        if errors:
            raise BlockedError(f"{len(errors)} strategies could not run, the others did: {'; '.join(errors)}",
                               stage=self.context.stage, key="strategies", value=len(errors),
                               remedy="mend the files; their next run catches up")  # fmt: skip
        return self.context.say("metrics logged")

    @property
    def _run_id(self) -> dict[str, Any]:
        return {"run_id": self.context.request.run_id, "stage": self.context.stage}

    def _sessions_of(self, connection: Connection, model: str) -> list[dt.date]:
        """Return the sessions to run a model on: a new model starts with all of history."""
        window = self.context.window
        done = completed_sessions(connection, self.context.stage, model)
        if window.mode in {"verify", "restate"}:
            return [s for s in window.sessions if s in done]
        last = window.sessions[-1] if window.sessions else max(
            completed_sessions(connection, self.context.stage), default=None)  # fmt: skip
        ready = completed_sessions(connection, "feature_engineering")
        return [s for s in ready if last and s <= last and s not in done]

    def _run(self, model: Mapping[str, Any], sessions: Sequence[dt.date]) -> int:
        """Score the sessions and hand the rows over; verifying uses the parameters each session ran with."""
        keys = {"model_id": model["id"], "run_id": self.context.request.run_id}
        with transaction(self.context.uri) as connection:
            cutoffs = completed_sessions(connection, "feature_engineering")
            used: dict[str, list[dt.date]] = {json_text(model["parameters"]): list(sessions)}
            if self.context.window.mode == "verify":
                used = {}
                past = {"model_id": model["id"], "sessions": list(sessions)}
                for row in connection.execute(load_sql("model_runs/select_parameters"), past):
                    used.setdefault(json_text(row["parameters"]), []).append(row["session_date"])
        runs, rows = [], []
        for parameters, days in used.items():
            strategy = load_strategy(model["strategy_class"], json.loads(parameters))
            if days:
                scored, found = self._score(strategy, days)
                rows.append(found.assign(**keys))
                runs.append(
                    pd.DataFrame({"session_date": days, "symbols_scored": scored}).assign(
                        model_version=strategy.version,
                        parameters=[strategy.parameters()] * len(days),
                        known_at=[cutoffs[s] for s in days],
                        **keys,
                    )
                )
        with transaction(self.context.uri) as connection:
            for table, frames, key in (("pending_model_runs", runs, ()), ("pending_signals", rows, ("symbol",))):
                connection.execute(load_sql(f"{table}/delete_model"), keys)
                if frames:
                    merge(connection, table, pd.concat(frames, ignore_index=True), key=(*keys, "session_date", *key))
        return sum(map(len, rows))

    def _score(self, strategy: BaseStrategy, days: Sequence[dt.date]) -> tuple[np.ndarray, pd.DataFrame]:
        """Return, for these sessions, how many symbols have a score and the signal rows."""
        panel = self._panel(strategy, days[-1])
        scores = strategy.score(panel)
        rows = signals_frame(panel, scores)
        due = pd.DatetimeIndex(list(days))
        rows = rows[rows["session_date"].isin(due.astype(rows["session_date"].dtype))]
        if self.context.window.symbols:
            rows = rows[rows["symbol"].isin(self.context.window.symbols)]
        counts = pd.Series((~np.isnan(scores.score)).sum(axis=1), index=pd.DatetimeIndex(panel.sessions))
        return counts.reindex(due.astype(counts.index.dtype), fill_value=0).to_numpy(), rows

    def _panel(self, strategy: BaseStrategy, last: dt.date) -> Panel:
        """Read the strategy's features of every session up to the last: a rule may remember all of them."""
        with transaction(self.context.uri) as connection:
            sets: dict[str, list[str]] = {}
            for row in connection.execute(load_sql("feature_definitions/select_sets"), {"names": list(strategy.features)}):
                sets.setdefault(row["feature_set"], []).append(row["name"])
            found = {name for names in sets.values() for name in names}
            missing = [name for name in strategy.features if name not in found]
            if missing:
                raise ConfigError(f"{strategy.name} reads a feature nobody computes", stage=self.context.stage,
                                  key="features", value=missing[0], remedy="see feature_definitions")  # fmt: skip
            queries = [
                sql.SQL("SELECT symbol, date, {} FROM {} WHERE date <= %(last)s::date ORDER BY date, symbol")
                .format(sql.SQL(", ").join(map(sql.Identifier, names)), sql.Identifier(f"features_{feature_set}"))
                .as_string(connection)
                for feature_set, names in sets.items()
            ]  # fmt: skip
        frames = [read_frame(self.context.uri, query, {"last": last}) for query in queries]
        joined = reduce(lambda a, b: a.merge(b, on=["symbol", "date"], how="outer"), frames)
        return Panel.from_frame(joined, strategy.features)

    def _publish(self, connection: Connection) -> dict[str, int]:
        context = self.context
        runs = pd.DataFrame(
            connection.execute(load_sql("pending_signals/select_runs"), self._run_id).fetchall(),
            columns=[*RUN_COLUMNS, "signals_long", "signals_short", "signals_flat", "mean_confidence"],
        )
        if runs.empty:
            return {"written": 0}
        scope = {"model_id": sorted(set(runs["model_id"])), "session_date": sorted(set(runs["session_date"]))}
        # A run limited to some symbols has only part of a session's counts: its model_runs row stays.
        if not context.window.symbols:
            merge(connection, "model_runs", runs, key=("model_id", "session_date"), stage=context.stage,
                  mode="verify" if context.window.mode == "verify" else "insert")  # fmt: skip
        rows = pd.DataFrame(
            connection.execute(load_sql("pending_signals/select_signals"), self._run_id).fetchall(),
            columns=["model_run_id", *SIGNAL_COLUMNS],
        )
        if context.window.symbols:
            scope["symbol"] = list(context.window.symbols)
        merged = merge(connection, "signals", rows, key=("model_id", "symbol", "session_date"),
                       mode=context.merge_mode, scope=scope, history="signals_history", stage=context.stage)  # fmt: skip
        if merged.restated:
            mark_stale(connection, context.sessions[0], f"signals restated since {context.sessions[0]}", CHAIN[3:])
        return {"written": merged.inserted, "unchanged": merged.unchanged, "restated": merged.restated}

    def _complete_stage(self, connection: Connection, cutoffs: Mapping[dt.date, dt.datetime]) -> None:
        if not self.context.sessions:
            return
        span = {"sessions": list(self.context.sessions)}
        found = {r["session_date"]: r for r in connection.execute(load_sql("model_runs/select_by_session"), span)}
        details = {
            s: {"rows": found[s]["rows"], "models": found[s]["models"]} if s in found else {"rows": 0, "models": []}
            for s in self.context.sessions
        }
        complete_sessions(connection, self.context, cutoffs, details)
