"""Order updates from outside: signed, taken once, never believed; the broker is asked, at most once a minute."""

from __future__ import annotations

import logging
from typing import Annotated

from fastapi import APIRouter, Header, HTTPException, Request
from starlette.concurrency import run_in_threadpool

from data_layer.settings import load_settings
from data_layer.storage.database import transaction
from models.errors import BlockedError, ConfigError
from plugins.execution.hints import MOST_BYTES, checked, take_hint
from plugins.web.api.shapes import Hint
from plugins.web.reading import role_uri
from plugins.web.starting import start

router = APIRouter(tags=["webhooks"])
ASKS = "risk_execution"  # its first step asks the broker what became of the orders
# Nobody is told why: a stranger learns nothing of clocks and keys.
REFUSED = "webhook call refused"
log = logging.getLogger("almanac.web")


BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}}


@router.post("/webhooks/orders", status_code=202, openapi_extra=BODY)
async def orders(
    request: Request,
    timestamp: Annotated[
        str, Header(alias="X-Almanac-Timestamp", description="Seconds since 1970", max_length=20)
    ] = "",
    signature: Annotated[
        str, Header(alias="X-Almanac-Signature", description="HMAC-SHA256 of `timestamp.body`, hex", max_length=128)
    ] = "",
) -> Hint:
    """Take an order update as a hint to ask the broker; needs no login but the signature of a key both sides hold."""
    if not (timestamp and signature):
        raise HTTPException(401, REFUSED)
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            raise HTTPException(413, REFUSED)
    return await run_in_threadpool(_take, request, timestamp, signature, body)


def _take(request: Request, timestamp: str, signature: str, body: bytes) -> Hint:
    keys = load_settings().broker.hint_keys
    at = request.state.came_at
    try:
        call = checked(keys, timestamp, signature, body, at)
        with transaction(role_uri("quant_data")) as connection:
            new = take_hint(connection, call)
            if new:  # before it is noted for good: when no run can be started, the sender's next try counts again
                start(ASKS, "webhook", why="an order update came", run_id=f"hint__{at:%Y-%m-%dT%H:%M}")
    except (BlockedError, ConfigError) as error:
        log.warning("%s, trace %s", error, request.state.trace_id)
        raise HTTPException(401, REFUSED) from error
    return Hint(new=new)
