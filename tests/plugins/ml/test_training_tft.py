"""The TFT from bars to stored predictions, by the real steps: dataset, folds, leakage checks, version, daily run."""

from __future__ import annotations

from data_layer.storage.database import transaction
from data_layer.storage.registry import find_version, load_artifact
from models.ml.trainers.tft import Tft
from plugins.ml.promotion import promote
from tests.plugins.ml.conftest import WAIVER
from tests.support.chain import query, run_stage


def test_a_tft_is_trained_judged_promoted_and_predicts(workshop):
    parameters = "hidden=4 heads=1 encoder=8 epochs=1 dropout=0"
    version_id = workshop.train("tft", MODEL="tft", FOLDS="2", TRAIN_MONTHS="6", END="2005-09-30",
                                PARAMETERS=parameters)  # fmt: skip
    (run,) = workshop.rows("SELECT * FROM training_runs WHERE family = 'tft'")
    assert run["findings"] == [], run["findings"]
    folds = workshop.rows("SELECT * FROM walk_forward_results WHERE training_run_id = %(run)s", run=run["id"])
    assert len(folds) == 2 and all(f["n"] > 0 for f in folds)
    uri = workshop.database.trainer
    with transaction(uri) as connection:
        version = find_version(connection, version_id)
    content, metadata = load_artifact(uri, workshop.store, version)
    assert version["artifact_format"] == "onnx" and content[:1] == b"\x08"
    assert set(metadata["reference"]["features"]) == set(Tft.features)
    assert metadata["encoders"]["sectors"] == ["Communication Services", "Information Technology"]
    decision, _ = promote(uri, workshop.store, version_id, by="tester", waiver=WAIVER)
    assert decision == "waived"
    query(workshop.database.owner, "UPDATE models SET is_active = (model_name = 'tft') RETURNING id")
    run_stage(workshop.database.writer, workshop.settings, "model_execution")
    found = workshop.rows("SELECT min(session_date) AS first, count(DISTINCT symbol) AS n FROM predictions")
    assert found[0]["first"] == version["seen_until"] and found[0]["n"] == 3
    crossed = workshop.rows("SELECT count(*) AS n FROM predictions WHERE NOT (q10 <= q50 AND q50 <= q90)")
    assert crossed[0]["n"] == 0
