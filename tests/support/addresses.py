"""Every address of the application that is read, its parameters filled in from a database's own rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import Mount

from tests.support.chain import query

# The account of an assessment that traded most.
BUSIEST = (
    "FROM backtest_results r JOIN assessment_scenarios a USING (run_id, scenario) ORDER BY trades DESC, symbol LIMIT 1"
)
SESSION = "SELECT max(session_date) AS v FROM account_snapshots"
ORDER = "SELECT client_order_id AS v FROM orders ORDER BY id DESC LIMIT 1"
RESTATED = "SELECT max(batch_id) AS v FROM restatements"
ASKED = (
    "SELECT max(split_part(idempotency_key, '/', 2)) AS v FROM audit_events "
    "WHERE idempotency_key LIKE 'backtest/%/asked'"
)
# What each parameter that must be given is, as SQL or as it stands; by the route's path where a name means two things.
VALUES = {
    "name": "macd_alpha", "model": "macd_alpha", "stage": "risk_execution", "limit": "max_drawdown",
    "dag": "risk_execution", "client_order_id": ORDER, "session": SESSION,
    "batch": "SELECT max(id) AS v FROM ingestion_batches",
    "run_id": "SELECT max(run_id) AS v FROM stage_runs WHERE stage = 'risk_execution' AND status = 'completed'",
    **{name: f"SELECT {column} AS v {BUSIEST}" for name, column in
       {"run": "r.run_id", "trial": "trial_id", "scenario": "scenario", "symbol": "symbol"}.items()},
}  # fmt: skip
OWN = {
    ("/data/{name}.csv", "name"): "batches",
    ("/run", "run"): VALUES["run_id"],
    ("/model/{number}", "number"): "SELECT max(id) AS v FROM models",
    ("/models/{number}", "number"): "SELECT max(id) AS v FROM model_versions",
    ("/data/restatements/{batch}", "batch"): RESTATED,
    ("/data/restatements/{batch}/touched", "batch"): RESTATED,
    ("/api/v1/backtests/{number}", "number"): "SELECT max(id) AS v FROM backtest_runs",
    ("/api/v1/backtests/asked/{run_id}", "run_id"): ASKED,
}  # fmt: skip


def read_routes(app: Any) -> Iterator[APIRoute]:
    """Yield every route that is read, those of included routers too."""
    for route in app.routes:
        if isinstance(route, APIRoute):
            if "GET" in (route.methods or ()):
                yield route
        elif hasattr(route, "routes") and not isinstance(route, Mount):
            yield from read_routes(route)


def addresses(app: FastAPI, uri: str, *, api: bool) -> dict[str, str]:
    """Return the address of something that is there, by the path of every route that is read.

    Args:
        app: the application.
        uri: connection URI of the database that it reads.
        api: whether the routes below /api, or those that are not.

    Raises:
        KeyError: for a parameter that VALUES knows nothing of: a new route's.
    """
    known: dict[str, str] = {}

    def value(path: str, name: str) -> str:
        said = OWN.get((path, name)) or VALUES[name]
        if said.startswith("SELECT") and said not in known:
            found = query(uri, said)[0]["v"]
            assert found is not None, f"nothing stored for {name} of {path}"
            known[said] = str(found)
        return known.get(said, said)

    found: dict[str, str] = {}
    for route in read_routes(app):
        path = route.path
        if path.startswith("/api/") is not api:
            continue
        place = {p.alias: quote(value(path, p.alias), safe="") for p in route.dependant.path_params}
        asked = {p.alias: value(path, p.alias) for p in route.dependant.query_params if p.field_info.is_required()}
        found[path] = path.format(**place) + (f"?{urlencode(asked)}" if asked else "")
    return found
