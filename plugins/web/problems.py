"""What goes wrong, said to people on a page and to programs as JSON."""

from __future__ import annotations

import logging
from http import HTTPStatus

import psycopg
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from models.errors import AlmanacError, BlockedError, ConfigError, DataQualityError, RetryableError
from plugins.web.reading import STATEMENT_SECONDS
from plugins.web.rendering import page, wants_json

# What the caller should do next decides the status: ask for something else, wait for another state, try again.
STATUS: dict[type[AlmanacError], HTTPStatus] = {
    ConfigError: HTTPStatus.UNPROCESSABLE_ENTITY,
    DataQualityError: HTTPStatus.CONFLICT,
    BlockedError: HTTPStatus.CONFLICT,
    RetryableError: HTTPStatus.SERVICE_UNAVAILABLE,
}
DOWN = "The database quant_data does not answer. `make status` says what runs; this page works again when it does."
SLOW = f"The database took longer than {STATEMENT_SECONDS} seconds for this page. Ask for less, or try again later."
BROKEN = "The page could not be made. The server's log says why, under trace {trace}."

log = logging.getLogger("almanac.web")


async def refused(request: Request, error: Exception) -> Response:
    """Say why a request is refused."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for nothing else
    response = explained(request, error.status_code, str(error.detail))
    response.headers.update(error.headers or {})  # which methods there are, for instance
    return response


async def malformed(request: Request, error: Exception) -> Response:
    """Say what of an address or a body cannot be read; a program gets every part of it."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for nothing else
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    if wants_json(request):
        # Without the input: it may hold numbers that JSON has no words for.
        parts = [{"loc": part["loc"], "msg": part["msg"], "type": part["type"]} for part in error.errors()]
        return JSONResponse({"detail": jsonable_encoder(parts)}, status_code=status)
    said = "; ".join(f"{part['loc'][-1]}: {part['msg']}" for part in error.errors())
    return explained(request, status, f"The address cannot be read. {said}")


async def stopped(request: Request, error: Exception) -> Response:
    """Say what the platform itself refuses or lacks."""
    assert isinstance(error, AlmanacError)  # noqa: S101 - registered for nothing else
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), HTTPStatus.CONFLICT)
    return explained(request, status, str(error))


async def unavailable(request: Request, error: Exception) -> Response:
    """Say that Postgres does not answer, or not in time."""
    log.warning("database: %r, trace %s: %s", request.scope["path"], request.state.trace_id, error)
    slow = isinstance(error, psycopg.errors.QueryCanceled)
    return explained(request, HTTPStatus.SERVICE_UNAVAILABLE, SLOW if slow else DOWN)


def failed(request: Request, error: Exception) -> Response:
    """Say that something is broken; the log has the rest."""
    trace = request.state.trace_id
    log.error("page failed: %r, trace %s", request.scope["path"], trace, exc_info=error)
    return explained(request, HTTPStatus.INTERNAL_SERVER_ERROR, BROKEN.format(trace=trace))


def explained(request: Request, status: int, said: str) -> Response:
    """Return a problem as a page, or as JSON for programs."""
    if wants_json(request):
        return JSONResponse({"detail": said}, status_code=status)
    return page(request, "problem.html", status=status, title=HTTPStatus(status).phrase, said=said)
