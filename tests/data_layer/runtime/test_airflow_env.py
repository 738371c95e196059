"""What Airflow's processes find in their environment: where their own metrics go, and what Prometheus logs in with."""

from __future__ import annotations

import json
import socket
import subprocess
import sys

import pytest

from data_layer.runtime.airflow_env import airflow_environment
from data_layer.runtime.home import Home
from tests.support.sinks import web_sink

COUNTING = """
from airflow._shared.observability.metrics import stats
from airflow.observability.metrics.stats_utils import get_stats_factory
stats.initialize(factory=get_stats_factory(), export_legacy_names=True)
stats.incr("scheduler_heartbeat")
"""


@pytest.fixture
def home(tmp_path):
    made = Home(tmp_path / "home")
    made.settle_ports()
    return made


def environment(home, **remembered):
    (home.path / "settings.json").write_text(json.dumps(remembered))
    return airflow_environment(home)


def test_one_setting_sends_airflows_own_metrics_to_a_collector(home):
    with web_sink() as sink:
        env = environment(home, METRICS_TO=f"http://127.0.0.1:{sink.port}")
        done = subprocess.run([sys.executable, "-c", COUNTING], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    path, body = sink.came[0]
    assert path == "/v1/metrics" and b"airflow.scheduler_heartbeat" in body


def test_the_same_setting_sends_them_to_a_statsd_server(home):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        env = environment(home, METRICS_TO=f"statsd://127.0.0.1:{server.getsockname()[1]}")
        done = subprocess.run([sys.executable, "-c", COUNTING], env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        while server.recv(1024) != b"airflow.scheduler_heartbeat:1|c":  # Airflow counts more than that by itself
            pass
    assert env["AIRFLOW__METRICS__OTEL_ON"] == "False"


def test_without_it_they_go_nowhere(home):
    env = environment(home)
    assert (env["AIRFLOW__METRICS__OTEL_ON"], env["AIRFLOW__METRICS__STATSD_ON"]) == ("False", "False")


def test_an_encrypted_collector(home):
    env = environment(home, METRICS_TO="https://collector.example.com:4318")
    assert env["AIRFLOW__METRICS__OTEL_SSL_ACTIVE"] == "True"


def test_prometheus_token_is_the_homes(home):
    env = environment(home)
    assert env["METRICS_TOKEN"] == home.secret("metrics_token")
    assert home.secret_path("metrics_token").stat().st_mode & 0o777 == 0o600
    assert len(env["METRICS_TOKEN"]) == 64
