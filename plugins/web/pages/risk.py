"""Risk: limits and their use, what is held, what was decided, the kill switch, and approvals that wait."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from plugins.web.around import Surroundings
from plugins.web.guard import can_operate
from plugins.web.reading import row, rows
from plugins.web.rendering import columns, page, table_csv

router = APIRouter(prefix="/risk")
SHOWN = 50  # newest first; the tables themselves have them all


@router.get("")
def risk(
    request: Request, around: Surroundings, session: Annotated[dt.date | None, Query()] = None
) -> Response:
    """Show an account's risk at a session's close; the newest one checked when none is named."""
    of_account = {"account": around.account}
    found = row("pages/select_newest_risk", **of_account, session=session)
    if found is None:
        return page(request, "empty.html", title="Risk")
    at = {**of_account, "session": found["session_date"]}
    return page(
        request,
        "risk.html",
        found=found,
        session=found["session_date"],
        snapshot=row("pages/select_account", **at),
        switch=row("pages/select_switch", **of_account),
        may_operate=can_operate(request),
        limits=rows("pages/select_limit_use", **at),
        holdings=rows("pages/select_holdings", **at),
        decisions=rows("pages/select_decisions", **at),
        approvals=rows("pages/select_approvals", **of_account, count=SHOWN),
        events=rows("pages/select_switch_events", **of_account, count=SHOWN),
        history=columns(rows("pages/select_risk_history", **of_account)),
        shown=SHOWN,
    )


@router.get("/sessions.csv")
def saved(around: Surroundings) -> Response:
    """Save the account's fall below its peak and its exposures by session as CSV: the rows behind the chart."""
    return table_csv("risk-sessions", rows("pages/select_risk_history", account=around.account))
