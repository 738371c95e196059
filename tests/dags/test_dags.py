"""The DAGs: thin files, runbooks, the wiring that plugins/stages/whole.py repeats without Airflow."""

from __future__ import annotations

import ast

import pytest

from data_layer.source_catalogue import live_sources
from plugins.stages.whole import STAGES, STEPS
from tests.support.dags import ROOT, in_a_fresh_process, parse_dags

DAGS = sorted((ROOT / "dags").glob("*.py"))
ASSETS = {
    "data_ingestion": (None, "market_data"),
    "feature_engineering": ("market_data", "feature_store"),
    "model_execution": ("feature_store", "signals"),
    "risk_execution": ("signals", "positions"),
    "performance_testing": ("positions", "model_performance"),
}
# Beside the daily chain, triggered by people or a clock: see their own tests.
RESEARCH = (
    "kill_switch", "model_training", "relay_events", "replay", "retention", "strategy_assessment",
    "strategy_backtest",
)  # fmt: skip

@pytest.fixture(scope="module")
def parsed():
    return parse_dags()


def test_files_are_the_dags_and_thin():
    assert {path.stem for path in DAGS} == set(STEPS) | set(RESEARCH)
    for path in DAGS:
        assert len(path.read_text().splitlines()) <= 50, path


def test_parsing_is_light_and_quick(parsed):
    assert parsed["errors"] == {}
    assert parsed["heavy"] == []
    assert parsed["seconds"] < 3  # 0.3 s on two free cores


@pytest.mark.parametrize("path", DAGS, ids=lambda p: p.stem)
def test_the_docstring_is_the_runbook(parsed, path):
    dag = parsed["dags"][path.stem]
    assert dag["doc"] == ast.get_docstring(ast.parse(path.read_text()), clean=False)
    for section in ("**Waits for:**", "**Writes:**", "**Rerun:**", "**If it fails:**"):
        assert dag["doc"].count(section) == 1, section
    for asset in filter(None, ASSETS.get(path.stem, ())):
        assert f"`{asset}`" in dag["doc"]


@pytest.mark.parametrize("name", STEPS)
def test_tasks_are_the_steps_in_order(parsed, name):
    tasks = parsed["dags"][name]["tasks"]
    assert tuple(t["id"] for t in tasks) == STEPS[name]
    assert {t["class"] for t in tasks} <= {"StageStepOperator", "ModelStepOperator"}
    for before, task in zip(STEPS[name], tasks[1:], strict=False):
        assert before in task["after"]
    assert tasks[0]["after"] == []


@pytest.mark.parametrize("name", STEPS)
def test_every_step_is_a_method_of_the_stage(name):
    module, _, cls = STAGES[name].rpartition(".")
    tree = ast.parse((ROOT / (module.replace(".", "/") + ".py")).read_text())
    found = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == cls)
    methods = {n.name for n in found.body if isinstance(n, ast.FunctionDef) and not n.name.startswith("_")}
    assert methods >= set(STEPS[name])


@pytest.mark.parametrize("name", STEPS)
def test_settings_all_dags_share(parsed, name):
    dag = parsed["dags"][name]
    assert dag["tags"] == ["almanac", "daily"]
    assert (dag["catchup"], dag["max_active_runs"], dag["paused"]) == (False, 1, False)
    assert dag["params"] == {"start": None, "end": None, "symbols": None, "restate": False}
    assert {(t["retries"], t["delay"]) for t in dag["tasks"]} == {(2, 5.0)}


@pytest.mark.parametrize("name", STEPS)
def test_assets_join_the_stages(parsed, name):
    waits_for, writes = ASSETS[name]
    dag = parsed["dags"][name]
    assert dag["waits_for"] == ([waits_for] if waits_for else "None")
    *others, last = [t for t in dag["tasks"] if t["outlets"]]
    assert others == []
    assert last["outlets"] == [writes]


def test_one_failing_model_stops_no_other_and_is_not_overlooked(parsed):
    tasks = {t["id"]: t for t in parsed["dags"]["model_execution"]["tasks"]}
    assert tasks["execute_strategies"]["mapped"]
    assert tasks["store_trading_signals"]["rule"] == "all_done"
    # A run is judged by its last task: it must also hear of what failed before the models.
    assert set(tasks["log_model_metrics"]["after"]) == {"fetch_latest_features", "store_trading_signals"}
    assert {t["rule"] for name, t in tasks.items() if name != "store_trading_signals"} == {"all_success"}


def test_a_live_source_runs_before_the_open():
    code = """
import json
from unittest import mock
from data_layer.settings import Settings
import plugins.dag_defaults as defaults
with mock.patch.object(Settings, "is_static", False):
    live = defaults.ingestion_schedule()
print(json.dumps([str(live.expression), str(live.timezone), defaults.ingestion_schedule()]))
"""
    assert in_a_fresh_process(code) == ["0 7 * * 1-5", "America/New_York", None]


@pytest.mark.parametrize("source", ["polygon", "yfinance", "alpaca"])
def test_a_vendor_is_asked_at_seven_in_its_own_pool_and_again_for_an_hour(source):
    dag = parse_dags(SOURCE=source, START="2020-01-02")["dags"]["data_ingestion"]
    assert (dag["expression"], dag["zone"]) == ("0 7 * * 1-5", "America/New_York")
    asked = [[t[k] for k in ("pool", "slots", "retries", "delay", "backoff", "longest")] for t in dag["tasks"]]
    assert asked == [[source, 1, 6, 60.0, 2, 21600.0]] * 4
    waits = [60.0 * 2**n for n in range(6)]
    assert 3600 <= sum(waits) <= 2 * 3600
    assert source in live_sources()  # without its pool a task would never start


def test_airflow_loads_one_plugin_file():
    code = """
import json, sys
from airflow import plugins_manager
plugins, errors = plugins_manager._get_plugins()
print(json.dumps([[p.name for p in plugins if p.name == "almanac"], errors,
                  sorted(n for n in sys.modules if "stages" in n or n == "context" or n == "dag_defaults")]))
"""
    assert in_a_fresh_process(code) == [["almanac"], {}, []]
