"""A version promoted from its page answers for any symbols and date, as the daily run would, and never looks ahead."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from data_layer.model_settings import ModelSettings
from plugins.ml import training as steps
from plugins.ml.predict import predict
from plugins.web import generating
from tests.plugins.ml.conftest import FAMILY, Workshop
from tests.support.chain import run_stage
from tests.support.prepared import change
from tests.support.versions import OF_VERSIONS, promote_tft

V1 = "/api/v1"
LAST = dt.date(2005, 12, 30)
ASKED = {"symbols": ["AAPL", "MSFT", "GOOG"], "as_of_date": "2005-12-31", "top_n": 1, "bottom_n": 1}


@pytest.fixture
def workshop(chained, small_settings, tmp_path, monkeypatch, over):
    """A home with one trained candidate, whose last sessions it has not seen."""
    settings = replace(small_settings, models=ModelSettings(str(tmp_path / "artifacts"), ""))
    monkeypatch.setattr(steps, "track", lambda *_args: {"tracking_run": "none in tests"})
    for place in ("plugins.web.generating", "plugins.web.api.actions"):
        monkeypatch.setattr(f"{place}.load_settings", lambda: settings)
    generating.loaded.cache_clear()
    over(chained)
    made = Workshop(chained, settings, [])
    made.version = made.train(END="2005-09-30")
    yield made
    generating.loaded.cache_clear()


def test_promoted_from_its_page_it_answers_as_the_daily_run(workshop, as_role):
    op = as_role("op")
    page = op.get(f"/models/{workshop.version}").text
    assert "Promote with a waiver" in page
    assert "Walk-forward folds" in page
    refused = op.post(f"{V1}/signals/generate", json=ASKED)
    assert refused.status_code == 409
    assert "promote one" in refused.json()["detail"]

    path = f"{V1}/models/versions/{workshop.version}"
    assert "refused" in op.post(f"{path}/promote", json={"reason": "let us see"}).json()["said"]
    assert op.post(f"{path}/waive", json={"reason": "it is a trial"}).json()["said"].endswith("waived.")
    version = workshop.rows("SELECT waiver_name, waiver_reason, state FROM model_versions")[0]
    assert version == {"waiver_name": "op", "waiver_reason": "it is a trial", "state": "promoted"}
    noted = workshop.rows(
        "SELECT event_type, payload ->> 'by' AS by FROM audit_events WHERE source = 'pages' ORDER BY ts"
    )
    assert noted == [{"event_type": "web.promote", "by": "op"}, {"event_type": "web.waive", "by": "op"}]
    assert "In use although the gate refused it: op: it is a trial" in op.get(f"/models/{workshop.version}").text

    before = workshop.rows("SELECT count(*) AS n FROM predictions")
    told = as_role("viewer").post(f"{V1}/signals/generate", json=ASKED).json()
    assert told["session_date"] == str(LAST)
    assert workshop.rows("SELECT count(*) AS n FROM predictions") == before
    predict(workshop.database.writer, workshop.settings, FAMILY, LAST, LAST)
    stored = workshop.rows("SELECT symbol, score FROM predictions ORDER BY score DESC")
    assert [(s["symbol"], s["score"]) for s in told["signals"]] == [(s["symbol"], s["score"]) for s in stored]
    assert [s["target_weight"] for s in told["signals"]] == [0.5, 0.0, -0.5]

    answer = as_role("viewer").post(f"{V1}/models/reload", json={"reason": "new files"})
    assert answer.status_code == 403
    reloaded = op.post(f"{V1}/models/reload", json={"reason": "new files"}).json()
    assert reloaded == [{"model": FAMILY, "version": 1, "id": workshop.version}]
    for wrong, status in (
        ({"as_of_date": "2005-09-01"}, 409), ({"as_of_date": "1999-01-01"}, 422), ({"top_n": 3}, 422),
        ({"symbols": ["a'b"]}, 422), ({"symbols": []}, 422), ({"model": "none_such"}, 422), ({"model": "tft"}, 409),
    ):  # fmt: skip
        assert op.post(f"{V1}/signals/generate", json={**ASKED, **wrong}).status_code == status, wrong
    some = op.post(f"{V1}/signals/generate", json={**ASKED, "symbols": ["AAPL", "ZZZ"], "bottom_n": 0}).json()
    assert [s["target_weight"] for s in some["signals"]] == [0.5]
    assert some["without_opinion"] == ["ZZZ"]

    artifact = next((workshop.settings.almanac_home / workshop.settings.models.artifacts).rglob("*.txt"))
    artifact.write_bytes(artifact.read_bytes() + b" ")
    spoilt = op.post(f"{V1}/models/reload", json={"reason": "new files"})
    assert spoilt.status_code == 409
    alerts = workshop.rows(f"SELECT kind FROM alerts WHERE closed_at IS NULL AND {OF_VERSIONS}")
    assert alerts == [{"kind": "artifact_refused"}]


# What the daily run stored of a model's session: its prediction of each symbol, and the weight its signal asks for.
STORED = """
    SELECT p.symbol, p.score, (array_agg(p.q50 ORDER BY p.horizon))[1] AS median,
           max(coalesce(CASE s.side WHEN 'long' THEN 1 WHEN 'short' THEN -1 ELSE 0 END * s.position_size, 0)) AS weight
    FROM predictions p JOIN model_versions v ON v.id = p.model_version_id JOIN models m ON m.model_name = v.family
    LEFT JOIN signals s ON s.model_id = m.id AND s.symbol = p.symbol AND s.session_date = p.session_date
    WHERE v.family = '{}' AND p.session_date = '{}' GROUP BY 1, 2 ORDER BY p.score DESC, p.symbol"""


def test_each_model_says_of_a_date_what_the_daily_run_has_stored(workshop, as_role):
    """One that foretells returns and one that foretells their order alone; a rule has nothing that is promoted."""
    op = as_role("op")
    assert op.post(f"{V1}/models/versions/{workshop.version}/waive", json={"reason": "a trial"}).status_code == 200
    promote_tft(workshop.database.trainer, workshop.settings, "2005-09-30")
    change(workshop.database, "UPDATE models SET is_active = true WHERE model_name = ANY(%s)", [[FAMILY, "tft"]])
    run_stage(workshop.database.writer, workshop.settings, "model_execution")
    for day, asked in (("2005-12-30", "2005-12-31"), ("2005-11-15", "2005-11-15")):
        for family in (FAMILY, "tft"):
            body = {**ASKED, "as_of_date": asked, "model": family}
            told = op.post(f"{V1}/signals/generate", json=body).json()
            stored = workshop.rows(STORED.format(family, day))
            assert told["session_date"] == day and len(stored) == 3, family
            assert [
                (s["rank"], s["symbol"], s["score"], s["predicted_return"], s["target_weight"]) for s in told["signals"]
            ] == [(n, r["symbol"], r["score"], r["median"], r["weight"]) for n, r in enumerate(stored, 1)], family
            assert [r["weight"] for r in stored] == [0.5, 0.0, -0.5]
            assert {s["predicted_return"] is None for s in told["signals"]} == {family == FAMILY}
    refused = op.post(f"{V1}/signals/generate", json={**ASKED, "model": "macd_alpha"})
    assert refused.status_code == 422 and "GET signals" in refused.json()["detail"]
    shapes = op.get(f"{V1}/openapi.json").json()["components"]["schemas"]["GeneratedSignal"]["properties"]
    described = shapes["predicted_return"]["description"]
    assert "null for" in described and FAMILY in described
