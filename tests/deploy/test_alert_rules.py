"""Each alert rule fires when it should and not when it should not, and every metric named is one that is exported."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from data_layer.settings import ROOT

FOLDER = ROOT / "deploy" / "observability"
RULES = FOLDER / "prometheus" / "alerts.yml"
BEHIND, LOSS, FALL = (
    "almanac_sessions_behind",
    "almanac_account_session_loss_ratio",
    "almanac_account_drawdown_ratio",
)
LIMITS = {
    'almanac_risk_limit{limit="max_session_loss"}': "0.05",
    'almanac_risk_limit{limit="max_drawdown"}': "0.1",
}
QUARANTINED, RECEIVED = "almanac_rows_quarantined_total", "almanac_rows_received_total"
MEDIAN, USUAL = "almanac_signal_confidence_median", "almanac_signal_confidence_usual"
PAPER = {"account": "paper"}
INGESTION = {"stage": "data_ingestion"}
RISK = {"stage": "risk_execution"}
DRIFT = {"model": "tft", "version": "2", "measure": "feature_psi"}
SHARPE = {"model": "ema", "measured": "signals"}
# Rule: labels of what it is about; series when it fires, after so many minutes; its summary; series when it does not.
# A series without a multiplier is that value all the time.
CASES = {
    "SessionMissing": (INGESTION, {BEHIND: "1"}, 125, "1 sessions that were due have not come from the vendor",
                       [{BEHIND: "0"}, {BEHIND: "1x100 0x400"}]),
    "PipelineStale": (RISK, {BEHIND: "3"}, 65, "risk_execution is 3 sessions behind the stage before it",
                      [{BEHIND: "0"}, {BEHIND: "3x50 0x400"}]),
    "StageFailed": (RISK, {"almanac_stage_failed": "1"}, 20, "risk_execution could not complete its next session",
                    [{"almanac_stage_failed": "0"}]),
    "MetricsMissing": ({}, {}, 12, "Almanac gives no figures: nothing else here can warn",
                       [{"almanac_stage_failed": "0"}]),
    "QuarantineSurge": ({}, {QUARANTINED: "0x10 20x999", RECEIVED: "0x10 1000x999"}, 60,
                        "20 rows put aside within a day, more than 1 % of those received",
                        [{QUARANTINED: "0x10 20x999", RECEIVED: "0x10 3000x999"},
                         {QUARANTINED: "0x10 4x999", RECEIVED: "0x10 100x999"},
                         {QUARANTINED: "20", RECEIVED: "1000"}]),
    "KillSwitchLatched": (PAPER, {"almanac_kill_switch_latched": "1"}, 1,
                          "The kill switch of paper is latched: nothing is ordered",
                          [{"almanac_kill_switch_latched": "0"}]),
    "SessionLossHigh": (PAPER, {LOSS: "0.026", **LIMITS}, 1,
                        "paper lost 2.6% in a session, half of what latches the switch",
                        [{LOSS: "0.024", **LIMITS}, {LOSS: "-0.03", **LIMITS}]),
    "SessionLossCritical": (PAPER, {LOSS: "0.046", **LIMITS}, 1,
                            "paper lost 4.6% in a session, nine tenths of what latches the switch",
                            [{LOSS: "0.044", **LIMITS}]),
    "DrawdownHigh": (PAPER, {FALL: "0.071", **LIMITS}, 1,
                     "paper is 7.1% below its highest value, seven tenths of what latches the switch",
                     [{FALL: "0.069", **LIMITS}]),
    "UnknownOrders": (PAPER, {"almanac_account_unknown_orders": "2"}, 20,
                      "Nobody knows what became of 2 orders of paper", [{"almanac_account_unknown_orders": "0"}]),
    "BrokerErrors": (PAPER, {"almanac_broker_error_ratio": "0.06"}, 1,
                     "The broker refused or left unanswered 6% of the last sessions' orders",
                     [{"almanac_broker_error_ratio": "0.05"}]),
    "SlippageHigh": (PAPER, {"almanac_account_slippage_bps": "15.1"}, 1,
                     "Fills of paper cost 15.1 basis points against the open",
                     [{"almanac_account_slippage_bps": "15"}]),
    "ConfidenceCollapse": ({"model": "ema"}, {MEDIAN: "0.29", USUAL: "0.6"}, 1,
                           "ema says what it says with less than half of its usual confidence",
                           [{MEDIAN: "0.31", USUAL: "0.6"}, {MEDIAN: "0.1"}]),
    "ModelDrift": (DRIFT, {"almanac_model_drift_breaches": "4"}, 1,
                   "tft 2: 4 values of feature_psi beyond their threshold", [{"almanac_model_drift_breaches": "0"}]),
    "OutOfSampleSharpeNegative": (SHARPE, {"almanac_out_of_sample_sharpe": "-0.7"}, 1,
                                  "ema lost out of sample (signals): Sharpe ratio -0.70",
                                  [{"almanac_out_of_sample_sharpe": "0"}]),
}  # fmt: skip


def rules() -> dict[str, dict]:
    return {r["alert"]: r for group in yaml.safe_load(RULES.read_text())["groups"] for r in group["rules"]}


def series(labels: dict[str, str], values: dict[str, str]) -> list[dict[str, str]]:
    """Return promtool's form of series, a value a minute."""
    inside = ",".join(f'{k}="{v}"' for k, v in labels.items())
    return [
        {"series": name if "{" in name else f"{name}{{{inside}}}",
         "values": " ".join(f"{v}{'' if 'x' in v else 'x999'}".replace("x", "+0x") for v in text.split())}
        for name, text in values.items()
    ]  # fmt: skip


