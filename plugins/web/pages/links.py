"""Ways from Airflow's own pages to Almanac's: from a run to its session, from a strategy's task to its page."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import RedirectResponse, Response

from plugins.stages.context import CHAIN
from plugins.web.around import look_around
from plugins.web.reading import row, the
from plugins.web.rendering import page

router = APIRouter(dependencies=[Depends(look_around)])
# Where the runs of DAGs beside the daily chain are looked at.
BESIDE = {"strategy_assessment": "assessment", "model_training": "models", "kill_switch": "risk"}
Text = Annotated[str, Query(max_length=250, pattern=r"^[^\x00-\x1f]*$")]


@router.get("/run")
def of_run(request: Request, dag: Text, run: Text) -> Response:
    """Go to the newest session that a run has worked on."""
    prefix = request.scope.get("root_path", "")
    if dag in BESIDE:
        return RedirectResponse(f"{prefix}/{BESIDE[dag]}", status_code=303)
    found = row("pages/select_session_of_run", stage=dag, run_id=run)
    if found is None:
        return page(request, "run_without_session.html", dag=dag, run=run, in_chain=dag in CHAIN)
    return RedirectResponse(f"{prefix}/?session={found['session_date']}", status_code=303)


@router.get("/model/{number}")
def of_model(request: Request, number: Annotated[int, Path(ge=1, le=2**62)]) -> Response:
    """Go to the page of a model known by its id, as tasks know it."""
    found = the("pages/select_model_name", f"no model {number}; the leaderboard lists those there are", id=number)
    prefix = request.scope.get("root_path", "")
    return RedirectResponse(f"{prefix}/strategies/{found['model_name']}", status_code=303)
