from __future__ import annotations

import datetime as dt
import json

import pytest

from data_layer.runtime import chain
from data_layer.runtime.airflow_api import Run, last_error
from data_layer.runtime.home import Home
from data_layer.runtime.progress import STAGES
from models.errors import ConfigError, RetryableError

SESSIONS = [dt.date(2013, 1, 1) + dt.timedelta(days=n) for n in range(20)]


class FakeAirflow:
    """Runs end at the second look; a finished stage starts the next one, as asset events do."""

    def __init__(self, tmp_path):
        self.log = tmp_path / "attempt=1.log"
        self.done: dict[str, dt.date] = {}
        self.triggered: list[tuple[str, dict]] = []
        self.active: list[list] = []
        self.failed: list[Run] = []
        self.failing = self.lost = self.idle = ""
        self.away = 0

    def dag_ids(self):
        return set(STAGES)

    def import_errors(self):
        return {}

    def failed_task_logs(self, _run):
        return [self.log]

    def trigger(self, stage, conf):
        self.triggered.append((stage, conf))
        self.active.append([stage, conf.get("end")])

    def runs(self, *states):
        if states == ("failed",):
            return list(self.failed)
        if self.away:
            self.away -= 1
            raise RetryableError("restarting")
        seen = [Run(stage, "r", "running") for stage, _ in self.active]
        for stage, end in self.active:
            self._finish(stage, end)
        return seen

    def _finish(self, stage, end):
        self.active = [run for run in self.active if run[0] != stage]
        if stage == self.failing:
            self.failed.append(Run(stage, f"failed {len(self.triggered)}", "failed"))
            return
        if stage == self.idle:
            return
        at = STAGES.index(stage)
        self.done[stage] = dt.date.fromisoformat(end) if end else self.done[STAGES[at - 1]]
        if stage != STAGES[-1] and stage != self.lost:
            self.active.append([STAGES[at + 1], None])

    def behind(self, _home, session):
        return [stage for stage in STAGES if self.done.get(stage, dt.date.min) < session]


@pytest.fixture
def airflow(tmp_path, monkeypatch):
    fake = FakeAirflow(tmp_path)
    monkeypatch.setattr(chain, "AirflowApi", lambda _home: fake)
    monkeypatch.setattr(chain, "behind", fake.behind)
    monkeypatch.setattr(chain, "QUIET_SECONDS", 0.05)
    monkeypatch.setattr(chain.time, "sleep", lambda _s: None)
    return fake


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


def ends(fake):
    return [conf["end"] for stage, conf in fake.triggered if stage == STAGES[0]]


def test_history_is_one_run_and_the_last_sessions_are_daily_ones(airflow, home):
    lines = []
    assert chain.run_chain(home, SESSIONS, lines.append) == chain.DAILY + 1
    assert ends(airflow) == [str(day) for day in SESSIONS[-chain.DAILY - 1 :]]
    assert len(airflow.triggered) == chain.DAILY + 1
    assert set(airflow.done.values()) == {SESSIONS[-1]}
    assert any(str(SESSIONS[-chain.DAILY - 1]) in line and STAGES[0] in line for line in lines)


def test_short_source_is_all_daily(airflow, home):
    assert chain.run_chain(home, SESSIONS[:3], print) == 3
    assert ends(airflow) == [str(day) for day in SESSIONS[:3]]


def test_nothing_is_triggered_when_all_is_done(airflow, home):
    chain.run_chain(home, SESSIONS, print)
    airflow.triggered.clear()
    assert chain.run_chain(home, SESSIONS, print) == 0
    assert airflow.triggered == []


def test_stage_whose_upstream_is_done_is_started_itself(airflow, home):
    chain.run_chain(home, SESSIONS, print)
    airflow.triggered.clear()
    for stage in STAGES[2:]:
        airflow.done[stage] = SESSIONS[-2]
    chain.run_chain(home, SESSIONS, print)
    assert airflow.triggered == [(STAGES[2], {})]


def test_failure_names_stage_cause_and_log(airflow, home):
    airflow.failing = "model_execution"
    detail = {"exc_type": "ConfigError", "exc_value": "no such model"}
    airflow.log.write_text(json.dumps({"error_detail": [detail]}))
    with pytest.raises(ConfigError, match=r"model_execution failed: ConfigError: no such model.*attempt=1"):
        chain.run_chain(home, SESSIONS, print)


def test_failure_of_an_earlier_start_does_not_count(airflow, home):
    airflow.failed = [Run("model_execution", "last week", "failed")]
    assert chain.run_chain(home, SESSIONS, print) == chain.DAILY + 1


def test_lost_event_is_mended(airflow, home):
    airflow.lost = "feature_engineering"
    chain.run_chain(home, SESSIONS[:1], print)
    assert airflow.triggered == [("data_ingestion", {"end": str(SESSIONS[0])}), ("model_execution", {})]


def test_stage_that_ends_without_completing_is_an_error(airflow, home):
    airflow.idle = "data_ingestion"
    with pytest.raises(ConfigError, match="data_ingestion ended but did not complete"):
        chain.run_chain(home, SESSIONS, print)


def test_restarting_api_server_is_waited_for(airflow, home):
    airflow.away = 3
    assert chain.run_chain(home, SESSIONS, print) == chain.DAILY + 1


def test_api_server_that_stays_away_is_an_error(airflow, home, monkeypatch):
    monkeypatch.setattr(chain, "AWAY_SECONDS", 0.05)
    airflow.away = 10**9
    with pytest.raises(ConfigError, match="restarting"):
        chain.run_chain(home, SESSIONS, print)


def test_last_error_of_a_log_without_one_is_empty(tmp_path):
    log = tmp_path / "log"
    assert last_error(log) == ""
    log.write_text('{"event": "fine"}\nnot json\n[1]\n')
    assert last_error(log) == ""
