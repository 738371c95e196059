"""How far the chain is, and what its runs did."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query, Request

from plugins.stages.context import CHAIN
from plugins.web.api.shapes import PLAIN_TEXT, Health, Run, RunDetail, StageHealth, Status
from plugins.web.around import Account
from plugins.web.reading import rows

router = APIRouter(tags=["status"])
GRAVITY: tuple[Status, ...] = ("ok", "behind", "empty", "failed")
Count = Annotated[int, Query(ge=1, le=1000)]
RunId = Annotated[str, Path(max_length=250, pattern=PLAIN_TEXT)]
Skip = Annotated[int, Query(ge=0, le=10_000_000)]


@router.get("/health")
def health(request: Request) -> Health:
    """Tell how far each stage is; a stage is behind when the one before it has completed a later session."""
    stages, before = [], None
    for found in rows("api/select_health", stages=list(CHAIN)):
        last = found["last_session"]
        status: Status = "behind" if last and before and before > last else "ok"
        if last is None:
            status = "empty"
        if found["failed_session"]:
            status = "failed"
        age = (request.state.came_at - found["completed_at"]).total_seconds() if last else None
        stages.append(
            StageHealth(
                stage=found["stage"],
                last_session=last,
                age_seconds=age,
                status=status,
                error=found["error"],
            )
        )
        before = last
    return Health(status=max((s.status for s in stages), key=GRAVITY.index), stages=stages)


@router.get("/runs")
def runs(limit: Count = 100, offset: Skip = 0) -> list[Run]:
    """List what runs did, newest first, one entry a stage."""
    found = rows("api/select_runs", run_id=None, count=limit, skip=offset)
    return [Run.model_validate(r) for r in found]


@router.get("/runs/{run_id}")
def run(account: Account, run_id: RunId, limit: Count = 1000, offset: Skip = 0) -> RunDetail:
    """Tell what one run did, and which signals of its sessions became which orders; limit and offset are of those."""
    stages = rows("api/select_runs", run_id=run_id, count=1000, skip=0)
    if not stages:
        raise HTTPException(404, f"no run {run_id} has written anything")
    orders = rows("api/select_signal_orders", run_id=run_id, account=account, count=limit, skip=offset)
    return RunDetail.model_validate({"stages": stages, "signal_orders": orders})