def case(name: str, labels: dict[str, str], values: dict[str, str], expected: list[dict]) -> dict:
    """Return promtool's form of a test."""
    return {
        "interval": "1m",
        "name": name,
        "input_series": series(labels, values),
        "alert_rule_test": expected,
    }


def promtool(folder: Path, tests: list[dict]) -> subprocess.CompletedProcess[str]:
    """Run unit tests of rules."""
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("promtool of Debian's package prometheus is not installed")
    file = folder / "tests.yml"
    file.write_text(json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests}))
    return subprocess.run([tool, "test", "rules", str(file)], capture_output=True, text=True, check=False)


def test_each_rule_is_tested():
    assert set(rules()) == set(CASES)
    assert len(CASES) >= 11


def test_each_rule_fires_with_its_words(tmp_path):
    tests = []
    for name, (labels, values, minutes, summary, _) in CASES.items():
        rule = rules()[name]
        expected = {
            "exp_labels": {**labels, **rule["labels"]},
            "exp_annotations": {**rule["annotations"], "summary": summary},
        }
        alert = {"eval_time": f"{minutes}m", "alertname": name, "exp_alerts": [expected]}
        tests.append(case(name, labels, values, [alert]))
    told = promtool(tmp_path, tests)
    assert told.returncode == 0, told.stdout + told.stderr


def test_no_rule_fires_without_cause(tmp_path):
    tests = []
    for name, (labels, _, _, _, quiet) in CASES.items():
        for values in quiet:
            calm = [
                {"eval_time": f"{m}m", "alertname": name, "exp_alerts": []} for m in (1, 30, 60, 200, 400)
            ]
            tests.append(case(name, labels, values, calm))
    told = promtool(tmp_path, tests)
    assert told.returncode == 0, told.stdout + told.stderr


def test_a_case_that_does_not_hold_is_seen(tmp_path):
    wrong = {"eval_time": "5m", "alertname": "KillSwitchLatched", "exp_alerts": []}
    test = case("latched", PAPER, {"almanac_kill_switch_latched": "1"}, [wrong])
    assert promtool(tmp_path, [test]).returncode == 1


def exported() -> set[str]:
    from plugins.web.api.metrics import FAMILIES

    return {f.name for f in FAMILIES}


def named(expression: str) -> set[str]:
    """Return the metrics of ours that an expression names."""
    return set(re.findall(r"\balmanac_[a-z0-9_]+", expression))


@pytest.fixture(scope="module")
def airflow_home(tmp_path_factory):
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow_home")))
        yield


def test_each_metric_of_a_rule_is_exported(airflow_home):
    for name, rule in rules().items():
        assert named(rule["expr"]), name
        assert named(rule["expr"]) <= exported(), name


def test_each_panel_shows_what_is_exported(airflow_home):
    boards = list((FOLDER / "grafana" / "dashboards").glob("*.json"))
    shown: set[str] = set()
    for board in boards:
        panels = json.loads(board.read_text())["panels"]
        for panel in panels:
            for target in panel.get("targets", []):
                if panel["datasource"]["uid"] == "loki":
                    assert target["expr"].startswith("{")
                    continue
                assert named(target["expr"]) or "airflow_" in target["expr"], panel["title"]
                assert named(target["expr"]) <= exported(), panel["title"]
                shown |= named(target["expr"])
    assert exported() - shown == set()  # a figure that nobody sees is not worth its query


def test_each_rule_has_its_entry_in_the_runbook():
    text = (ROOT / "docs" / "operations.md").read_text()
    anchors = {
        re.sub(r"[^a-z0-9 -]", "", h.lower()).replace(" ", "-") for h in re.findall(r"^#+ (.+)$", text, re.M)
    }
    for name, rule in rules().items():
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert page == "docs/operations.md" and anchor in anchors, name
        body = re.split(r"^#+ ", text.split(f"Alert: {name}\n", 1)[1], maxsplit=1, flags=re.M)[0]
        assert len(body.split()) > 15, name


def test_prometheus_takes_the_whole_configuration():
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("promtool of Debian's package prometheus is not installed")
    for kind, file in (("rules", RULES), ("config", FOLDER / "prometheus" / "prometheus.yml")):
        command = [tool, "check", kind, *(["--syntax-only"] if kind == "config" else []), str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
