"""strategy_assessment: its form, its shards, and its operator on a real database."""

from __future__ import annotations

import dataclasses
import datetime as dt
from types import SimpleNamespace

import pytest

from data_layer.settings import load_settings
from models.backtest.constraints import Constraints
from models.errors import RetryableError
from plugins.backtest import assessment_steps
from plugins.backtest.assessment_run import COSTS
from plugins.backtest.request import read_request
from plugins.backtest.run import backtest
from tests.conftest import SMALL
from tests.support.chain import query
from tests.support.dags import parse_dags

STEPS = ("prepare_assessment", "assess_shard", "rank_strategies")


@pytest.fixture(scope="module")
def dag():
    return parse_dags()["dags"]["strategy_assessment"]


FORM = {"strategies": ["buy_and_hold", "golden_cross"], "symbols": ["AAPL"], "scenarios": ["full period"]}


def take(step, form=FORM, **arguments):
    """One task, as Airflow executes it."""
    from airflow.sdk import DAG

    from plugins.operators.assessment_step import AssessmentStepOperator

    with DAG("strategy_assessment", schedule=None):
        task = AssessmentStepOperator(task_id=step, arguments=arguments)
    run = SimpleNamespace(logical_date=dt.datetime(2005, 6, 30, tzinfo=dt.UTC))
    return task.execute({"params": form, "dag_run": run})


@pytest.fixture
def home(monkeypatch, chained, small_settings):
    monkeypatch.setenv("AIRFLOW_CONN_QUANT_DATA", chained.writer.replace("postgresql://", "postgres://", 1))
    monkeypatch.setenv("ALMANAC_HOME", str(small_settings.almanac_home))
    for name, value in SMALL.items():
        monkeypatch.setenv(name.upper(), value)
    return chained


def test_three_tasks_of_which_one_is_mapped(dag):
    tasks = {t["id"]: t for t in dag["tasks"]}
    assert tuple(tasks) == STEPS
    assert {t["class"] for t in tasks.values()} == {"AssessmentStepOperator"}
    assert [tasks[name]["mapped"] for name in STEPS] == [False, True, False]
    # A shard that fails (not a strategy in it) leaves nothing to rank.
    assert {t["rule"] for t in tasks.values()} == {"all_success"}
    assert (dag["waits_for"], dag["catchup"], dag["paused"]) == ("None", False, False)


def test_the_form_asks_for_all_there_is_to_choose(dag):
    assert {k: v for k, v in dag["params"].items() if isinstance(v, list)} == {
        "strategies": [], "symbols": [], "scenarios": [],
    }  # fmt: skip
    limits = {f.name for f in dataclasses.fields(Constraints)}
    assert set(dag["params"]) == {"form", "strategies", "symbols", "scenarios", "start", "end", *COSTS, *limits}
    # What the form offers at first is what an empty answer means.
    chosen = {name: dag["params"][name] for name in ("weighting", "rebalance")}
    assert (dag["params"]["form"], chosen) == ("grid", {n: getattr(Constraints(), n) for n in chosen})


def test_every_task_is_a_step():
    assert all(callable(getattr(assessment_steps, name)) for name in STEPS)


def test_the_tasks_hand_on_ids_and_names_and_rank(home):
    dealt = take("prepare_assessment")
    run_id = dealt[0]["run_id"]
    assert dealt == [
        {"run_id": run_id, "names": ["buy_and_hold"]},
        {"run_id": run_id, "names": ["golden_cross"]},
    ]
    for shard in dealt:
        assert take("assess_shard", **shard) == {"results": 1, "returns": 376, "errors": 0}
    assert take("rank_strategies", shards=dealt)["run_id"] == run_id
    assert query(home.reader, "SELECT count(*) AS n FROM strategy_rankings WHERE run_id = 1")[0]["n"] > 0


def test_portfolios_are_the_runs_of_make_backtest(home, capsys):
    form = {"form": "portfolio", "strategies": ["buy_and_hold", "golden_cross"], "symbols": ["AAPL", "MSFT"],
            "rebalance": "month", "max_weight": 0.4}  # fmt: skip
    dealt = take("prepare_assessment", form)
    assert [shard["names"] for shard in dealt] == [["buy_and_hold"], ["golden_cross"]]
    for _ in range(2):  # a task may run twice
        assert [take("assess_shard", **shard) for shard in dealt] == [{"runs": 1}] * 2
    assert take("rank_strategies", shards=dealt) == {"portfolios": 2}
    held = "FROM backtest_runs r JOIN backtest_equity e ON e.run_id = r.id WHERE r.form = 'portfolio'"
    rows = query(home.reader, f"SELECT count(DISTINCT r.id) AS runs, count(DISTINCT e.date) AS days {held}")
    assert rows == [{"runs": 2, "days": 377}]
    typed = {"STRATEGY": "golden_cross", "SYMBOLS": "AAPL MSFT", "FORM": "portfolio", "REBALANCE": "month",
             "MAX_WEIGHT": "0.4", "END": "2005-06-30"}  # fmt: skip
    backtest(home.writer, read_request(typed, load_settings()))
    assert "held since an earlier time" in capsys.readouterr().out


def test_a_portfolio_that_cannot_run_leaves_the_others(home):
    from airflow.sdk.exceptions import AirflowFailException

    form = {"form": "portfolio", "strategies": ["buy_and_hold", "no_such"], "symbols": ["AAPL"]}
    shards = take("prepare_assessment", form)
    assert take("assess_shard", **shards[0]) == {"runs": 1}
    with pytest.raises(AirflowFailException, match=r"1 of 1 strategies could not run.*no_such.*no such strategy"):
        take("assess_shard", **shards[1])
    with pytest.raises(AirflowFailException, match=r"constraint out of range.*max_weight"):
        take("prepare_assessment", {**form, "max_weight": 99.0})
    with pytest.raises(AirflowFailException, match=r"rule out of range.*slippage_bps"):
        take("prepare_assessment", {**form, "slippage_bps": -1.0})
    with pytest.raises(AirflowFailException, match="not through scenarios"):
        take("prepare_assessment", {**form, "scenarios": ["full period"]})


def test_what_a_retry_cannot_mend_fails_at_once(home, monkeypatch):
    from airflow.sdk.exceptions import AirflowFailException

    with pytest.raises(AirflowFailException, match=r"no such assessment.*run_id=77"):
        take("assess_shard", run_id=77, names=["buy_and_hold"])
    port = f":{home.server.home.port('postgres')}/"
    monkeypatch.setenv(
        "AIRFLOW_CONN_QUANT_DATA", home.writer.replace(port, ":1/").replace("postgresql", "postgres", 1)
    )
    with pytest.raises(RetryableError, match="no connection to the database"):
        take("assess_shard", run_id=1, names=["buy_and_hold"])
