"""The pages and the API under /almanac, as one application that Airflow's web server mounts."""

from __future__ import annotations

import psycopg
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from models.errors import AlmanacError
from plugins.web import problems
from plugins.web.api import actions, backtests, generate, metrics, research, status, trading, webhook
from plugins.web.api.refusals import REFUSALS
from plugins.web.files import FOLDERS, Files
from plugins.web.guard import guard
from plugins.web.pages import (
    assessment,
    behind,
    costs,
    data,
    links,
    models,
    orders,
    overview,
    risk,
    strategies,
)

PAGES = (overview, strategies, assessment, data, models, orders, risk, costs, behind, links)


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
    for part in PAGES:
        app.include_router(part.router, include_in_schema=False)
    for part in (status, metrics, trading, research, backtests, generate, actions, webhook):
        app.include_router(part.router, prefix="/api/v1", responses=REFUSALS)
    for folder in FOLDERS:
        app.mount(f"/{folder}", Files(folder))
    app.add_exception_handler(HTTPException, problems.refused)
    app.add_exception_handler(RequestValidationError, problems.malformed)
    app.add_exception_handler(AlmanacError, problems.stopped)
    app.add_exception_handler(psycopg.OperationalError, problems.unavailable)
    return app
