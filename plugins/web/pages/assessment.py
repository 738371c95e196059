"""Assessment: every strategy in every scenario, what the ranking says, and the symbols behind a cell."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from starlette.responses import Response

from plugins.web.around import look_around
from plugins.web.reading import row, rows
from plugins.web.rendering import page

router = APIRouter(prefix="/assessment", dependencies=[Depends(look_around)])
FULL_SCALE = (
    0.5  # a median return of 50 % has the deepest colour; crashes and rallies of a year lie within it
)


@router.get("")
def assessment(request: Request, run: Annotated[int | None, Query(ge=1)] = None) -> Response:
    """Show one assessment, the newest when none is named."""
    runs = rows("pages/select_assessments")
    if not runs:
        return page(request, "assessment_empty.html")
    chosen = next((r for r in runs if r["id"] == run), None) if run else runs[0]
    if chosen is None:
        raise HTTPException(404, f"no assessment {run} among the newest {len(runs)}")
    said = row("pages/select_ranking_lines", run_id=chosen["id"])
    scenarios = rows("pages/select_scenarios_of_run", run_id=chosen["id"])
    return page(
        request,
        "assessment.html",
        runs=runs,
        run=chosen,
        lines=said["lines"] if said else [],
        ranking=rows("pages/select_ranking", run_id=chosen["id"], scope="overall"),
        scenarios=scenarios,
        heat=_heat(rows("pages/select_scenario_returns", run_id=chosen["id"])),
    )


@router.get("/cell")
def cell(
    request: Request,
    run: Annotated[int, Query(ge=1)],
    trial: Annotated[int, Query(ge=1)],
    scenario: Annotated[str, Query(max_length=60, pattern=r"^[^\x00-\x1f]*$")],
) -> Response:
    """Show the symbols behind one cell of the heatmap."""
    found = rows("pages/select_results_of_cell", run_id=run, trial_id=trial, scenario=scenario)
    if not found:
        raise HTTPException(404, f"run {run} holds no results of trial {trial} in {scenario!r}")
    return page(request, "assessment_cell.html", run=run, trial=trial, scenario=scenario, results=found)


def _heat(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one line per strategy, its cells by scenario with a shade from -1 to 1."""
    lines: dict[int, dict[str, Any]] = {}
    for cell in found:
        line = lines.setdefault(
            cell["trial_id"], {"strategy": cell["strategy"], "trial": cell["trial_id"], "cells": {}}
        )
        value = cell["total_return"]
        shade = 0.0 if value is None else max(-1.0, min(1.0, value / FULL_SCALE))
        line["cells"][cell["scenario"]] = {**cell, "shade": round(shade, 2)}
    return list(lines.values())
