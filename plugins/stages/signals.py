"""model_execution: register strategies, run each on the stored features, publish their signals together."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pandas as pd

from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, load_sql, take_lock, transaction
from data_layer.storage.merge import merge
from models.errors import BlockedError, ConfigError, DataQualityError, RetryableError
from models.strategies.discovery import class_path, discover_strategies, load_strategy
from plugins.stages import predictions
from plugins.stages.context import CHAIN, Context
from plugins.stages.runs import (
    clear_stale,
    complete_sessions,
    completed_sessions,
    mark_stale,
    move_cutoffs,
    record_failure,
    sessions_of_model,
)

RUN_COLUMNS = (
    "model_id", "session_date", "model_version", "parameters", "symbols_scored", "signals_long",
    "signals_short", "signals_flat", "mean_confidence", "model_version_id", "waiver",
)  # fmt: skip
SIGNAL_COLUMNS = (
    "model_run_id", "model_id", "symbol", "session_date", "side", "score", "confidence", "expected_return",
    "position_size", "stop_loss", "take_profit", "trailing_stop_usd",
)  # fmt: skip


class Signals:
    """The steps of model_execution for one run; each may run twice and die anywhere."""

    # A new model starts with all of history, whether or not a session is due.
    ALWAYS: ClassVar[frozenset[str]] = frozenset((
        "register_models", "load_registered_models", "execute_strategies", "store_trading_signals",
        "log_model_metrics",
    ))  # fmt: skip

    def __init__(self, context: Context):
        self.context = context
        self._run_key = {"run_id": context.request.run_id, "stage": context.stage}

    def register_models(self) -> Mapping[str, Any]:
        """Insert newly found strategies, and show new parameters of known ones; what a user set in models stays.

        A file that is no strategy hides no other; log_model_metrics fails on it once the others have run.
        """
        found = discover_strategies()
        rows = [
            {"model_name": name, "model_version": cls.version, "strategy_class": class_path(cls),
             "parameters": cls().parameters(), "is_active": cls.starts_active}
            for name, cls in found.classes.items()
        ]  # fmt: skip
        with transaction(self.context.uri) as connection:
            take_lock(connection, self.context.stage)
            changed = sum(
                connection.execute(load_sql(statement), {"rows": json_text(rows)}).rowcount
                for statement in ("models/upsert_models", "models/update_from_class")
            )
            predictions.pin_families(connection, self.context.request.run_id, found.classes)
        counts = {"found": len(rows), "changed": changed, "broken": len(found.failures)}
        return self.context.say("models registered", **counts)

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
            raise DataQualityError(
                "no features for a session due", stage=self.context.stage, key="session",
                value=str(missing[0]), remedy="run feature_engineering for it",
            )  # fmt: skip
        return self.context.say("features found", sessions=len(self.context.sessions))

    def execute_strategies(self, model_id: int) -> Mapping[str, Any]:
        """Run one model on its sessions due and hand its signals over to store_trading_signals.

        One that reads the others' predictions has its turn there, when all the others have been scored.
        """
        with transaction(self.context.uri) as connection:
            model = connection.execute(load_sql("models/select_model"), {"id": model_id}).fetchone()
        if model is None:
            raise ConfigError("no such model", stage=self.context.stage, key="model_id", value=model_id,
                              remedy="see table models")  # fmt: skip
        if predictions.reads_predictions(model):
            return self.context.say(f"{model['model_name']} waits for the others' predictions")
        return self._execute(model)

    def _execute(self, model: Mapping[str, Any]) -> Mapping[str, Any]:
        with transaction(self.context.uri) as connection:
            sessions = self._due(connection, model["model_name"])
        try:
            signals = self._run(model, sessions) if sessions else 0
        except BlockedError as error:
            if self.context.recomputes:
                raise
            return predictions.record_blocked(self.context, model["model_name"], sessions, error)
        except Exception as error:
            record_failure(self.context, sessions, error, model=model["model_name"])
            raise
        return self.context.say(f"{model['model_name']} executed", sessions=len(sessions), signals=signals)

    def store_trading_signals(self) -> Mapping[str, Any]:
        """Run the models that read predictions; publish what all handed over, in one transaction; complete sessions.

        One of those that fails is reported by log_model_metrics, like any other.

        Raises:
            BlockedError: when no active model could run; when one could not compute its past sessions again.
        """
        context = self.context
        predictions.run_readers(context, self._execute)
        with transaction(context.uri) as connection:
            take_lock(connection, context.stage)
            ran = connection.execute(load_sql("pending_signals/select_models"), self._run_key).fetchall()
            self._refuse_silence(connection, {model["id"] for model in ran})
            if not context.recomputes:  # what another run has published meanwhile stays as it is
                connection.execute(load_sql("pending_model_runs/delete_done"), self._run_key)
            counts = self._publish(connection)
            counts["predictions"] = predictions.publish_predictions(connection, context, self._run_key)
            if not context.recomputes:
                self._complete(connection, ran)
        return context.say("signals stored", models=len(ran), **counts)

    def log_model_metrics(self) -> Mapping[str, Any]:
        """Log each model's counts; fail when a model is behind or a strategy file is broken.

        Raises:
            BlockedError: names each file and model with its error.
        """
        with transaction(self.context.uri) as connection:
            connection.execute(load_sql("pending_signals/delete_run"), self._run_key)
            connection.execute(load_sql("pending_model_runs/delete_run"), self._run_key)
            predictions.forget(connection, self._run_key)
            for row in connection.execute(load_sql("model_runs/select_summary")):
                self.context.say(
                    f"model {row['model_name']}", sessions=row["sessions"], last_session=row["last_session"],
                    long=row["signals_long"], short=row["signals_short"], flat=row["signals_flat"],
                )  # fmt: skip
            behind = [] if self.context.recomputes else self._behind(connection)
        errors = [f"{file}: {error}" for file, error in discover_strategies().failures.items()] + behind
        if errors:
            raise BlockedError(f"{len(errors)} strategies could not run, the others did: {'; '.join(errors)}",
                               stage=self.context.stage, key="strategies", value=len(errors),
                               remedy="mend the files; their next run catches up")  # fmt: skip
        return self.context.say("metrics logged")

    def _due(self, connection: Connection, model: str) -> list[dt.date]:
        ready = completed_sessions(connection, "feature_engineering")
        return sessions_of_model(connection, self.context, model, ready)

    def _behind(self, connection: Connection) -> list[str]:
        """Return, for each active model that has not done its sessions and is not blocked, its error in this run."""
        rows = connection.execute(load_sql("stage_runs/select_failed_models"), self._run_key).fetchall()
        failed = {row["model"]: row["error"] for row in rows}
        blocked = {row["model"] for row in rows if row["status"] == "blocked"}
        active = [row["model_name"] for row in connection.execute(load_sql("models/select_active"))]
        return [
            f"{name}: {failed.get(name, 'its task came to no end, see its log')}"
            for name in active
            if name not in blocked and self._due(connection, name)
        ]

    def _run(self, model: Mapping[str, Any], sessions: Sequence[dt.date]) -> int:
        """Score the sessions and hand the rows over."""
        context, keys = self.context, {"model_id": model["id"], "run_id": self.context.request.run_id}
        with transaction(context.uri) as connection:
            cutoffs = completed_sessions(connection, "feature_engineering")
            groups = self._parameters(connection, model, sessions)
        runs, rows, foretold = [], [], []
        for (parameters, version), days in groups.items():
            strategy = load_strategy(model["strategy_class"], json.loads(parameters))
            scored, found, said = predictions.score_model(context, model["id"], strategy, version, days, cutoffs)
            foretold.append(said)
            scored["model_version"] = strategy.version
            scored["parameters"] = pd.Series([strategy.parameters()] * len(days), dtype=object)
            scored["known_at"] = [cutoffs[s] for s in days]
            runs.append(scored.assign(**keys))
            wanted = found["symbol"].isin(context.window.symbols) if context.window.symbols else slice(None)
            rows.append(found.loc[wanted].assign(**keys))
        with transaction(context.uri) as connection:
            take_lock(connection, context.stage, model["model_name"])
            connection.execute(load_sql("pending_signals/delete_model"), keys)
            connection.execute(load_sql("pending_model_runs/delete_model"), keys)
            key = (*keys, "session_date")
            merge(connection, "pending_model_runs", pd.concat(runs, ignore_index=True), key=key)
            merge(connection, "pending_signals", pd.concat(rows, ignore_index=True), key=(*key, "symbol"))
            predictions.hand_over(connection, model["model_name"], keys, pd.concat(foretold, ignore_index=True))
        return sum(map(len, rows))

    def _parameters(
        self, connection: Connection, model: Mapping[str, Any], sessions: Sequence[dt.date]
    ) -> dict[tuple[str, int | None], list[dt.date]]:
        """Return sessions by the parameters (JSON) and version to use: what is set now (None), or what they ran with.

        Only a restatement of whole sessions takes what is set now; one of some symbols stays with what the
        other symbols of the session rest on.
        """
        window = self.context.window
        if window.mode not in {"verify", "replay"} and not window.symbols:
            return {(json_text(model["parameters"]), None): list(sessions)}
        used: dict[tuple[str, int | None], list[dt.date]] = {}
        past = {"model_id": model["id"], "sessions": list(sessions)}
        for row in connection.execute(load_sql("model_runs/select_parameters"), past):
            key = json_text(row["parameters"]), row["model_version_id"]
            used.setdefault(key, []).append(row["session_date"])
        return used

    def _refuse_silence(self, connection: Connection, ran: set[int]) -> None:
        context = self.context
        active = connection.execute(load_sql("models/select_active")).fetchall()
        silent = [
            m["model_name"] for m in active if m["id"] not in ran and self._due(connection, m["model_name"])
        ]
        is_open = set(context.sessions) - set(completed_sessions(connection, context.stage))
        if silent and (context.recomputes or (is_open and not ran)):
            what = (
                "a model could not be computed again" if context.recomputes else "no active model could run"
            )
            raise BlockedError(what, stage=context.stage, key="models", value=", ".join(silent),
                               remedy="see the failed execute_strategies tasks")  # fmt: skip

    def _publish(self, connection: Connection) -> dict[str, int]:
        context, window = self.context, self.context.window
        found = connection.execute(load_sql("pending_signals/select_runs"), self._run_key).fetchall()
        if not found:
            return {"written": 0}
        runs = pd.DataFrame(found, columns=list(RUN_COLUMNS))
        # Part of a session's symbols has only part of its counts; a restated run is counted anew below.
        if window.mode != "restate" and not window.symbols:
            merge(connection, "model_runs", runs, key=("model_id", "session_date"), stage=context.stage,
                  mode=context.merge_mode)  # fmt: skip
        handed_over = connection.execute(load_sql("pending_signals/select_signals"), self._run_key).fetchall()
        rows = pd.DataFrame(handed_over, columns=list(SIGNAL_COLUMNS))
        scope: dict[str, Sequence[Any]] = {
            "model_id": sorted(set(runs["model_id"])),
            "session_date": sorted(set(runs["session_date"])),
        }
        if window.symbols:
            scope["symbol"] = list(window.symbols)
        merged = merge(
            connection, "signals", rows, key=("model_id", "symbol", "session_date"), mode=context.merge_mode,
            scope=scope, history="signals_history", stage=context.stage,
        )  # fmt: skip
        if window.mode == "restate":
            self._restate_runs(connection, any((merged.inserted, merged.restated)))
        return {"written": merged.inserted, "unchanged": merged.unchanged, "restated": merged.restated}

    def _restate_runs(self, connection: Connection, signals_changed: bool) -> None:
        """Count the restated runs anew, and tell the stages after this one."""
        context, first = self.context, self.context.sessions[0]
        deciding = connection.execute(load_sql("stage_runs/select_undecided"), {"since": first}).fetchone()
        runs_changed = connection.execute(load_sql("model_runs/update_restated"), self._run_key).rowcount
        ran = connection.execute(load_sql("pending_signals/select_models"), self._run_key).fetchall()
        if not context.window.symbols:
            known = completed_sessions(connection, "feature_engineering")
            names, cutoffs = [model["model_name"] for model in ran], {s: known[s] for s in context.sessions}
            move_cutoffs(connection, context.stage, names, cutoffs)
        if not (signals_changed or runs_changed):
            return
        if deciding:  # its next task would find other scores than its last one did
            raise RetryableError("risk_execution is in the middle of a session", stage=context.stage,
                                 key="session", value=str(deciding["session_date"]),
                                 remedy="let it complete the session, then restate")  # fmt: skip
        mark_stale(connection, first, f"signals restated since {first}", CHAIN[3:])
        take_lock(connection, CHAIN[4])  # who is measuring now goes on from the old signals, and is undone below
        connection.execute(load_sql("performance_states/delete_restated"), {"models": [m["id"] for m in ran]})
        if not context.window.symbols:
            clear_stale(connection, context.stage, context.sessions)

    def _complete(self, connection: Connection, ran: Sequence[Mapping[str, Any]]) -> None:
        """Complete what each model of this run did, and the window's sessions."""
        context = self.context
        cutoffs = completed_sessions(connection, "feature_engineering")
        details = connection.execute(load_sql("model_runs/select_details"), self._run_key).fetchall()
        for model in ran:
            done = {r["session_date"]: r["detail"] for r in details if r["id"] == model["id"]}
            complete_sessions(connection, context, cutoffs, done, model=model["model_name"])
        nothing: Mapping[str, Any] = {"rows": 0, "models": []}
        span = {"sessions": list(context.sessions)}
        rows = connection.execute(load_sql("model_runs/select_by_session"), span).fetchall()
        found = {r["session_date"]: {"rows": r["rows"], "models": r["models"]} for r in rows}
        complete_sessions(connection, context, cutoffs, {s: found.get(s, nothing) for s in context.sessions})
