"""Drift of a promoted version over a chain that has run: measured once, the same day by day, alerts that close."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from data_layer.model_settings import ModelSettings
from data_layer.sessions import sessions_between
from data_layer.storage.alerts import open_alert
from data_layer.storage.artifacts import open_store
from data_layer.storage.database import read_frame, transaction
from data_layer.storage.registry import find_version, load_artifact
from models.ml.base import Artifact
from models.ml.trainers.tft import Tft
from plugins.backtest.market import market_from_database
from plugins.ml.dataset import dataset_for
from plugins.stages import model_drift
from plugins.stages.context import Context
from plugins.stages.knowledge import bars_as_of
from plugins.stages.model_drift import measure_drift
from plugins.stages.window import Request, Window
from tests.support.chain import NOW, query, run_stage
from tests.support.versions import OF_VERSIONS, promote_tft

SEEN, END = "2005-06-30", dt.date(2005, 12, 30)
DAYS = sessions_between(dt.date(2005, 6, 30), END)
SYMBOLS = ["AAPL", "GOOG", "MSFT"]


class Watch:
    """A database with a promoted version whose predictions are stored, and the step under test."""

    def __init__(self, database, settings):
        self.database, self.settings = database, settings

    def measure(self, until=END):
        context = Context(Request("performance_testing", "r", {}, None, NOW),
                          Window("catch_up", (until,)), self.settings, self.database.writer)  # fmt: skip
        return measure_drift(context)

    def rows(self, statement, **parameters):
        return query(self.database.owner, statement, parameters)

    def values(self, measure, subject):
        found = self.rows(
            "SELECT session_date, value, threshold, n, breached FROM model_drift "
            "WHERE measure = %(measure)s AND subject = %(subject)s ORDER BY 1", measure=measure, subject=subject,
        )  # fmt: skip
        return {r["session_date"]: r for r in found}

    def alerts(self):
        return {r["kind"]: r for r in self.rows("SELECT * FROM alerts WHERE kind LIKE 'model%%' ORDER BY id")}


@pytest.fixture(scope="module")
def predicted_once(small_chain, copy_database, small_settings, tmp_path_factory):
    settings = replace(small_settings, models=ModelSettings(str(tmp_path_factory.mktemp("artifacts")), ""))
    database = copy_database(small_chain.name)
    promote_tft(database.trainer, settings, SEEN)
    query(database.owner, "UPDATE models SET is_active = (model_name = 'tft') RETURNING id")
    run_stage(database.writer, settings, "model_execution")
    return Watch(database, settings)


@pytest.fixture
def watch(predicted_once, copy_database):
    return Watch(copy_database(predicted_once.database.name), predicted_once.settings)


def test_the_chain_stores_the_version_s_predictions_and_the_batch_equals_them_bit_for_bit(predicted_once):
    rows = predicted_once.rows("SELECT session_date, horizon, count(*) AS n FROM predictions GROUP BY 1, 2")
    assert {r["session_date"] for r in rows} == set(DAYS) and {r["n"] for r in rows} == {3}
    assert {r["horizon"] for r in rows} == {1, 5}
    sides = predicted_once.rows("SELECT side, count(*) AS n FROM signals s JOIN models m ON m.id = s.model_id "
                                "WHERE model_name = 'tft' GROUP BY 1")  # fmt: skip
    assert {r["side"] for r in sides} >= {"long", "short"}

    uri = predicted_once.database.trainer
    with transaction(uri) as connection:
        version = find_version(connection, 1)
    content, metadata = load_artifact(uri, open_store(predicted_once.settings), version)
    data = dataset_for(market_from_database(uri), Tft(encoder=8))
    chosen = data.rows_between(
        *np.searchsorted(data.sessions, np.array([DAYS[0], END], dtype="datetime64[D]"))
    )
    batch = Tft.predict(Artifact("onnx", content, metadata), data, chosen)
    for horizon, three in batch.quantiles.items():
        stored = read_frame(
            predicted_once.database.reader, "SELECT q10, q50, q90, score, confidence FROM predictions "
            "WHERE horizon = %(h)s::integer ORDER BY session_date, symbol", {"h": horizon},
        )  # fmt: skip
        for name, values in zip(stored, (*three, batch.score, batch.confidence), strict=True):
            assert stored[name].to_numpy().tobytes() == values.tobytes()


def test_values_are_what_a_plain_recount_gives(watch):
    assert watch.measure()["versions"] == 1
    rank_ics, means = watch.values("rank_ic", "5"), watch.values("mean_rank_ic", "5")
    assert list(rank_ics) == DAYS[:-6]  # the open after five sessions from the next one
    bars = bars_as_of(watch.database.reader, END, NOW)
    bars["price"] = bars["open"] * bars["return_factor"]
    opens = bars.pivot_table(index="date", columns="symbol", values="price")
    scores = read_frame(
        watch.database.reader, "SELECT session_date, symbol, score FROM predictions WHERE horizon = 5"
    )
    scores = scores.pivot_table(index="session_date", columns="symbol", values="score")
    plain = []
    for day in list(rank_ics):
        at = opens.index.get_loc(pd.Timestamp(day))
        came = opens.iloc[at + 6] / opens.iloc[at + 1] - 1
        expected = spearmanr(scores.loc[pd.Timestamp(day), SYMBOLS], came[SYMBOLS]).statistic
        assert rank_ics[day]["value"] == pytest.approx(expected) and rank_ics[day]["n"] == 3
        plain.append(expected)
        mean = means[day]
        assert mean["n"] == min(len(plain), 63)
        if len(plain) >= 21:
            assert mean["value"] == pytest.approx(np.mean(plain[-63:])) and mean["threshold"] == 0.0
        else:
            assert mean["value"] is None and mean["threshold"] is None
    assert max(abs(p) for p in plain) > 0.4

    features = watch.values("feature_psi", "rsi_14")
    assert list(features) == DAYS
    (stored,) = watch.rows("SELECT artifact_path FROM model_versions")
    assert stored["artifact_path"].startswith("tft/")
    day = DAYS[40]
    assert features[day]["n"] == 21 * 3 and features[day]["threshold"] > 0.2
    assert watch.values("score_psi", "score")[DAYS[0]]["n"] == 3


def test_day_by_day_equals_one_catch_up_and_again_writes_nothing(watch, predicted_once, copy_database):
    other = Watch(copy_database(predicted_once.database.name), watch.settings)
    everything = (
        "SELECT session_date, measure, subject, value, threshold, n FROM model_drift ORDER BY 1, 2, 3"
    )
    watch.measure()
    for until in (*DAYS[20:60:20], *DAYS[-4:]):
        other.measure(until)
    assert watch.rows(everything) == other.rows(everything)
    again = watch.measure()
    assert again["written"] == 0
    assert len(watch.rows(everything)) == len(DAYS) * 8 + 2 * (len(DAYS) - 6)


def test_a_long_catch_up_goes_in_parts(watch, predicted_once, copy_database, monkeypatch):
    other = Watch(copy_database(predicted_once.database.name), watch.settings)
    watch.measure()
    monkeypatch.setattr(model_drift, "AT_ONCE", 7)
    other.measure()
    statement = "SELECT session_date, measure, subject, value, threshold, n FROM model_drift ORDER BY 1, 2, 3"
    assert watch.rows(statement) == other.rows(statement)


# Every later day sees what a day of the training window, dealt by chance, saw: nothing has drifted.
SETTLE = """
WITH before AS (
    SELECT symbol, values, row_number() OVER (PARTITION BY symbol ORDER BY md5(date::text)) AS k FROM feature_values
    WHERE feature_set = 'technical' AND date BETWEEN '2004-04-01' AND '2005-06-15'
), after AS (
    SELECT symbol, date, row_number() OVER (PARTITION BY symbol ORDER BY date) AS k FROM feature_values
    WHERE feature_set = 'technical' AND date > '2005-06-15'
)
UPDATE feature_values f SET values = b.values FROM before b JOIN after a USING (symbol, k)
WHERE f.symbol = a.symbol AND f.date = a.date AND f.feature_set = 'technical' RETURNING f.date
"""


def test_a_feature_that_moves_away_opens_an_alert_that_closes_when_it_is_back(watch):
    watch.rows(SETTLE)
    position = watch.rows("SELECT position FROM feature_definitions WHERE name = 'rsi_14'")[0]["position"]
    watch.rows(
        "UPDATE feature_values SET values[%(at)s] = values[%(at)s] + 500 "
        "WHERE feature_set = 'technical' AND date BETWEEN '2005-09-01' AND '2005-09-30' RETURNING symbol",
        at=position,
    )  # fmt: skip
    watch.measure(dt.date(2005, 8, 31))
    assert "model_feature_drift" not in watch.alerts()
    watch.measure(dt.date(2005, 9, 30))
    moved = watch.values("feature_psi", "rsi_14")[dt.date(2005, 9, 30)]
    assert moved["breached"] and moved["value"] > 1.0
    alert = watch.alerts()["model_feature_drift"]
    assert alert["closed_at"] is None and "rsi_14" in alert["message"] and alert["subject"] == "tft version 1"
    assert (alert["value"], alert["threshold"]) == (moved["value"], moved["threshold"])
    watch.measure()
    assert not watch.values("feature_psi", "rsi_14")[END]["breached"]
    assert watch.alerts()["model_feature_drift"]["closed_at"] is not None


def test_a_replaced_version_warns_of_nothing_and_the_new_one_is_measured(watch):
    watch.rows(
        "UPDATE feature_values SET values = array_fill('NaN'::real, ARRAY[array_length(values, 1)]) "
        "WHERE feature_set = 'technical' AND date BETWEEN '2005-11-01' AND '2005-11-30' RETURNING 1"
    )
    watch.measure(dt.date(2005, 11, 30))
    assert watch.alerts()["model_feature_drift"]["closed_at"] is None
    new = promote_tft(watch.database.trainer, watch.settings, "2005-11-30", seed=1)
    watch.rows("UPDATE model_runs SET model_version_id = %(new)s WHERE session_date > '2005-12-15' RETURNING 1",
               new=new)  # fmt: skip
    watch.measure()
    alerts = watch.rows(f"SELECT subject FROM alerts WHERE kind LIKE 'model%%' AND closed_at IS NULL AND {OF_VERSIONS}")
    assert {a["subject"] for a in alerts} <= {"tft version 2"}
    first = "SELECT min(session_date) AS day FROM model_drift WHERE model_version_id = %(new)s"
    assert watch.rows(first, new=new) == [{"day": dt.date(2005, 12, 16)}]


def test_alerts_of_a_version_that_nothing_runs_with_close_though_no_session_of_it_is_due(watch):
    def drifted():
        kinds = [kind for kind, _ in model_drift.ALERTS.values()]
        return {(a["kind"], a["subject"]) for a in watch.rows(
            "SELECT kind, subject FROM alerts WHERE closed_at IS NULL AND kind = ANY(%(k)s)", k=kinds)}  # fmt: skip

    def open_all(version=1):
        with transaction(watch.database.writer) as connection:
            for kind, _ in model_drift.ALERTS.values():
                open_alert(connection, kind, f"tft version {version}", "beyond")
        return {(kind, f"tft version {version}") for kind, _ in model_drift.ALERTS.values()}

    watch.measure()
    # Six sessions later: what was predicted is all measured, so the version is not looked at any more.
    watch.rows("INSERT INTO model_drift (model_version_id, session_date, measure, subject, n) "
               "SELECT 1, d, 'rank_ic', '5', 0 FROM unnest(%(days)s::date[]) d RETURNING 1",
               days=DAYS[-6:])  # fmt: skip
    justified = open_all()
    assert watch.measure()["versions"] == 0 and drifted() == justified

    pause = "UPDATE models SET is_active = %(on)s WHERE model_name = 'tft' RETURNING 1"
    watch.rows(pause, on=False)
    assert watch.measure()["versions"] == 0 and drifted() == set()

    watch.rows(pause, on=True)
    open_all()
    new = promote_tft(watch.database.trainer, watch.settings, "2005-11-30", seed=1)
    assert watch.measure()["versions"] == 0 and drifted() == justified  # it has predicted nothing yet
    watch.rows("UPDATE model_runs SET model_version_id = %(new)s WHERE session_date = %(last)s RETURNING 1",
               new=new, last=END)  # fmt: skip
    still = drifted()
    assert watch.measure()["versions"] == 1 and still == justified
    assert {subject for _, subject in drifted()} <= {"tft version 2"}


def test_a_paused_model_opens_no_alert_when_its_last_returns_come(watch):
    watch.rows(
        "UPDATE feature_values SET values = array_fill('NaN'::real, ARRAY[array_length(values, 1)]) "
        "WHERE feature_set = 'technical' AND date >= '2005-11-01' RETURNING 1"
    )
    watch.rows("UPDATE models SET is_active = false WHERE model_name = 'tft' RETURNING 1")
    assert watch.measure()["versions"] == 1
    assert watch.values("feature_psi", "rsi_14")[END]["breached"]
    assert set(watch.alerts()).isdisjoint(kind for kind, _ in model_drift.ALERTS.values())


def test_a_refused_artifact_and_one_without_a_reference_stop_nothing(watch, tmp_path):
    promote_tft(watch.database.trainer, watch.settings, "2005-09-30", reference=False, seed=2)
    watch.rows("UPDATE model_runs SET model_version_id = 2 WHERE session_date > '2005-10-03' RETURNING 1")
    watch.rows("UPDATE model_versions SET artifact_sha256 = repeat('0', 64) WHERE version = 1 RETURNING 1")
    counts = watch.measure()
    assert (counts["versions"], counts["refused"], counts["without_reference"]) == (1, 1, 1)
    measures = watch.rows("SELECT DISTINCT measure, model_version_id AS id FROM model_drift ORDER BY 1")
    assert [m["measure"] for m in measures] == ["mean_rank_ic", "rank_ic", "score_psi"]
    assert {m["id"] for m in measures} == {2}
    psi = watch.rows("SELECT value, threshold FROM model_drift WHERE measure = 'score_psi'")
    assert {(r["value"], r["threshold"]) for r in psi} == {(None, None)}
    refused = watch.rows("SELECT * FROM alerts WHERE kind = 'artifact_refused'")
    assert refused and refused[0]["closed_at"] is None


def test_the_table_refuses_what_is_no_number(watch):
    for value in ("NaN", "Infinity"):
        with pytest.raises(Exception, match="model_drift_value_check"):
            watch.rows("INSERT INTO model_drift (model_version_id, session_date, measure, subject, value, n) "
                       "VALUES (1, '2005-07-01', 'rank_ic', '9', %(value)s, 1) RETURNING 1", value=value)  # fmt: skip
