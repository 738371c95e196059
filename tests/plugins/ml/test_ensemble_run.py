"""ml_ensemble on stored predictions: in the daily run after the models it hears, and in backtests."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from models.backtest.rules import Rules
from models.strategies.ml.ml_ensemble import MlEnsemble
from plugins.backtest.assessment_run import Asked, run_here
from plugins.backtest.market import market_from_database
from plugins.backtest.orders import wanted
from plugins.backtest.scenario_file import read_scenarios
from plugins.backtest.stress import shocked_market
from plugins.ml.predict import predict
from plugins.ml.promotion import promote
from plugins.stages.voices import read_voices
from tests.plugins.ml.conftest import FAMILY, WAIVER
from tests.support.chain import STEPS, open_stage, run_stage, take_step
from tests.support.prepared import change, failed_checks

STAGE = "model_execution"
SEEN, LAST = dt.date(2005, 9, 30), dt.date(2005, 12, 30)
NAME = f"prediction.{FAMILY}"


@pytest.fixture
def both(workshop):
    """A version in use; its model and the ensemble are active, nothing has run."""
    change(workshop.database, "UPDATE models SET is_active = model_name = ANY(%(m)s)", {"m": [FAMILY, "ml_ensemble"]})
    promote(workshop.database.trainer, workshop.store, workshop.rows("SELECT id FROM model_versions")[0]["id"],
            by="tester", waiver=WAIVER)  # fmt: skip
    return workshop


def run(workshop, **params):
    return run_stage(workshop.database.writer, workshop.settings, STAGE, **params)


def signals(workshop):
    return {(r["symbol"], r["session_date"]): r["score"] for r in workshop.rows(
        "SELECT symbol, session_date, score FROM signals s JOIN models m ON m.id = s.model_id "
        "WHERE model_name = 'ml_ensemble'")}  # fmt: skip


def test_it_hears_the_predictions_of_its_own_run_whichever_task_comes_first(both):
    stage = open_stage(both.database.writer, both.settings, STAGE)
    for step in STEPS[STAGE]:
        if step == "execute_strategies":
            ids = {r["model_name"]: r["id"] for r in both.rows("SELECT id, model_name FROM models")}
            for name in ("ml_ensemble", FAMILY):
                stage.execute_strategies(ids[name])
        else:
            take_step(stage, step)
    scores: dict[dt.date, dict[str, float]] = {}
    for row in both.rows("SELECT symbol, session_date, score FROM predictions"):
        scores.setdefault(row["session_date"], {})[row["symbol"]] = row["score"]
    assert min(scores) == SEEN and max(scores) == LAST
    found, expected = signals(both), {}
    for day, said in scores.items():
        values = np.array(list(said.values()))
        for symbol, value in said.items():  # the midrank, counted by hand
            rank = (values < value).sum() + ((values == value).sum() + 1) / 2
            expected[symbol, day] = 2 * (rank - 0.5) / len(values) - 1
    told = {key: value for key, value in expected.items() if abs(value) >= 0.5}
    assert told and {key: value for key, value in found.items() if value} == pytest.approx(told)
    scored = both.rows("SELECT session_date, symbols_scored AS n FROM model_runs r JOIN models m ON m.id = r.model_id "
                       "WHERE model_name = 'ml_ensemble'")  # fmt: skip
    assert {r["session_date"] for r in scored if r["n"]} == set(scores)  # no prediction, no opinion
    assert failed_checks(both.database.reader) == []
    before = signals(both)
    run(both, start=str(SEEN), end=str(LAST))  # computed again from what is stored, and compared
    assert signals(both) == before


def test_only_a_version_in_use_then_is_heard(both):
    uri, settings = both.database.writer, both.settings
    both.train("run 2", END="2005-09-30", SEED="5", PARAMETERS="rounds=4 stop_share=0 feature_share=0.3")
    first, second = (row["id"] for row in both.rows("SELECT id FROM model_versions ORDER BY id"))
    predict(uri, settings, FAMILY, SEEN, LAST, second)
    assert read_voices(uri, LAST).empty  # nobody has ever put it into use
    predict(uri, settings, FAMILY, SEEN, LAST, first)
    alone = read_voices(uri, LAST)
    assert len(alone) and set(alone.columns) == {"symbol", "date", NAME} and alone[NAME].abs().max() < 1.0
    assert read_voices(uri, dt.date(2005, 11, 1))["date"].max().date() == dt.date(2005, 11, 1)
    run(both)  # the first one decides the sessions
    promote(both.database.trainer, both.store, second, by="tester", waiver=WAIVER)
    assert read_voices(uri, LAST).equals(alone)


def test_backtests_read_what_is_stored_and_a_stress_has_none(both):
    run(both)
    market = market_from_database(both.database.reader, voices=True)
    plain = market_from_database(both.database.reader)
    assert plain.voices.empty and plain.data_version != market.data_version
    target, _, _ = wanted(market, MlEnsemble(), Rules())
    days = market.sessions.astype(object)
    assert set(np.unique(target[days >= SEEN])) == {-1.0, 0.0, 1.0} and np.isnan(target[days < SEEN]).all()
    stress = next(s for s in read_scenarios() if s.name == "Geopolitical Crisis")
    asked = Asked(strategies=("ml_ensemble",), scenarios=("full period", stress.name))
    prepared, found = run_here(both.database.writer, both.settings, asked)
    assert found.errors == {}
    trades = {r["scenario"]: r["n"] for r in both.rows(
        "SELECT scenario, sum(trades) AS n FROM backtest_results WHERE run_id = %(r)s GROUP BY 1", r=prepared.run_id
    )}  # fmt: skip
    assert trades["full period"] > 0
    shocked = shocked_market(market, stress, prepared.course.places[-1])
    under, _, _ = wanted(shocked, MlEnsemble(), Rules())
    assert np.isnan(under[-stress.shock.sessions :]).all() and not np.isnan(under).all()
