"""A cluster on one machine: what docker-compose.yaml starts, started as it does, without the containers."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from data_layer.runtime.airflow_api import AirflowApi
from data_layer.runtime.elsewhere import elsewhere_settings
from data_layer.runtime.env_file import GENERATED
from data_layer.runtime.home import Home
from data_layer.runtime.postgres import embedded_postgres
from data_layer.settings import ROOT
from tests.support.running import PATIENCE

SERVICES = ("api-server", "scheduler", "dag-processor", "triggerer")
WORKERS = ("one", "two")


def free_port() -> int:
    """Return a port nobody listens at now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def redis(folder: Path, password: str) -> Iterator[str]:
    """Run Debian's redis-server with the command of docker-compose.yaml; yields its URL."""
    if not shutil.which("redis-server"):
        pytest.skip("Debian package redis-server is not installed")
    port = free_port()
    *shell, command = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())["services"]["redis"]["command"]
    command = command.replace("$$", "$").replace("/tmp/redis.conf", str(folder / "redis.conf"))  # noqa: S108
    server = subprocess.Popen(
        [*shell, f"{command} --bind 127.0.0.1 --port {port}"], cwd=folder, stdout=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "REDISCLI_AUTH": password},
    )  # fmt: skip
    try:
        yield f"redis://:{password}@127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(30)


class Cluster:
    """Containers by name, each a tree of processes."""

    def __init__(self, folder: Path, environment: Mapping[str, str]):
        self.folder = folder
        kept = {k: v for k, v in os.environ.items() if k in {"PATH", "HOME", "LANG", "TMPDIR"}}
        self.environment = {**kept, "PYTHONPATH": str(ROOT), **environment}
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def home(self) -> Home:
        """The volume that all of them mount."""
        return Home(Path(self.environment["ALMANAC_HOME"]), elsewhere_settings(self.environment))

    def command(self, module: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a module to its end."""
        return subprocess.run(
            [sys.executable, "-m", module, *arguments], env={**self.environment, **more}, cwd=ROOT, text=True,
            capture_output=True, check=False, timeout=PATIENCE,
        )  # fmt: skip

    def start(self, name: str, *arguments: str) -> None:
        """Start a container's process; a worker is named like its container."""
        service = "worker" if name in WORKERS else name
        named = ("--celery-hostname", f"{name}@here") if name in WORKERS else ()
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", "data_layer.runtime.container", service, *named, *arguments],
                env=self.environment, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def tree(self, name: str) -> list[int]:
        """Return the container's processes."""
        try:
            first = psutil.Process(self.running[name].pid)
            return [process.pid for process in (first, *first.children(recursive=True))]
        except psutil.NoSuchProcess:
            return []

    def kill(self, name: str) -> None:
        """End all of a container at once, as the loss of its machine would."""
        for pid in self.tree(name):
            os.kill(pid, signal.SIGKILL)
        self.running.pop(name).wait()

    def stop(self) -> None:
        """End everything."""
        for name in list(self.running):
            self.running[name].terminate()
        for name in list(self.running):
            try:
                self.running[name].wait(20)
            except subprocess.TimeoutExpired:
                self.kill(name)


@contextmanager
def cluster(folder: Path, settings: Mapping[str, str], workers: tuple[str, ...] = WORKERS) -> Iterator[Any]:
    """Start all of it and wait until it is healthy."""
    secrets = {name: make() for name, make in GENERATED.items()}
    with embedded_postgres(folder / "postgres") as server, redis(folder, secrets["SECRET_REDIS"]) as queue:
        running = Cluster(
            folder,
            {
                **secrets, **settings, "ALMANAC_HOME": str(folder / "state"), "REDIS_URL": queue,
                "DATABASE_URL": server.uri("postgres", "postgres"), "PGADMIN_FOLDER": str(folder),
                "API_SERVER_URL": f"http://127.0.0.1:{free_port()}",
            },
        )  # fmt: skip
        done = running.command("data_layer.runtime.container", "init")
        assert done.returncode == 0, done.stdout + done.stderr
        try:
            for name in (*SERVICES, *workers):
                running.start(name)
            AirflowApi(running.home).wait_until_healthy(PATIENCE, folder)
            yield running
        finally:
            running.stop()
