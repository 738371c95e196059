"""Models: trained versions, how their folds did, what the gate measured, waivers, and drift."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from plugins.web.around import look_around
from plugins.web.guard import can_operate
from plugins.web.reading import rows, the
from plugins.web.rendering import page

router = APIRouter(prefix="/models", dependencies=[Depends(look_around)])
SHOWN = 250  # measures of a session's drift: 158 features, the score, and the horizons
FOLD_FIGURES = ("rank_ic", "sharpe_ratio", "win_rate", "turnover")


@router.get("")
def models(request: Request) -> Response:
    """Show every trained version, newest first within its family."""
    drift = {d["model_version_id"]: d for d in rows("pages/select_drifted")}
    found = [
        {
            **v,
            **{name: v["metrics"].get(name) for name in FOLD_FIGURES},
            "waiver": f"{v['waiver_name']}: {v['waiver_reason']}" if v["waiver_name"] else None,
            "drifted": drift[v["id"]]["beyond"] if v["id"] in drift else None,
        }
        for v in rows("model_versions/select_all")
    ]
    return page(request, "models.html", versions=found)


@router.get("/{number}")
def version(request: Request, number: Annotated[int, Path(ge=1, le=2**62)]) -> Response:
    """Show one version: its training, folds, decisions with the gate's numbers, and drift."""
    found = the("pages/select_version", f"no version {number}; Models lists those there are", id=number)
    return page(
        request,
        "model.html",
        version=found,
        may_operate=can_operate(request),
        folds=rows("pages/select_folds", training_run_id=found["training_run_id"]),
        decisions=rows("pages/select_promotions", id=number, count=SHOWN),
        gate=rows("pages/select_gate", id=number),
        drift=rows("pages/select_drift", id=number, count=SHOWN),
        shown=SHOWN,
    )
