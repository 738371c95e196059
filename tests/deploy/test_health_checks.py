"""Health checks of programs that are not ours: what they ask, and what they make of the answer."""

from __future__ import annotations

import re
import subprocess
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml

from data_layer.settings import ROOT

SERVICES = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())["services"]
ALLOYS_PORT = 12345  # where it listens unless told otherwise


@contextmanager
def answering(path, status):
    """Run a server that has one page; gives its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status if self.path == path else 404)
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def alloys_check(port):
    kind, *command = SERVICES["alloy"]["healthcheck"]["test"]
    assert kind == "CMD"
    words = [word.replace("$$", "$").replace(f"/{ALLOYS_PORT}", f"/{port}") for word in command]
    assert words != command and f"/{port} " in words[-1]
    return subprocess.run(words, capture_output=True, check=False, timeout=30).returncode


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False), (404, False), (500, False)])
def test_alloy_is_healthy_when_it_says_so(status, healthy):
    with answering("/-/ready", status) as port:
        assert (alloys_check(port) == 0) is healthy
    assert alloys_check(port) != 0  # nobody listens there any more


def test_alloy_listens_where_it_is_asked():
    assert not [word for word in SERVICES["alloy"]["command"] if "listen" in word]


def test_loki_is_asked_with_what_its_image_has():
    """Up to 3.5 it is built on a base with busybox, from 3.6 on with nothing but itself."""
    kind, command = SERVICES["loki"]["healthcheck"]["test"]
    assert (kind, command.split()[0]) == ("CMD-SHELL", "wget")
    version = re.fullmatch(r"grafana/loki:(\d+)\.(\d+)\.\d+", SERVICES["loki"]["image"])
    assert tuple(map(int, version.groups())) < (3, 6)
    port = yaml.safe_load((ROOT / "deploy/observability/loki/loki.yml").read_text())["server"]["http_listen_port"]
    assert command.endswith(f" http://127.0.0.1:{port}/ready")
