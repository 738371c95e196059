"""model_training: build the dataset, walk forward, evaluate, register, and promote or refuse."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from data_layer.code_version import code_version
from data_layer.settings import Settings
from data_layer.storage.artifacts import open_store
from data_layer.storage.database import transaction
from data_layer.storage.registry import Row, promoted_version, register
from data_layer.storage.training import (
    begun,
    end_begun,
    end_run,
    feature_set_version,
    find_run,
    note_run,
    open_run,
    store_folds,
    stored_folds,
)
from models.backtest.deflated import moments
from models.errors import ConfigError, DataQualityError
from models.ml.base import Artifact
from models.ml.drift import with_reference
from models.ml.gate import middle
from models.ml.walk_forward import walk_forward
from plugins.backtest.assessment_store import universe_name
from plugins.backtest.market import market_from_database
from plugins.ml.asked import Asked
from plugins.ml.labels import day_at, label_version, labels_of, members, write_labels
from plugins.ml.material import (
    Material,
    family_class,
    find_leakage,
    first_needed,
    fold_row,
    known,
    lay_folds,
    load_material,
    material_of,
    newest_window,
)
from plugins.ml.promotion import numbers, promote, same_configuration
from plugins.ml.tracking import track

CODE = ("models/ml", "data_layer/features", "plugins/ml")
MEASURES = ("ic", "rank_ic", "icir", "sharpe_ratio", "win_rate", "turnover")


class Training:
    """The steps of a training, each of which may run twice and die anywhere; ids go from one to the next.

    Args:
        uri: trainer's connection URI.
        settings: where artifacts lie and runs are tracked.
        progress: told a line now and then.
    """

    def __init__(self, uri: str, settings: Settings, progress: Callable[[str], None]):
        self.uri, self.settings, self.progress = uri, settings, progress
        self._material: Material | None = None

    def build_dataset(self, asked: Asked) -> int:
        """Settle what the run learns from, store its labels, count its configuration as tried; return its id.

        Raises:
            ConfigError: unknown family, parameter or symbol.
            DataQualityError: too little history for the folds.
        """
        try:
            return self._begin(asked)
        except BaseException as error:  # Ctrl-C too: there may be a row of the run already
            end_begun(self.uri, asked.run_key, asked.family, f"{type(error).__name__}: {error}")
            raise

    def _begin(self, asked: Asked) -> int:
        trainer = family_class(asked.family).from_parameters(asked.parameters)
        with transaction(self.uri) as connection:
            earlier = begun(connection, asked.run_key)  # another try keeps to what the first one saw
        end, cutoff = (earlier["last_session"], earlier["known_at"]) if earlier else (asked.end, None)
        market = market_from_database(self.uri, asked.symbols, asked.start, end, cutoff)
        laid = lay_folds(market, trainer, asked.shape())
        first, price, horizon = first_needed(trainer, laid), trainer.label_price, trainer.label_horizon
        member = members(self.uri, market)
        label = labels_of(market, price, horizon, member)
        with transaction(self.uri) as connection:
            set_version = feature_set_version(connection, trainer.feature_set)
        facts = {
            "run_key": asked.run_key, "family": asked.family, "parameters": trainer.parameters(),
            "folds": asked.shape(),
            "asked": {"symbols": list(asked.symbols), "start": str(asked.start) if asked.start else None},
            "seed": asked.seed, "first_session": day_at(market.sessions, market.begin),
            "last_session": day_at(market.sessions, -1), "known_at": market.known_at, "symbols": len(market.symbols),
            "rows_with_label": int(np.sum(~np.isnan(label[market.row_session >= first]))),
            "data_version": market.data_version, "label_version": label_version(market, label, first),
            "code_version": code_version(CODE), "feature_set": trainer.feature_set,
            "feature_set_version": set_version, "started_by": asked.by,
        }  # fmt: skip
        kind = f"{type(trainer).__module__}.{type(trainer).__qualname__}"
        run = open_run(self.uri, facts, universe_name(market.symbols), kind)
        labels, written = write_labels(self.uri, market, label, price, horizon, first)
        m = self._material = Material.read(self.uri, run, market, trainer, laid, member)
        span = f"{facts['first_session']} to {facts['last_session']}"
        self.progress(f"run {run['id']}: {len(m.data):,} rows of {len(m.data.symbols)} symbols, {span}; "
                      f"{labels:,} labels, {written:,} new")  # fmt: skip
        return int(run["id"])

    def run_walk_forward(self, run_id: int) -> int:
        """Train on each window, judge on the next, store every fold; return their number."""
        m = self._load(run_id)
        rows = self._walk(m)
        store_folds(self.uri, run_id, "candidate", rows)
        return len(rows)

    def evaluate(self, run_id: int) -> dict[str, Any]:
        """Run the configuration in use in the same test windows, and search for leakage; return counts."""
        m = self._load(run_id)
        with transaction(self.uri) as connection:
            own = stored_folds(connection, run_id)
            current = promoted_version(connection, m.run["family"])
            used = find_run(connection, current["training_run_id"]) if current else None
        returns = np.array([value for fold in own for value in fold["daily_returns"]], dtype=np.float64)
        facts: dict[str, Any] = {"sharpe_per_session": known(moments(returns).sharpe)}
        if current and used and not same_configuration(m.run, used):
            self.progress(f"version {current['version']} in use, in the same test windows")
            try:
                theirs = material_of(self.uri, used, m)
            except DataQualityError as error:  # the gate refuses what could not be compared
                self.progress(f"version {current['version']} in use cannot be run: {error}")
            else:
                store_folds(self.uri, run_id, "promoted", self._walk(theirs))
                facts["compared_with"] = current["id"]
        found = find_leakage(m)
        facts["findings"] = [asdict(finding) for finding in found]
        note_run(self.uri, run_id, **facts)
        for finding in found:
            self.progress(f"leakage: {finding.check}: {finding.detail}")
        return {"folds": len(own), "findings": len(found)}

    def register_version(self, run_id: int) -> int:
        """Train on the newest window and register the model as a candidate; return its id in model_versions."""
        m = self._load(run_id)
        first, last = newest_window(m)
        rows = m.data.rows_between(first, last)
        artifact = m.trainer.fit(m.data, rows, m.run["seed"], self.progress)
        artifact = with_reference(artifact, type(m.trainer), m.data, rows)
        with transaction(self.uri) as connection:
            own = stored_folds(connection, run_id)
        metrics = {name: known(middle(numbers(own, name))) for name in MEASURES} | {"folds": len(own)}
        version = register(
            self.uri, open_store(self.settings), m.run, artifact.format, artifact.content, artifact.metadata,
            metrics=metrics, trained=(day_at(m.data.sessions, first), day_at(m.data.sessions, last)),
            seen_until=day_at(m.data.sessions, last + m.trainer.reach),
        )  # fmt: skip
        self.progress(f"version {version['version']} of {version['family']} registered, id {version['id']}, "
                      f"SHA-256 {version['artifact_sha256'][:16]}")  # fmt: skip
        self._track(m.run, own, artifact, version)
        return int(version["id"])

    def promote_or_refuse(self, run_id: int) -> str:
        """Let the gate decide about the run's version, store every number; return the decision."""
        with transaction(self.uri) as connection:
            run = find_run(connection, run_id)
        if run["model_version_id"] is None:
            raise ConfigError("the run has registered no version", stage="training", key="run", value=run_id,
                              remedy="see its register_version task")  # fmt: skip
        decision, checks = promote(
            self.uri, open_store(self.settings), run["model_version_id"], by=run["started_by"]
        )
        for check in checks:
            self.progress(f"{'passed ' if check.passed else 'REFUSED'} {check.name}: {check.detail}")
        self.progress(f"version {run['model_version_id']} {decision}")
        end_run(self.uri, run)
        return decision

    def fail(self, run_id: int, error: BaseException) -> None:
        """Note why a run failed, and open an alert; what it wrote so far stays, and no version is left half."""
        with transaction(self.uri) as connection:
            run = find_run(connection, run_id)
            own = stored_folds(connection, run_id)
        end_run(self.uri, run, f"{type(error).__name__}: {error}")
        self._track(run, own, None, None, error=str(error))

    def _walk(self, m: Material) -> list[dict[str, Any]]:
        workers = len(os.sched_getaffinity(0))  # one per processor; how many there are changes no result
        results = walk_forward(m.trainer, m.data, m.folds, m.run["seed"], workers=workers, progress=self.progress)
        return [fold_row(result, m.data) for result in results]

    def _load(self, run_id: int) -> Material:
        """Return the run's material: what this process has built, or the same anew."""
        if self._material is None or self._material.run["id"] != run_id:
            with transaction(self.uri) as connection:
                run = find_run(connection, run_id)
            self._material = load_material(self.uri, run)
        return self._material

    def _track(
        self, run: Row, own: Sequence[Row], artifact: Artifact | None, version: Row | None, error: str = ""
    ) -> None:
        """Tell MLflow; that it does not answer is noted in the run and as an alert, and fails no training."""
        with transaction(self.uri) as connection:
            tracked = find_run(connection, run["id"])["tracking_run"]
        if not tracked:
            note_run(
                self.uri, run["id"], **track(self.uri, self.settings, run, own, artifact, version, error)
            )
