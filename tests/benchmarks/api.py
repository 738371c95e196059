"""The pages and the API over 397 x 5,400 real bars, their features, signals, orders and books: what the server takes.

What is measured of a request lies between its coming in and its answer's end inside the application: the client's own
milliseconds are not the server's. Each goes through the whole application, guard and database included; only whose
token it is, and Airflow's own queueing of a run, are not asked of an Airflow that is not there. BENCH_HOME=folder keeps
the home, minutes of work, for the next time.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import importlib
import multiprocessing
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from data_layer.storage.artifacts import open_store
from data_layer.storage.database import transaction
from data_layer.storage.registry import decide, find_version, register
from data_layer.storage.training import feature_set_version, open_run
from models.ml.trainers.alpha158_lightgbm import Alpha158Lightgbm
from plugins.backtest.assessment_run import Asked, run_here
from tests.benchmarks.measure import Measure
from tests.benchmarks.trading import EAGER, Home, prepared_home
from tests.support.addresses import addresses
from tests.support.chain import query, run_stage
from tests.support.models import noisy

V1 = "/api/v1"
KEY = "k" * 32
REPEATS = 40
USERS = 20
RESTATED = (
    "INSERT INTO restatements SELECT max(batch_id), symbol, max(date) - 30, 'bar corrected', now() FROM market_data "
    "WHERE symbol = 'AAPL' GROUP BY symbol"
)
SECONDS = float(os.environ.get("USER_SECONDS", "60"))  # how long they go on
LIMITS = {  # p95, seconds
    "page": 0.3, "part": 1.0, "file": 0.3,  # a part works something out anew, and comes after its page
    "order": 0.02, "generate": 0.1, "webhook": 0.05, "reload": 1.0, "health": 0.01,
}  # fmt: skip


def api() -> Iterator[Measure]:
    """95th percentiles against the limits, then twenty users at once for a minute, none of whom may meet an error."""
    with served() as (home, client):
        yield from measures(home, client)


def measures(home: Home, client: Any) -> Iterator[Measure]:
    """Measure an application whose home is prepared: every address that it has, so that no new page is left out."""
    order = query(home.writer, "SELECT client_order_id AS id FROM orders ORDER BY id DESC LIMIT 1")[0]["id"]
    symbols = [row["s"] for row in query(home.writer, "SELECT DISTINCT symbol AS s FROM signals ORDER BY 1 LIMIT 5")]
    asked = {"symbols": symbols, "as_of_date": str(home.sessions()[-1]), "top_n": 1, "bottom_n": 1}
    every = addresses(client.app.app, home.writer, api=False)
    traded = query(home.writer, "SELECT symbol AS s FROM orders GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1")[0]["s"]
    every |= {route: f"{route}?symbol={traded}" for route in ("/orders.csv", "/costs.csv")}  # all are refused: too many
    kinds: dict[str, dict[str, float]] = {"page": {}, "part": {}, "file": {}}
    for route, path in every.items():
        kind = _kind(client.get(path, follow_redirects=False))
        kinds[kind][route] = p95(client, lambda path=path: client.get(path, follow_redirects=False))
    for kind, worst in kinds.items():
        for route, seconds in sorted(worst.items(), key=lambda one: -one[1]):
            print(f"# {kind} {route} p95 {1000 * seconds:.1f} ms", flush=True)
        yield _within(kind, max(worst.values()))
    yield _within("order", p95(client, lambda: client.get(f"{V1}/orders/{order}")))
    yield _within("generate", p95(client, lambda: client.post(f"{V1}/signals/generate", json=asked)))
    numbers = iter(range(10**6))
    yield _within("webhook", p95(client, lambda: _hook(client, next(numbers))))
    yield _within("reload", p95(client, lambda: client.post(f"{V1}/models/reload", json={"reason": "a bench"})))
    yield _within("health", p95(client, lambda: client.get(f"{V1}/health")))
    pages = [every[route] for route in kinds["page"]]
    paths = (*pages, f"{V1}/health", f"{V1}/signals", f"{V1}/orders/{order}", f"{V1}/positions", f"{V1}/metrics")
    times, errors = together(client.app, paths)
    spread = float(np.percentile(times, 95))
    print(f"# {USERS} users for {SECONDS:g} s: {len(times)} answers, p95 {spread:.3f} s, {errors} errors")
    if errors:
        raise AssertionError(f"{errors} of {len(times)} requests of {USERS} users failed")


def _kind(answer: Any) -> str:
    """Tell a page, which may lead on to another, from a part that comes after its page, and from a file."""
    if answer.status_code == 303 or "<!doctype html>" in answer.text[:20]:
        return "page"
    return "part" if "text/html" in answer.headers["content-type"] else "file"


def _within(name: str, seconds: float) -> Measure:
    return Measure(f"api_{name}_p95", seconds, LIMITS[name], 1.0)


class Timed:
    """An application that remembers what its last answer took, in seconds."""

    def __init__(self, app: Any):
        self.app, self.seconds = app, 0.0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer."""
        began = time.perf_counter()
        await self.app(scope, receive, send)
        self.seconds = time.perf_counter() - began


def p95(client: Any, ask: Callable[[], Any]) -> float:
    """Return the 95th percentile of a request's seconds, the first one (imports, caches) left out."""
    taken = []
    for _ in range(REPEATS + 1):
        answer = ask()
        taken.append(client.app.seconds)
        assert answer.status_code in (200, 202, 303), answer.text
    return float(np.percentile(taken[1:], 95))


