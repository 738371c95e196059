"""Overview: what is done for which session, what the account is worth, what is wanted and what is wrong."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from plugins.stages.context import CHAIN
from plugins.web.alerts import open_alerts
from plugins.web.around import Surroundings
from plugins.web.guard import can_trigger
from plugins.web.reading import row, rows
from plugins.web.rendering import columns, page, table_csv

router = APIRouter()

STRIP_SESSIONS = 60  # a quarter of a year fits the width of a laptop
ALERTS_SHOWN = 50
ALL_ALERTS = 2_000  # on a page of their own; their file has those beyond


@router.get("/")
def overview(
    request: Request, around: Surroundings, session: Annotated[dt.date | None, Query()] = None
) -> Response:
    """Show one session; the newest one done when none is named."""
    newest = row("pages/select_newest_session")
    chosen = session or (newest["session_date"] if newest else None)
    if chosen is None:
        return page(request, "empty.html", title="Overview")
    strip = _strip(chosen)
    done = (
        dict(zip(CHAIN, strip[-1]["states"], strict=True))
        if strip and strip[-1]["session"] == chosen
        else {}
    )
    of_account = {"account": around.account}
    return page(
        request,
        "overview.html",
        session=chosen,
        may_trigger=can_trigger(request),
        waits_for=[stage for stage in CHAIN if done.get(stage) not in ("completed", "stale")],
        around_session=row("pages/select_sessions_around", session=chosen),
        stages=CHAIN,
        strip=strip,
        progress=rows("pages/select_progress", stages=list(CHAIN)),
        alerts=open_alerts(around, request.scope.get("root_path", ""), ALERTS_SHOWN),
        shown=ALERTS_SHOWN,
        account=row("pages/select_account", **of_account, session=chosen),
        equity=columns(rows("pages/select_equity", **of_account)),
        signals=rows("pages/select_signals", session=chosen),
        orders=rows("pages/select_orders", **of_account, session=chosen),
    )


@router.get("/alerts")
def alerts(request: Request, around: Surroundings) -> Response:
    """Show the open alerts, also those beyond what the overview has room for."""
    found = open_alerts(around, request.scope.get("root_path", ""), ALL_ALERTS)
    return page(request, "alerts.html", alerts=found, shown=ALL_ALERTS)


@router.get("/alerts.csv")
def saved_alerts() -> Response:
    """Save all open alerts as CSV."""
    return table_csv("alerts", rows("pages/select_open_alerts", count=None))


def _strip(session: dt.date) -> list[dict[str, Any]]:
    """Return the last sessions up to one, each with the status of every stage."""
    found = rows("pages/select_strip", session=session, count=STRIP_SESSIONS)
    return [
        {"session": r["session_date"], "states": [r["states"].get(s, "none") for s in CHAIN]} for r in found
    ]
