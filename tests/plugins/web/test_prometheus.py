"""Debian's Prometheus with our configuration, our rules and our dashboards' queries, looking at the real pages."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager

import pytest
import uvicorn
import yaml
from starlette.applications import Starlette
from starlette.routing import Mount

from data_layer.settings import ROOT
from tests.plugins.web.test_metrics import ROWS, live
from tests.support.cluster import free_port
from tests.support.planted import plant
from tests.support.running import wait_for

__all__ = ["live"]

OBSERVABILITY = ROOT / "deploy" / "observability"


@contextmanager
def mounted(app):
    """Serve the pages where Airflow has them; yields the port."""
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=[Mount("/almanac", app)]), port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def prometheus(folder, port):
    """Run Debian's Prometheus with our configuration, each second, on this port; yields how to ask its API."""
    tool = shutil.which("prometheus")
    if tool is None:
        pytest.skip("Debian package prometheus is not installed")
    shutil.copytree(OBSERVABILITY / "prometheus", folder / "etc")
    (folder / "token").write_text("t" * 32)
    config = yaml.safe_load((folder / "etc" / "prometheus.yml").read_text())
    config["global"] = dict.fromkeys(config["global"], "1s")
    (job,) = config["scrape_configs"]
    job["authorization"]["credentials_file"] = str(folder / "token")
    job["static_configs"] = [{"targets": [f"127.0.0.1:{port}"]}]
    (folder / "etc" / "prometheus.yml").write_text(yaml.safe_dump(config))
    own = free_port()
    compose = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())["services"]["prometheus"]["command"]
    flags = [flag.replace("/etc/prometheus", str(folder / "etc")).replace("=/prometheus", f"={folder}/data")
             for flag in compose]  # fmt: skip
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen([tool, *flags, f"--web.listen-address=127.0.0.1:{own}"], stdout=log, stderr=log)

    def ask(path, **query):
        url = f"http://127.0.0.1:{own}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as refused:
            assert refused.code == 503, (query, refused.read())  # which is said while it starts
        except OSError:
            assert running.poll() is None, (folder / "log").read_text()
        return {}

    try:
        yield ask
    finally:
        running.terminate()
        running.wait(30)


def test_prometheus_itself_takes_them_fires_by_them_and_draws_them(live, app, over, database, tmp_path):
    plant(database.owner, *ROWS)
    over(database)
    written = yaml.safe_load((OBSERVABILITY / "prometheus" / "alerts.yml").read_text())["groups"]
    panels = [panel for board in (OBSERVABILITY / "grafana" / "dashboards").glob("*.json")
              for panel in json.loads(board.read_text())["panels"]]  # fmt: skip
    drawn = [t["expr"] for p in panels if p["datasource"]["uid"] == "prometheus" for t in p["targets"]]
    assert len(drawn) > 20
    with mounted(app) as port, prometheus(tmp_path, port) as ask:

        def rules(field):
            return {rule["name"]: rule[field] for g in ask("rules").get("groups", []) for rule in g["rules"]}

        def nothing_shown():
            return [e for e in drawn if "airflow_" not in e and not ask("query", query=e).get("result")]

        def looks():
            return [target["health"] for target in ask("targets").get("activeTargets", [])]

        wait_for("Prometheus to look", lambda: looks() == ["up"], 60)
        wait_for("the rules", lambda: set(rules("health").values()) == {"ok"}, 60)
        assert set(rules("health")) == {rule["alert"] for group in written for rule in group["rules"]}
        wait_for("the alert", lambda: rules("state")["KillSwitchLatched"] == "firing", 60)
        until = time.monotonic() + 30
        while empty := nothing_shown():
            assert time.monotonic() < until, empty
            time.sleep(0.5)
        for expression in drawn:
            ask("query", query=expression)  # Airflow's own are not here, but Prometheus reads them