def _hook(client: Any, number: int) -> Any:
    at, body = str(int(time.time())), f'{{"n": {number}}}'.encode()
    proof = hmac.new(KEY.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
    headers = {"X-Almanac-Timestamp": at, "X-Almanac-Signature": proof}
    return client.post(f"{V1}/webhooks/orders", content=body, headers=headers)


def together(app: Any, paths: tuple[str, ...]) -> tuple[list[float], int]:
    """Let USERS ask a server of its own process for the paths; return what each answer took, and how many failed."""
    import uvicorn

    from plugins.web import reading

    reading.pool().close()
    reading.pool.cache_clear()  # the server's process opens its own
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(USERS)  # who comes before the server's process is up waits
        port = listener.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))
        process = multiprocessing.get_context("fork").Process(target=server.run, args=([listener],), daemon=True)
        process.start()
        times: list[float] = []
        failed: list[object] = []
        _first(port)
        until = time.perf_counter() + SECONDS

        def user(number: int) -> None:
            turn = number
            while time.perf_counter() < until:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
                began = time.perf_counter()
                try:
                    connection.request("GET", paths[turn % len(paths)], headers={"Authorization": "Bearer viewer"})
                    answer = connection.getresponse()
                    answer.read()
                    if answer.status not in (200, 303):
                        failed.append(answer.status)
                except OSError as error:
                    failed.append(error)
                times.append(time.perf_counter() - began)
                connection.close()
                turn += 1

        users = [threading.Thread(target=user, args=(n,)) for n in range(USERS)]
        for one in users:
            one.start()
        for one in users:
            one.join()
        process.terminate()
        process.join()
    if failed:
        print(f"# the first: {failed[0]!r}")
    return times, len(failed)


def _first(port: int) -> None:
    """Return when the server has answered once: imports and connections are not what users wait for."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", f"{V1}/health", headers={"Authorization": "Bearer viewer"})
    connection.getresponse().read()
    connection.close()


@contextmanager
def served(path: Path | None = None) -> Iterator[tuple[Home, Any]]:
    """Prepare a home to the end of the chain with a promoted version, and give a client of its application."""
    kept = os.environ.get("BENCH_HOME")
    with prepared_home(path, Path(kept) if kept else None) as home, tempfile.TemporaryDirectory() as folder:
        named = {"quant_reader": "quant_reader", "quant_data": "quant_writer", "quant_trainer": "quant_trainer"}
        os.environ |= {
            "AIRFLOW_HOME": folder, "ALMANAC_HOME": str(home.settings.almanac_home), "ORDER_HINT_KEY": KEY,
            "ALMANAC_ARTIFACTS": str(home.settings.almanac_home / "artifacts"),
            **{f"AIRFLOW_CONN_{name.upper()}": home.server.uri(role).replace("postgresql:", "postgres:", 1)
               for name, role in named.items()},
        }  # fmt: skip
        with home.once("traded") as needed:
            if needed:
                home.change(EAGER)
                home.run()
                run_stage(home.writer, home.settings, "performance_testing")
                promote(home)
        with home.once("assessed") as needed:
            if needed:
                run_here(home.writer, home.settings, Asked())
                home.change(f"{RESTATED}; ANALYZE")
        yield home, _client()


def promote(home: Home) -> None:
    """Train a version of the default size on noise, register and promote it; what it says is not looked at."""
    from data_layer.settings import load_settings

    trainer, store, last = home.server.uri("quant_trainer"), open_store(load_settings()), home.sessions()[-30]
    own, data = Alpha158Lightgbm(stop_share=0.0), noisy()
    artifact = own.fit(data, np.flatnonzero(~np.isnan(data.label)), 0)
    with transaction(trainer) as connection:
        version = feature_set_version(connection, own.feature_set)
    facts = {
        "run_key": "bench", "family": own.family, "parameters": own.parameters(), "folds": {}, "asked": {}, "seed": 0,
        "first_session": home.sessions()[0], "last_session": last,
        "known_at": "2020-01-01", "symbols": 1, "rows_with_label": 1,
        "data_version": "0" * 16, "label_version": "0" * 16, "code_version": "0" * 16, "feature_set": own.feature_set,
        "feature_set_version": version, "started_by": "bench",
    }  # fmt: skip
    run = open_run(trainer, facts, "all", "models.ml.trainers.alpha158_lightgbm.Alpha158Lightgbm")
    row = register(trainer, store, run, artifact.format, artifact.content, artifact.metadata, metrics={},
                   trained=(home.sessions()[0], last), seen_until=last)  # fmt: skip
    with transaction(trainer) as connection:
        found = find_version(connection, row["id"])
    assert decide(trainer, store, found, None, [], by="bench") == "promoted"


def _client() -> Any:
    importlib.import_module("airflow.sdk")
    from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from starlette.testclient import TestClient

    from plugins.web import guard
    from plugins.web.api import webhook
    from plugins.web.app import build_app

    async def user(token: str | None) -> SimpleAuthManagerUser:
        return SimpleAuthManagerUser(username="bench", role=token)

    guard.resolve_user_from_token, guard.get_auth_manager = user, SimpleAuthManager  # type: ignore[assignment]
    webhook.start = lambda *_, **__: None  # type: ignore[assignment]
    headers = {"Authorization": "Bearer admin", "Accept": "text/html"}
    return TestClient(Timed(build_app()), headers=headers)


BENCHMARKS = (api,)
ONLY_BY_NAME = {"api"}  # minutes of preparation
