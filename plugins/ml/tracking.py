"""MLflow: every training run with its parameters, folds, importances and artifact; a server is never required."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data_layer.model_settings import tracking_folder, tracking_uri
from data_layer.runtime.environment import quiet_mlflow
from data_layer.settings import Settings
from data_layer.storage.alerts import close_alert, open_alert
from data_layer.storage.artifacts import FILES
from data_layer.storage.database import transaction
from data_layer.storage.registry import Row
from models.ml.base import Artifact

ALERT = "tracking_failed"
MEASURES = ("ic", "rank_ic", "icir", "sharpe_ratio", "win_rate", "turnover", "n")
LONGEST = 500  # characters of a parameter's text, the most MLflow takes everywhere


def track(
    uri: str, settings: Settings, run: Row, folds: Sequence[Row], artifact: Artifact | None, version: Row | None,
    error: str = "",
) -> dict[str, Any]:  # fmt: skip
    """Log a training; a failure to do so is an alert and a fact of the run, and never ends the training.

    Args:
        uri: connection URI of a role that may open alerts.
        settings: where to.
        run: row of training_runs.
        folds: its rows of walk_forward_results.
        artifact: the model; None when there is none.
        version: its row of model_versions.
        error: why the training failed.

    Returns:
        tracking_run, or tracking_error.
    """
    try:
        tracked = _log(settings, run, folds, artifact, version, error)
    except Exception as failure:  # whatever MLflow raises: its errors have no common root
        why = f"{type(failure).__name__}: {failure}"[:2000]
        with transaction(uri) as connection:
            open_alert(connection, ALERT, run["family"], f"MLflow has not all of training {run['id']}: {why}")
        return {"tracking_error": why}
    with transaction(uri) as connection:
        close_alert(connection, ALERT, run["family"])
    return {"tracking_run": tracked}


def _log(
    settings: Settings,
    run: Row,
    folds: Sequence[Row],
    artifact: Artifact | None,
    version: Row | None,
    error: str,
) -> str:
    quiet_mlflow()
    from mlflow.entities import Metric, Param, RunTag
    from mlflow.tracking import MlflowClient

    folder = tracking_folder(settings.almanac_home)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    client = MlflowClient(tracking_uri(settings.models, settings.almanac_home))
    experiment = client.get_experiment_by_name(run["family"])
    # A server knows its own place for artifacts; the local store's is a folder beside its database.
    place = None if settings.models.tracking else (folder / "artifacts" / run["family"]).as_uri()
    number = experiment.experiment_id if experiment else client.create_experiment(run["family"], place)
    tracked = client.create_run(number, run_name=f"training {run['id']}").info.run_id
    facts = {**run["parameters"], **run["folds"], "seed": run["seed"], "data_version": run["data_version"],
             "code_version": run["code_version"], "first_session": run["first_session"],
             "last_session": run["last_session"], "symbols": run["symbols"]}  # fmt: skip
    tags = {"training_run": run["id"], "known_at": run["known_at"], "started_by": run["started_by"]}
    if version:
        tags |= {"model_version": version["id"], "artifact_sha256": version["artifact_sha256"]}
    if error:
        tags["error"] = error[:LONGEST]
    at = int(run["recorded_at"].timestamp() * 1000)
    client.log_batch(
        tracked,
        metrics=[Metric(name, float(fold[name]), at, fold["fold"]) for fold in folds for name in MEASURES
                 if fold[name] is not None],
        params=[Param(key, str(value)[:LONGEST]) for key, value in facts.items()],
        tags=[RunTag(key, str(value)) for key, value in tags.items()],
    )  # fmt: skip
    if artifact:
        _log_artifact(client, tracked, artifact)
    client.set_terminated(tracked, "FAILED" if error else "FINISHED")
    return str(tracked)


def _log_artifact(client: Any, tracked: str, artifact: Artifact) -> None:
    client.log_dict(tracked, dict(artifact.metadata.get("importances", {})), "importances.json")
    client.log_dict(tracked, dict(artifact.metadata), "metadata.json")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FILES[artifact.format]
        path.write_bytes(artifact.content)
        client.log_artifact(tracked, str(path))
