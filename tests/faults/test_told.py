"""A running Airflow whose vendors refuse and stall: somebody is told of it, and no secret gets out anywhere."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import psutil
import psycopg
import pytest
from psycopg import sql
from psycopg.rows import tuple_row

from data_layer.runtime import processes
from data_layer.runtime.airflow_api import AirflowApi
from data_layer.runtime.home import Home
from data_layer.storage.database import transaction
from tests.support.canaries import found
from tests.support.chain import query
from tests.support.cluster import free_port
from tests.support.running import running_home, wait_for
from tests.support.sinks import web_sink
from tests.support.vendor_market import sample_market
from tests.support.vendor_stub import Fault, serve

pytestmark = pytest.mark.faults
STAGE = "data_ingestion"
# One for every connection and address that takes one; all of the characters that a URL or a header writes otherwise.
CANARIES = {
    name: f"canary/{number}+{name}=end" for number, name in enumerate(("polygon", "alpaca", "smtp", "page", "telegram"))
} | {"webhook": "canary-webhook-path", "hint": "canary-of-the-key-that-signs-hints"}
PAGES = ("/", "/strategies", "/assessment", "/data", "/models", "/orders", "/risk", "/costs", "/api/v1/health",
         "/api/v1/runs", "/api/v1/metrics")  # fmt: skip
TABLES = """
SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2
"""


def connection(kind: str, login: str, password: str, **more: Any) -> str:
    return json.dumps({"conn_type": kind, "login": login, "password": password, **more})


@pytest.fixture(scope="module")
def running(tmp_path_factory) -> Iterator[SimpleNamespace]:
    """A home of two live vendors, whose keys stand in Airflow's connections, and with every way to tell somebody."""
    with serve(sample_market()) as vendors, web_sink() as sink:
        addresses = {name: value for name, value in vendors.settings().items() if not name.endswith("_KEY")}
        here = f"http://127.0.0.1:{sink.port}"
        values = {
            **addresses, "SOURCES": "polygon,alpaca", "SYMBOLS": "AAPL MSFT",
            "START": str(dt.datetime.now(dt.UTC).date() - dt.timedelta(days=8)),
            "NOTIFY_WEBHOOK": f"{here}/{CANARIES['webhook']}", "NOTIFY_EMAIL": "me@example.com",
            "NOTIFY_TELEGRAM": f"{here}/bot{CANARIES['telegram']}/sendMessage?chat_id=7",
            "ORDER_HINT_KEY": CANARIES["hint"],
            "AIRFLOW_CONN_POLYGON": connection("http", "", CANARIES["polygon"]),
            "AIRFLOW_CONN_ALPACA": connection("http", "id", CANARIES["alpaca"]),
            "AIRFLOW_CONN_SMTP_DEFAULT": connection(  # where nobody listens: mail fails, and says so
                "smtp", "me", CANARIES["smtp"], host="127.0.0.1", port=free_port(),
                extra={"disable_ssl": True, "from_email": "almanac@example.com", "retry_limit": 1, "timeout": 2},
            ),
        }  # fmt: skip
        vendors.fault = Fault("403")
        with running_home(tmp_path_factory.mktemp("told") / "home", values) as services:
            yield SimpleNamespace(home=services.home, vendors=vendors, sink=sink)


def told(running, beginning: str) -> list[str]:
    """Return the messages that begin so."""
    texts = [body["text"] for _, body in list(running.sink.came)]
    return [text for text in texts if text.startswith(beginning)]


def start(home: Home) -> str:
    api = AirflowApi(home)
    wait_for("the DAG", lambda: STAGE in api.dag_ids())
    return api.trigger(STAGE, {})


