"""Who may see a page or press a button; everything under /almanac passes here first, static files too.

Rights are Airflow's own, asked of whatever auth manager it runs with: who may see plugins may look, who may
trigger the chain may trigger it here, who may change Airflow's variables may operate (kill, release, promote).
"""

from __future__ import annotations

import datetime as dt
import gc
import hmac
import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from functools import cache
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.base_auth_manager import COOKIE_NAME_JWT_TOKEN
from airflow.api_fastapi.auth.managers.models.resource_details import (
    AccessView,
    DagAccessEntity,
    DagDetails,
    VariableDetails,
)
from airflow.api_fastapi.core_api.security import resolve_user_from_token
from airflow.configuration import conf
from fastapi import HTTPException, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from data_layer.settings import load_settings
from plugins.web.problems import failed
from plugins.web.rendering import route_path

# Who calls these has no login: its signature is looked at instead, before anything else.
SIGNED = frozenset({("POST", "/api/v1/webhooks/orders")})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# Prometheus logs in with a token of its own, good for this alone: a role's token would end within a day.
SCRAPED = ("GET", "/api/v1/metrics")
# A form of another site can send neither JSON nor a header of its own without asking us first.
OWN_HEADER = "x-almanac-request"
TRACE_HEADER = "X-Trace-ID"
LONGEST_TRACE = 64
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",  # the chart library sets styles on the elements it draws
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'self'",  # Airflow shows the pages in a frame
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}

log = logging.getLogger("almanac.web")
Next = Callable[[Request], Awaitable[Response]]
Origin = tuple[str, str, int]  # scheme, host, port
PORTS = {"http": 80, "https": 443}


async def guard(request: Request, call_next: Next) -> Response:
    """Let a request pass whose user may look, and whose change did not come from a foreign page."""
    _settle()
    began = time.perf_counter()
    trace = request.headers.get(TRACE_HEADER, "")
    if not (0 < len(trace) <= LONGEST_TRACE and trace.isascii() and trace.replace("-", "").isalnum()):
        trace = uuid.uuid4().hex
    request.state.trace_id = trace
    request.state.came_at = dt.datetime.now(dt.UTC)
    try:
        asked = (request.method, route_path(request))
        if asked not in SIGNED and not (asked == SCRAPED and _is_scraper(request)):
            request.state.user = await _user(request)
            _refuse_foreign(request)
        response = await call_next(request)
    except HTTPException as refused:
        response = _refusal(request, refused)
    except Exception as error:
        # Here, not in the framework's own handler: that one answers without our headers.
        response = failed(request, error)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers[TRACE_HEADER] = trace
    if "/api/" in request.scope["path"] or request.method not in SAFE_METHODS:
        took = 1000 * (time.perf_counter() - began)
        log.info(
            "%s %r %s %.0f ms trace %s",
            request.method,
            request.scope["path"],
            response.status_code,
            took,
            trace,
        )
    return response


@cache
def _settle() -> None:
    """Leave what the server has loaded by its first request out of garbage collection from then on.

    Half a million objects that never become garbage: walking them held up one page in twenty by a quarter of a second.
    """
    gc.collect()
    gc.freeze()


async def _user(request: Request) -> Any:
    """Return the user who may see plugins, from the bearer token, else from Airflow's own cookie."""
    token = _bearer(request) or request.cookies.get(COOKIE_NAME_JWT_TOKEN, "")
    user = await resolve_user_from_token(token or None)
    if not get_auth_manager().is_authorized_view(access_view=AccessView.PLUGINS, user=user):
        raise HTTPException(HTTPStatus.FORBIDDEN, "your role may not see Almanac's pages")
    return user


def _bearer(request: Request) -> str:
    """Return the bearer token, empty without one; no browser sends one by itself, as it does with a password."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _is_scraper(request: Request) -> bool:
    token = load_settings().watch.metrics_token
    return bool(token) and hmac.compare_digest(_bearer(request).encode(), token.encode())


def _refuse_foreign(request: Request) -> None:
    """Refuse a change that a page of another origin could have sent with the user's cookie."""
    if request.method in SAFE_METHODS:
        return
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send application/json")
    if _bearer(request):
        return
    if not request.headers.get(OWN_HEADER) or _origin(request.headers.get("origin", "")) not in _own_origins(request):
        raise HTTPException(HTTPStatus.FORBIDDEN, "the request does not come from Almanac's own pages")


def _own_origins(request: Request) -> set[Origin]:
    """Return the origins whose pages are ours: the address that was asked, and the one Airflow is told people use.

    Where that one names the asked host its scheme counts, for a proxy that ends TLS asks us by plain http. Of another
    host asked by plain http nothing says whether there is such a proxy: https is ours as well, for nobody else holds
    the host's certificate. A page that came by http is no page of a host that people reach by https.
    """
    asked = request.headers.get("host", "").strip()
    told = _origin(conf.get("api", "base_url", fallback=None) or "")
    if told and _origin(f"{told[0]}://{asked}") == told:
        return {told}
    schemes = {"http", "https"} if request.scope["scheme"] == "http" else {request.scope["scheme"]}
    return {origin for origin in (told, *(_origin(f"{scheme}://{asked}") for scheme in schemes)) if origin}


def _origin(address: str) -> Origin | None:
    """Return scheme, host and port of an address, the port that the scheme implies too; None where it has no such."""
    try:
        parts = urlsplit(address)
        port = parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:  # a port that is none
        return None
    return (parts.scheme, parts.hostname, port) if parts.hostname and port else None


def _refusal(request: Request, refused: HTTPException) -> Response:
    wants_page = request.method in SAFE_METHODS and "text/html" in request.headers.get("accept", "")
    if refused.status_code == HTTPStatus.UNAUTHORIZED and wants_page:
        query = request.scope.get("query_string", b"").decode("latin-1")
        asked = request.scope["path"] + (f"?{query}" if query else "")
        return RedirectResponse(f"/auth/login?next={quote(asked, safe='/')}", status_code=307)
    return JSONResponse({"detail": refused.detail}, status_code=refused.status_code)


def can_trigger(request: Request) -> bool:
    """Return whether the user may start a run of the daily chain."""
    return get_auth_manager().is_authorized_dag(
        method="POST",
        access_entity=DagAccessEntity.RUN,
        details=DagDetails(id="data_ingestion"),
        user=request.state.user,
    )


def may_trigger(request: Request) -> None:
    """Refuse who may not start a run of the daily chain.

    Raises:
        HTTPException: 403.
    """
    if not can_trigger(request):
        raise HTTPException(HTTPStatus.FORBIDDEN, "your role may not start runs")


def can_operate(request: Request) -> bool:
    """Return whether the user may change what the platform does: kill, re-arm, release, promote, waive."""
    return get_auth_manager().is_authorized_variable(
        method="PUT", details=VariableDetails(key="almanac"), user=request.state.user
    )


def may_operate(request: Request) -> None:
    """Refuse who may not change what the platform does.

    Raises:
        HTTPException: 403.
    """
    if not can_operate(request):
        raise HTTPException(HTTPStatus.FORBIDDEN, "your role may look, but not operate")


def user_name(request: Request) -> str:
    """Return the name that audit events carry."""
    return str(request.state.user.get_name())
