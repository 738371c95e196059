"""Scenarios and rankings of the assessments."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from plugins.web.api.shapes import Ranking, Scenario
from plugins.web.reading import rows

router = APIRouter(tags=["research"])


@router.get("/scenarios")
def scenarios() -> list[Scenario]:
    """List the scenarios an assessment tries strategies in."""
    return [Scenario.model_validate(r) for r in rows("api/select_scenarios")]


@router.get("/rankings")
def rankings(
    run: Annotated[
        int | None, Query(ge=1, le=2**62, description="Assessment; the newest when left out")
    ] = None,
    scope: Annotated[str, Query(pattern=r"^(overall|(category|regime):[a-z_]{2,40})$")] = "overall",
) -> list[Ranking]:
    """List the strategies of an assessment in order."""
    return [Ranking.model_validate(r) for r in rows("api/select_rankings", run_id=run, scope=scope)]
