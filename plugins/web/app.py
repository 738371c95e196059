"""The pages and the API under /almanac, as one application that Airflow's web server mounts."""

from __future__ import annotations

import importlib.metadata
import logging
from http import HTTPStatus
from pathlib import Path

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.staticfiles import StaticFiles

from plugins.web.api import research, status, trading
from plugins.web.guard import guard
from plugins.web.pages import assessment, data, orders, overview, strategies
from plugins.web.rendering import page, wants_json

HERE = Path(__file__).parent
# The chart library comes with its Python package: nothing is fetched from elsewhere, and pages work offline.
CHARTS = Path(str(importlib.metadata.distribution("plotly").locate_file("plotly/package_data")))

log = logging.getLogger(__name__)


def build_app() -> FastAPI:
    """Return the application; every path of it, static files too, lies behind the guard."""
    app = FastAPI(
        title="Almanac",
        description="What the pages show, for programs. Log in as for Airflow's own API.",
        version="1",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # FastAPI's own page takes its scripts from elsewhere
        redoc_url=None,
    )
    app.middleware("http")(guard)
    for part in (overview, strategies, assessment, data, orders):
        app.include_router(part.router, include_in_schema=False)
    for part in (status, trading, research):
        app.include_router(part.router, prefix="/api/v1")
    app.mount("/static", StaticFiles(directory=HERE / "static"))
    app.mount("/charts", StaticFiles(directory=CHARTS))
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(Exception, _failed)
    return app


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for nothing else
    return _explained(request, error.status_code, str(error.detail))


async def _failed(request: Request, error: Exception) -> Response:
    log.error("page failed: %s, trace %s", request.url.path, request.state.trace_id, exc_info=error)
    said = f"The page could not be made. The server's log says why, under trace {request.state.trace_id}."
    return _explained(request, HTTPStatus.INTERNAL_SERVER_ERROR, said)


def _explained(request: Request, status: int, said: str) -> Response:
    if wants_json(request):
        return JSONResponse({"detail": said}, status_code=status)
    return page(request, "problem.html", status=status, title=HTTPStatus(status).phrase, said=said)
