"""From Airflow's run to a stage's context: read once, by the first step, and handed on as two dates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from data_layer.sessions import sessions_between
from data_layer.settings import Settings, load_settings
from data_layer.sources import open_sources
from data_layer.sources.universe import asked_for, read_universe
from data_layer.storage.database import transaction
from data_layer.storage.roles import as_layer
from models.errors import BlockedError
from plugins.stages.context import Context, upstream_of
from plugins.stages.ingestion import available_sessions, refuse_other_source
from plugins.stages.runs import completed_sessions
from plugins.stages.tracing import correlations
from plugins.stages.window import Request, Window, resolve_window
from plugins.vendor_keys import with_connections

XCOM_KEY = "window"


def open_context(uri: str, airflow: Mapping[str, Any], step: str, first_step: str) -> Context:
    """Return the context of a step.

    Args:
        uri: writer's connection URI.
        airflow: the task's Airflow context: dag_run, params, ti.
        step: the task's id.
        first_step: the id of the task that resolves the window for all.

    Raises:
        BlockedError: when that task came to nothing.
    """
    dag_run, ti = airflow["dag_run"], airflow["ti"]
    settings = with_connections(load_settings())
    if step == first_step:
        # The one look at the clock: it bounds what may have closed, and nothing else is decided by it.
        request = _request(dag_run, airflow["params"], dt.datetime.now(dt.UTC))
        window = resolve(uri, request, settings)
        with transaction(uri) as connection:
            traced = correlations(connection, request.stage, request.run_id, window.sessions)
        ti.xcom_push(key=XCOM_KEY, value={**_packed(request, window), "correlations": traced})
    else:
        packed = ti.xcom_pull(task_ids=first_step, key=XCOM_KEY)
        if packed is None:
            raise BlockedError("the run's first task has not settled its sessions", stage=dag_run.dag_id,
                               key="task", value=first_step, remedy="see its log, then clear it")  # fmt: skip
        request = _request(dag_run, airflow["params"], dt.datetime.fromisoformat(packed["now"]))
        window = _unpacked(uri, request, packed)
        traced = packed.get("correlations", ())  # a run begun before the upgrade has none
    return Context(request, window, settings, as_layer(uri, request.stage), traced)


def open_backfill(uri: str, settings: Settings) -> Context:
    """Return the context of a backfill: a run of data_ingestion that completes no session, named by its instant."""
    now = dt.datetime.now(dt.UTC)
    request = Request("data_ingestion", f"backfill__{now:%Y%m%dT%H%M%S%f}", {}, None, now)
    return Context(request, Window("nothing", reason="backfill"), settings, as_layer(uri, request.stage))


def open_rehearsal(uri: str, settings: Settings, stage: str, end: dt.date) -> Context:
    """Return the context of a stage of a rehearsal, which catches up to a session."""
    request = Request(stage, "rehearsal", {"end": end.isoformat()}, None, dt.datetime.now(dt.UTC))
    return Context(request, resolve(uri, request, settings), settings, as_layer(uri, stage))


def _request(dag_run: Any, params: Mapping[str, Any], now: dt.datetime) -> Request:
    run_id = dag_run.run_id
    if getattr(dag_run, "triggering_user_name", None) == "dag_test":
        run_id += f"#{now:%Y%m%dT%H%M%S%f}"  # two `dags test` of one date share a run id
    return Request(dag_run.dag_id, run_id, dict(params), dag_run.logical_date, now)


def resolve(uri: str, request: Request, settings: Settings) -> Window:
    """Return the window of a run, from what the stage and its upstream have completed so far."""
    upstream = upstream_of(request.stage)
    with transaction(uri) as connection:
        done = list(completed_sessions(connection, request.stage))
        if upstream:
            available = list(completed_sessions(connection, upstream))
        else:
            # Before the sessions are compared: those of another source would only look done, or missing.
            refuse_other_source(connection, request.stage, settings)
            asked = asked_for(settings, read_universe(settings))
            available = available_sessions(request, open_sources(asked))
    return resolve_window(request, available, done)


def _packed(request: Request, window: Window) -> dict[str, Any]:
    return {
        "now": request.now.isoformat(),
        "mode": window.mode,
        "first": str(window.sessions[0]) if window else None,
        "last": str(window.sessions[-1]) if window else None,
        "symbols": list(window.symbols),
        "reason": window.reason,
    }


def _unpacked(uri: str, request: Request, packed: Mapping[str, Any]) -> Window:
    sessions: tuple[dt.date, ...] = ()
    if packed["mode"] != "nothing":
        first, last = dt.date.fromisoformat(packed["first"]), dt.date.fromisoformat(packed["last"])
        upstream = upstream_of(request.stage)
        if upstream:
            with transaction(uri) as connection:
                completed = completed_sessions(connection, upstream)
            sessions = tuple(s for s in completed if first <= s <= last)
        else:
            sessions = tuple(sessions_between(first, last))
    return Window(packed["mode"], sessions, tuple(packed["symbols"]), packed["reason"])
