"""MLflow: every run with its folds, importances and artifact; when it does not answer, training goes on and says so."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from data_layer.model_settings import ModelSettings, tracking_uri
from data_layer.settings import ROOT
from data_layer.storage.registry import stored_at
from models.ml.base import Artifact
from plugins.ml.tracking import track
from tests.support.versions import OF_VERSIONS


@pytest.fixture
def facts(workshop):
    (run,) = workshop.rows("SELECT * FROM training_runs")
    folds = workshop.rows("SELECT * FROM walk_forward_results ORDER BY fold")
    (version,) = workshop.rows("SELECT * FROM model_versions")
    content, metadata = workshop.store.read(stored_at(version))
    return run, folds, Artifact("lightgbm_text", content, metadata), version


def test_a_run_is_tracked_in_the_home_and_holds_no_secret(workshop, facts, tmp_path):
    run, folds, artifact, version = facts
    settings = replace(workshop.settings, almanac_home=tmp_path, models=ModelSettings())
    told = track(workshop.database.trainer, settings, run, folds, artifact, version)
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri(settings.models, tmp_path))
    found = client.get_run(told["tracking_run"])
    assert found.info.status == "FINISHED"
    assert (found.data.params["rounds"], found.data.params["count"]) == ("5", "3")
    assert found.data.tags["artifact_sha256"] == version["artifact_sha256"]
    steps = [(m.step, m.value) for m in client.get_metric_history(told["tracking_run"], "rank_ic")]
    assert steps == [(f["fold"], f["rank_ic"]) for f in folds]
    names = {f.path for f in client.list_artifacts(told["tracking_run"])}
    assert names == {"importances.json", "metadata.json", "model.txt"}
    (model,) = (tmp_path / "mlflow").rglob("model.txt")
    assert model.read_bytes() == artifact.content
    secret = workshop.database.server.home.secret("postgres_quant_trainer").encode()
    assert all(secret not in path.read_bytes() for path in (tmp_path / "mlflow").rglob("*") if path.is_file())


def test_a_server_that_does_not_answer_stops_nothing_and_is_not_overlooked(workshop, facts, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    settings = replace(workshop.settings, models=ModelSettings("", "http://127.0.0.1:1"))
    told = track(workshop.database.trainer, settings, *facts)
    assert "tracking_run" not in told and "127.0.0.1" in told["tracking_error"]
    (alert,) = workshop.rows(f"SELECT * FROM alerts WHERE closed_at IS NULL AND {OF_VERSIONS}")
    assert alert["kind"] == "tracking_failed" and "training 1" in alert["message"]


def test_nothing_imports_mlflow_before_it_tracks():
    code = "import sys, plugins.ml.training, plugins.stages.signals, plugins.ml.manage; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"mlflow", "lightgbm", "torch", "onnxruntime"} & set(done.stdout.split())
