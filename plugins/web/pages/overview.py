"""Overview: what is done for which session, what the account is worth, what is wanted and what is wrong."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from plugins.web.reading import row, rows
from plugins.web.rendering import columns, page

router = APIRouter()

STAGES = ("data_ingestion", "feature_engineering", "model_execution", "risk_execution", "performance_testing")
STRIP_SESSIONS = 60  # a quarter of a year fits the width of a laptop


@router.get("/")
def overview(request: Request, session: Annotated[dt.date | None, Query()] = None) -> Response:
    """Show one session; the newest one done when none is named."""
    newest = row("pages/select_newest_session")
    chosen = session or (newest["session_date"] if newest else None)
    if chosen is None:
        return page(request, "empty.html", title="Overview")
    strip = _strip(chosen)
    done = (
        dict(zip(STAGES, strip[-1]["states"], strict=True))
        if strip and strip[-1]["session"] == chosen
        else {}
    )
    return page(
        request,
        "overview.html",
        session=chosen,
        waits_for=[stage for stage in STAGES if done.get(stage) not in ("completed", "stale")],
        around=row("pages/select_sessions_around", session=chosen),
        stages=STAGES,
        strip=strip,
        progress=rows("pages/select_progress"),
        account=row("pages/select_account", session=chosen),
        equity=columns(rows("pages/select_equity")),
        signals=rows("pages/select_signals", session=chosen),
        orders=rows("pages/select_orders", session=chosen),
    )


def _strip(session: dt.date) -> list[dict[str, Any]]:
    """Return the last sessions up to one, each with the status of every stage."""
    found = rows("pages/select_strip", session=session, count=STRIP_SESSIONS)
    return [
        {"session": r["session_date"], "states": [r["states"].get(s, "none") for s in STAGES]} for r in found
    ]
