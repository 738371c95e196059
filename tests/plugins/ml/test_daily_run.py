"""Trained models in the daily chain: blocked without a version, kept to it by a run, blind to what it has learnt."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from data_layer.storage.registry import roll_back
from models.errors import BlockedError, ConfigError, DataQualityError
from plugins.ml.predict import predict
from plugins.ml.promotion import promote
from plugins.stages.context import CHAIN
from tests.plugins.ml.conftest import FAMILY, WAIVER
from tests.support.chain import STEPS, open_stage, query, run_stage, take_step
from tests.support.prepared import change, failed_checks
from tests.support.versions import OF_VERSIONS

STAGE = "model_execution"
SEEN, LAST = "2005-09-30", "2005-12-30"
PREDICTED = "SELECT DISTINCT session_date AS d FROM predictions ORDER BY 1"


@pytest.fixture
def active(workshop):
    """The model takes part in the daily run; no version is in use."""
    change(workshop.database, "UPDATE models SET is_active = true WHERE model_name = %(m)s", {"m": FAMILY})
    return workshop


@pytest.fixture
def in_use(active):
    return use(active)


def use(workshop, place=-1):
    number = workshop.rows("SELECT id FROM model_versions ORDER BY id")[place]["id"]
    promote(workshop.database.trainer, workshop.store, number, by="tester", waiver=WAIVER)
    return workshop


def run(workshop, **params):
    return run_stage(workshop.database.writer, workshop.settings, STAGE, **params)


def runs(workshop, since=SEEN):
    return workshop.rows(
        "SELECT r.* FROM model_runs r JOIN models m ON m.id = r.model_id WHERE model_name = %(m)s "
        "AND session_date >= %(since)s ORDER BY session_date", m=FAMILY, since=since)  # fmt: skip


def versions_used(workshop):
    return {row["model_version_id"] for row in runs(workshop)}


def spoil(workshop):
    (row,) = workshop.rows("SELECT * FROM model_versions WHERE state = 'promoted'")
    path = Path(workshop.settings.models.artifacts) / row["artifact_path"]
    content = path.read_bytes()
    path.write_bytes(content[:-2] + b"?\n")
    return path, content


def test_without_a_version_it_is_blocked_with_an_alert_and_the_others_run(active):
    for _ in range(2):  # it stays blocked, under one alert, and the run is no failure
        run(active)
    (row,) = active.rows("SELECT * FROM stage_runs WHERE model = %(m)s", m=FAMILY)
    assert (row["status"], str(row["session_date"])) == ("blocked", LAST)
    assert f"make train MODEL={FAMILY}" in row["detail"]["error"]
    (alert,) = active.rows("SELECT * FROM alerts WHERE kind = 'model_blocked'")
    assert (alert["kind"], alert["subject"], alert["closed_at"]) == ("model_blocked", FAMILY, None)
    others = active.rows(
        "SELECT DISTINCT model FROM stage_runs WHERE stage = %(s)s AND status = 'completed'", s=STAGE
    )
    assert len(others) == 4  # three rules and the stage itself
    assert runs(active) == [] and failed_checks(active.database.reader) == []
    use(active)
    run(active)
    assert active.rows("SELECT FROM stage_runs WHERE status = 'blocked'") == []
    assert active.rows("SELECT closed_at FROM alerts WHERE kind = 'model_blocked'")[0]["closed_at"] is not None


def test_predictions_signals_and_the_version_with_its_waiver_are_published_together(in_use):
    run(in_use)
    days = [str(r["d"]) for r in in_use.rows(PREDICTED)]
    assert days[0] == SEEN and days[-1] == LAST  # nothing about days whose future it has learnt from
    assert all(r["symbols_scored"] == 0 and r["signals_long"] == 0 for r in runs(in_use, "2004-01-01") if str(
        r["session_date"]) < SEEN)  # fmt: skip
    (version,) = in_use.rows("SELECT * FROM model_versions")
    assert versions_used(in_use) == {version["id"]}
    assert {r["waiver"] for r in runs(in_use)} == {": ".join(WAIVER)}
    sides = in_use.rows(
        "SELECT s.session_date, array_agg(s.side ORDER BY p.score) AS sides FROM signals s "
        "JOIN models m ON m.id = s.model_id JOIN predictions p USING (symbol, session_date) "
        "WHERE m.model_name = %(m)s AND side <> 'flat' GROUP BY 1",
        m=FAMILY,
    )
    assert sides and all(r["sides"] in (["short", "long"], ["short"], ["long"]) for r in sides)
    assert in_use.rows("SELECT FROM pending_predictions") == []
    assert failed_checks(in_use.database.reader) == []


def test_a_day_alone_a_batch_and_a_verification_agree_bit_for_bit(in_use):
    run(in_use)
    stored = in_use.rows("SELECT symbol, session_date, score, confidence FROM predictions ORDER BY 2, 1")
    run(in_use, start=SEEN, end=LAST)  # computes all again and compares
    run(in_use, start="2005-11-01", end="2005-11-01")
    first, last = dt.date(2005, 10, 3), dt.date(2005, 12, 30)
    done = predict(in_use.database.writer, in_use.settings, FAMILY, first, last)
    assert done["written"] == 0 and done["rows"] > 100
    change(in_use.database, "DELETE FROM predictions")
    for day in (dt.date(2005, 11, 1), dt.date(2005, 12, 30)):  # each alone
        predict(in_use.database.writer, in_use.settings, FAMILY, day, day)
    alone = in_use.rows("SELECT symbol, session_date, score, confidence FROM predictions ORDER BY 2, 1")
    assert alone and all(row in stored for row in alone)


def test_predict_says_what_it_cannot(in_use):
    uri, first, last = in_use.database.writer, dt.date(2005, 9, 1), dt.date(2005, 10, 3)
    assert predict(uri, in_use.settings, FAMILY, first, last)["skipped"] == 20  # 2005-09-01 to 09-29
    with pytest.raises(ConfigError, match="did you mean alpha158_lightgbm"):
        predict(uri, in_use.settings, "alpha158", first, last)
    with pytest.raises(ConfigError, match="no such model version"):
        predict(uri, in_use.settings, FAMILY, first, last, 99)
    with pytest.raises(ConfigError, match="no session with features"):
        predict(uri, in_use.settings, FAMILY, dt.date(2019, 1, 1), dt.date(2019, 2, 1))
    change(in_use.database, "UPDATE predictions SET score = score + 1e-9 WHERE session_date = '2005-10-03'")
    with pytest.raises(DataQualityError, match="stored rows differ"):
        predict(uri, in_use.settings, FAMILY, first, last)


def test_a_promotion_is_used_by_the_next_run_and_not_by_one_under_way(in_use):
    # As if the chain had come no further than October.
    change(in_use.database, "DELETE FROM stage_runs WHERE stage = ANY(%(s)s) AND session_date > '2005-10-31'",
           {"s": list(CHAIN[2:])})  # fmt: skip
    run(in_use, end="2005-10-31")
    old = versions_used(in_use)
    in_use.train("run 2", END=SEEN, SEED="5", PARAMETERS="rounds=4 stop_share=0 feature_share=0.3")
    stage = open_stage(in_use.database.writer, in_use.settings, STAGE, end="2005-11-15")
    take_step(stage, STEPS[STAGE][0])
    use(in_use)  # in the middle of the run
    for step in STEPS[STAGE][1:-1]:
        take_step(stage, step)
        take_step(stage, step)  # a retry
    stage.register_models()  # even the first step, taken again
    stage.log_model_metrics()
    assert versions_used(in_use) == old
    run(in_use)  # the same process, no restart
    new = versions_used(in_use) - old
    assert len(new) == 1
    assert {r["model_version_id"] for r in runs(in_use, "2005-11-16")} == new
    run(in_use, start=SEEN, end=LAST)  # each session is compared by the version it ran with
    roll_back(in_use.database.trainer, in_use.store, FAMILY, by="tester")
    before = in_use.rows("SELECT count(*) AS n FROM predictions")
    run(in_use, start="2005-12-01", end="2005-12-30", restate=True)
    assert {r["model_version_id"] for r in runs(in_use, "2005-12-01")} == old
    assert in_use.rows("SELECT count(*) AS n FROM predictions")[0]["n"] > before[0]["n"]
    assert in_use.rows("SELECT FROM model_runs_history")


def test_a_family_promoted_in_the_middle_of_a_run_waits_for_the_next(active):
    stage = open_stage(active.database.writer, active.settings, STAGE)
    take_step(stage, STEPS[STAGE][0])
    use(active)
    for step in STEPS[STAGE][1:]:
        take_step(stage, step)
    assert runs(active) == []
    run(active)
    assert len(runs(active)) > 60


def test_a_spoilt_artifact_stops_its_model_alone_and_is_mended_by_restoring_it(in_use):
    path, content = spoil(in_use)
    with pytest.raises(
        BlockedError, match=r"alpha158_lightgbm: DataQualityError.*artifact refused.*make rollback"
    ):
        run(in_use)
    kinds = {r["kind"] for r in in_use.rows(f"SELECT * FROM alerts WHERE closed_at IS NULL AND {OF_VERSIONS}")}
    assert kinds == {"artifact_refused"}
    assert in_use.rows(PREDICTED) == []
    path.unlink()
    with pytest.raises(BlockedError, match="a file that is not there"):
        run(in_use)
    path.write_bytes(content)
    run(in_use)
    assert in_use.rows(PREDICTED) and in_use.rows(f"SELECT FROM alerts WHERE closed_at IS NULL AND {OF_VERSIONS}") == []


def test_other_features_than_it_learnt_from_block_it(in_use):
    change(in_use.database, "UPDATE model_versions SET feature_set_version = 7")
    run(in_use)
    (row,) = in_use.rows("SELECT * FROM stage_runs WHERE model = %(m)s", m=FAMILY)
    assert (
        row["status"] == "blocked" and "learnt from version 7 of features alpha158" in row["detail"]["error"]
    )


def test_a_null_feature_gives_no_opinion_and_no_stale_one(in_use):
    place = query(
        in_use.database.reader, "SELECT position AS p FROM feature_definitions WHERE name = 'kmid'"
    )[0]["p"]
    change(in_use.database, f"UPDATE feature_values SET values[{place}] = 'NaN' WHERE feature_set = 'alpha158' "
           "AND symbol = 'AAPL' AND date = '2005-12-30'")  # fmt: skip
    run(in_use)
    rows = in_use.rows("SELECT symbol FROM predictions WHERE session_date = '2005-12-30' ORDER BY 1")
    assert [r["symbol"] for r in rows] == ["GOOG", "MSFT"]
    signals = in_use.rows("SELECT FROM signals s JOIN models m ON m.id = s.model_id WHERE m.model_name = %(m)s "
                          "AND symbol = 'AAPL' AND session_date = '2005-12-30'", m=FAMILY)  # fmt: skip
    assert signals == []
    (gap,) = in_use.rows("SELECT * FROM prediction_gaps")
    assert (gap["symbol"], str(gap["session_date"])) == ("AAPL", LAST)
    assert gap["reason"] == "no value of kmid"
    run(in_use, start=SEEN, end=LAST)  # gaps are compared as predictions are
    change(in_use.database, "UPDATE prediction_gaps SET reason = 'another'")
    with pytest.raises(DataQualityError, match="stored rows differ"):
        run(in_use, start=LAST, end=LAST)


def test_only_members_of_the_session_s_universe_are_predicted_and_ranked(in_use):
    """MSFT leaves after 2005-11-30, stated before; NEW belongs and has no history; the others go on."""
    known = "known_at = '2005-01-01', recorded_at = '2005-01-01'"
    change(in_use.database, "ALTER TABLE trading_universe DISABLE TRIGGER USER")
    left = f"UPDATE trading_universe SET active_to = '2005-11-30', {known} WHERE symbol = 'MSFT'"
    change(in_use.database, left)
    change(in_use.database, "INSERT INTO trading_universe (symbol, active_from, name, source, known_at) "
           "VALUES ('NEW', '2005-12-01', 'New', 'sample', '2005-01-01')")  # fmt: skip
    run(in_use)
    found = in_use.rows("SELECT symbol, min(session_date) AS a, max(session_date) AS b FROM predictions GROUP BY 1 "
                        "ORDER BY 1")  # fmt: skip
    assert [(r["symbol"], str(r["a"]), str(r["b"])) for r in found] == [
        ("AAPL", SEEN, LAST), ("GOOG", SEEN, LAST), ("MSFT", SEEN, "2005-11-30"),
    ]  # fmt: skip
    gaps = in_use.rows(
        "SELECT symbol, reason, min(session_date) AS a, count(*) AS n FROM prediction_gaps GROUP BY 1, 2"
    )
    assert [(r["symbol"], r["reason"], str(r["a"]), r["n"]) for r in gaps] == [
        ("NEW", "no features are stored for the session", "2005-12-01", 21),
    ]  # fmt: skip
    assert {r["symbols_scored"] for r in runs(in_use, "2005-12-01")} == {2}
    signals = in_use.rows("SELECT FROM signals s JOIN models m ON m.id = s.model_id WHERE m.model_name = %(m)s "
                          "AND symbol = 'MSFT' AND session_date > '2005-12-01'", m=FAMILY)  # fmt: skip
    assert signals == []
    first, last = dt.date(2005, 9, 30), dt.date(2005, 12, 30)
    done = predict(in_use.database.writer, in_use.settings, FAMILY, first, last)
    assert (done["gaps"], done["written"]) == (21, 0)


def test_reports_name_the_waiver(in_use):
    change(in_use.database, "DELETE FROM stage_runs WHERE stage = ANY(%(s)s) AND session_date >= '2005-12-29'",
           {"s": list(CHAIN[4:])})  # fmt: skip
    change(in_use.database, "DELETE FROM performance_reports WHERE report_date >= '2005-12-29'")
    run(in_use)
    run_stage(in_use.database.writer, in_use.settings, CHAIN[4])
    (report,) = in_use.rows("SELECT * FROM performance_reports WHERE report_date = '2005-12-30'")
    assert (
        f"{FAMILY} was promoted although the gate refused it, waived by {': '.join(WAIVER)}"
        in report["warnings"]
    )