def page(api: AirflowApi, path: str) -> str:
    """Return what a browser is shown; that there is nothing yet is a page, too."""
    request = urllib.request.Request(api.url + path, headers={"Authorization": f"Bearer {api._token}"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        assert error.code == 404, path
        return error.read().decode()


def test_a_failed_run_is_told_by_every_channel(running):
    """The first run is nobody's: the one that was due at seven in the morning begins as soon as Airflow is up."""
    both = wait_for("webhook and Telegram", lambda: (m := told(running, f"Almanac: {STAGE} failed")) and m[1:] and m)
    assert all(part in both[0] for part in ("polygon refuses: HTTP 403", "run scheduled__", "What to do:")), both[0]
    assert {path.partition("?")[0] for path, _ in running.sink.came} == {
        f"/{CANARIES['webhook']}", f"/bot{CANARIES['telegram']}/sendMessage",
    }  # fmt: skip


def test_a_missed_deadline_is_told_while_the_run_goes_on(running):
    """A vendor that stumbles is asked again for an hour: by then the session's deadline may be over."""
    running.vendors.fault = Fault("500")
    run = start(running.home)
    metadata = running.home.uri("airflow", "airflow")
    waits = "SELECT FROM task_instance WHERE run_id = %(run)s AND state = 'up_for_retry'"
    wait_for("the vendor to be asked again", lambda: query(metadata, waits, {"run": run}))
    with transaction(metadata) as changed:  # it was hours ahead
        moved = changed.execute(
            "UPDATE deadline SET deadline_time = now() - interval '1 second' FROM dag_run r "
            "WHERE r.id = dagrun_id AND r.run_id = %s AND deadline_time > now() RETURNING 1", [run]
        )  # fmt: skip
        assert moved.rowcount == 1
    (text, *_) = wait_for("the deadline to be told", lambda: told(running, f"Almanac: {STAGE} is late"))
    assert run in text and "had not ended by 09:15 New York" in text
    state = query(metadata, "SELECT state FROM dag_run WHERE run_id = %(run)s", {"run": run})
    assert state == [{"state": "running"}]


def test_no_secret_is_found_in_what_it_left(running):
    """In pages, XCom and all other tables, audit, logs, notifications, what processes were started with."""
    home, places = running.home, {}
    places["messages"] = json.dumps([body for _, body in running.sink.came])
    api = AirflowApi(home)
    api._post("/api/v2/connections", {"connection_id": "planted", "conn_type": "http", "password": CANARIES["page"],
                                      "extra": json.dumps({"secret": CANARIES["page"]})})  # fmt: skip
    runs = [run.run_id for run in api.runs("failed", "running") if run.dag_id == STAGE]
    below = [f"/api/v2/dags/{STAGE}/dagRuns/{urllib.request.quote(run)}/taskInstances" for run in runs]
    paths = [
        *(f"/almanac{page}" for page in PAGES), "/api/v2/connections", "/api/v2/connections/planted",
        "/api/v2/variables", "/api/v2/eventLogs", "/api/v2/importErrors", "/api/v2/plugins", "/api/v2/dagWarnings",
        *below, *(f"{tasks}/fetch_market_data/logs/{attempt}" for tasks in below for attempt in (1, 2, 3)),
    ]  # fmt: skip
    for path in paths:
        places[path] = page(api, path)
    assert "planted" in places["/api/v2/connections"] and len(below) >= 2
    assert "HTTP 403" in "".join(text for path, text in places.items() if "/logs/" in path)
    for name in ("quant_data", "airflow"):
        with psycopg.connect(home.uri("postgres", name), row_factory=tuple_row) as reading:
            for table in reading.execute(TABLES).fetchall():
                rows = reading.execute(sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(*table))).fetchall()
                places[f"{name}: {table[1]}"] = "\n".join(text for (text,) in rows)
    assert "window" in places["airflow: xcom"]
    supervised = home.path / "run" / "supervisord.conf"  # the supervisor reads its own password there
    assert supervised.stat().st_mode & 0o077 == 0
    for path in home.path.rglob("*"):  # logs, artifacts, whatever else lies there
        kept = path == supervised or path.relative_to(home.path).parts[0] in {"secrets", "pgdata"}
        if path.is_file() and not kept:
            places[str(path)] = path.read_text(errors="replace")
    assert sum("HTTP 403" in text for place, text in places.items() if "attempt=" in place) >= 1
    for pid in processes.all_processes():
        with contextlib.suppress(psutil.NoSuchProcess):
            if processes.serves(pid, str(home.path)):
                places[f"command line of {pid}"] = " ".join(psutil.Process(pid).cmdline())
    secrets = CANARIES | {
        path.name: text
        for path in (home.path / "secrets").iterdir() if path.is_file() and len(text := path.read_text().strip()) >= 12
    }  # fmt: skip
    assert len(secrets) > len(CANARIES) + 5
    assert {place: names for place, text in places.items() if (names := found(text, secrets))} == {}
