"""docker-compose.yaml's mlflow: its command and its health check, run as the container runs them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
import yaml

from data_layer.runtime.env_file import EXAMPLE, filled
from data_layer.runtime.environment import quiet_mlflow
from data_layer.settings import ROOT
from tests.support.cluster import free_port

SERVICE = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())["services"]["mlflow"]
PORT, PATIENCE = "5000", 120


def quiet():
    """What the service is told beside what all of them are."""
    return {name: value for name, value in SERVICE["environment"].items() if name.startswith(("MLFLOW", "DO_NOT"))}


def test_it_is_as_quiet_as_the_command(monkeypatch):
    for name in quiet():
        monkeypatch.setenv(name, "")
    quiet_mlflow()
    assert len(quiet()) == 3
    assert {name: os.environ[name] for name in quiet()} == quiet()


@pytest.fixture
def served(tmp_path):
    """The service in a group of processes of its own, with another port and a folder in place of the volume."""
    port, state = free_port(), tmp_path / "state"
    state.mkdir()
    assert f"--port={PORT}" in SERVICE["command"]
    words = [word.replace(f"={PORT}", f"={port}").replace("///state", f"//{state}") for word in SERVICE["command"]]
    secrets = dict(line.split("=", 1) for line in filled(EXAMPLE.read_text(), {}).splitlines() if line[:7] == "SECRET_")
    environment = {
        **secrets, **quiet(), "DATABASE_URL": "postgresql://a:b@127.0.0.1:1/c", "ALMANAC_HOME": str(state),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "HOME": str(tmp_path),
    }  # fmt: skip
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "data_layer.runtime.container", *words], env=environment, cwd=state,
            stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        yield server, port, state
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def of_group(leader):
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has just ended
            if os.getpgid(int(folder.name)) == leader:
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


def test_its_command_serves_the_page_and_its_check_finds_it(served, tmp_path):
    server, port, state = served
    kind, *words = SERVICE["healthcheck"]["test"]
    assert (kind, words[0]) == ("CMD", "python")
    check = [sys.executable, *(word.replace(f":{PORT}/", f":{port}/") for word in words[1:])]
    assert check[1:] != words[1:]
    assert subprocess.run(check, capture_output=True, check=False).returncode != 0  # it has just begun
    until = time.monotonic() + PATIENCE
    while subprocess.run(check, capture_output=True, check=False).returncode:
        assert server.poll() is None and time.monotonic() < until, (tmp_path / "log").read_text()
        time.sleep(0.5)
    # As a browser asks for it, whose host is this machine by the port that is published.
    asked = urllib.request.Request(f"http://127.0.0.1:{port}/", headers={"Host": f"localhost:{PORT}"})
    with urllib.request.urlopen(asked, timeout=30) as page:  # noqa: S310
        assert b"<title>MLflow" in page.read()
    assert (state / "mlflow" / "mlflow.db").exists()
    running = of_group(server.pid)
    assert running and not [command for command in running if "mlflow.server.jobs" in command]
    os.kill(server.pid, signal.SIGTERM)  # as Docker stops it
    assert server.wait(30) is not None
