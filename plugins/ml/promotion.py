"""Whether a version may be used: the gate's evidence from the database, and the decision that is stored."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from data_layer.storage.artifacts import ArtifactStore
from data_layer.storage.database import Connection, transaction
from data_layer.storage.registry import Beside, Row, decide, find_version, promoted_version
from data_layer.storage.training import find_run, stored_folds, trials_of
from models.errors import ConfigError
from models.ml.base import Finding
from models.ml.gate import NOTHING_IN_USE, Check, Comparison, judge, middle


def promote(
    uri: str, store: ArtifactStore, version_id: int, *, by: str, waiver: tuple[str, str] | None = None,
    beside: Beside | None = None,
) -> tuple[str, list[Check]]:  # fmt: skip
    """Judge a version against the one in use, and promote it or refuse to.

    Args:
        uri: trainer's connection URI.
        store: holds the artifact.
        version_id: model_versions.id.
        by: who asks.
        waiver: name and reason of whoever promotes it although the gate refuses.
        beside: writes what must stand or fall with the decision, in its transaction.

    Returns:
        "promoted", "waived" or "refused", and what the gate looked at.

    Raises:
        ConfigError: for an unknown version, or a waiver without a name or a reason.
        DataQualityError: when its artifact is missing or not the one registered.
        BlockedError: when another version was promoted meanwhile.
    """
    if waiver is not None and not all(part.strip() for part in waiver):
        raise ConfigError("a waiver needs a name and a reason", stage="registry", key="WAIVER", value=waiver[0],
                          remedy='write WAIVER="A. Person" REASON="why it may run all the same"')  # fmt: skip
    with transaction(uri) as connection:
        version = find_version(connection, version_id)
        current = promoted_version(connection, version["family"])
        checks = evidence(connection, version, current, find_run(connection, version["training_run_id"]))
    rows = [check.row() for check in checks]
    replacing = current["id"] if current else None
    return decide(uri, store, version, replacing, rows, by=by, waiver=waiver, beside=beside), checks


def evidence(connection: Connection, version: Row, current: Row | None, run: Row) -> list[Check]:
    """Return what the gate finds, from what training stored and the trials counted by now."""
    folds = stored_folds(connection, run["id"])
    trials, sharpes = trials_of(connection, version["family"])
    findings = None if run["findings"] is None else [Finding(**finding) for finding in run["findings"]]
    return judge(
        numbers(folds, "sharpe_ratio"), numbers(folds, "win_rate"),
        [value for fold in folds for value in fold["daily_returns"]],
        trials=trials, trial_sharpes=sharpes, findings=findings,
        comparison=compare(connection, version, current, folds, run["compared_with"]),
    )  # fmt: skip


def numbers(folds: Sequence[Row], name: str) -> list[float]:
    """Return a measure of each fold, NaN where it is undefined."""
    return [math.nan if fold[name] is None else float(fold[name]) for fold in folds]


def compare(
    connection: Connection, version: Row, current: Row | None, folds: Sequence[Row], compared_with: int | None
) -> Comparison:
    """Return how the version in use did on the candidate's folds.

    A candidate of the same configuration that learnt from later data is a refresh: on the same folds it does the
    same, and its later data is the reason to take it. Otherwise the configuration in use was run on these test windows
    during training, or its own training had the same ones on the same data; else nothing is known.
    """
    if current is None or current["id"] == version["id"]:
        return NOTHING_IN_USE
    what = f"version {current['version']} in use"
    runs = [find_run(connection, v["training_run_id"]) for v in (version, current)]
    if same_configuration(*runs) and version["seen_until"] > current["seen_until"]:
        own = middle(numbers(folds, "sharpe_ratio"))
        return Comparison(True, own, True, f"refresh of {what}, with data until {version['seen_until']}")
    run = version["training_run_id"]
    theirs: list[Row] = []
    if compared_with == current["id"]:
        theirs = stored_folds(connection, run, "promoted")
    if not theirs and runs[0]["data_version"] == runs[1]["data_version"]:
        theirs = stored_folds(connection, current["training_run_id"])
    if [_span(f) for f in theirs] != [_span(f) for f in folds]:
        return Comparison(False, math.nan, False, f"{what} was never run on these folds: train again")
    own = middle(numbers(theirs, "sharpe_ratio"))
    return Comparison(True, own, False, f"must be better than {what} on the same folds")


def same_configuration(run: Row, other: Row) -> bool:
    """Return whether two trainings differ in their data alone: what a trial is counted by is equal."""
    names = ("family", "parameters", "feature_set", "feature_set_version", "folds", "seed")
    symbols, others = (set(row["asked"]["symbols"]) for row in (run, other))
    return all(run[name] == other[name] for name in names) and symbols == others


def _span(fold: Row) -> tuple[Any, ...]:
    return fold["fold"], fold["test_start"], fold["test_end"]
