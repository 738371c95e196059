"""Assessment: every strategy in every scenario, what the ranking says, and the symbols behind a cell."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from starlette.responses import Response

from data_layer.settings import is_symbol
from plugins.backtest.account import account_of
from plugins.web.around import look_around
from plugins.web.reading import role_uri, row, rows, the
from plugins.web.rendering import page, table_csv

router = APIRouter(prefix="/assessment", dependencies=[Depends(look_around)])
FULL_SCALE = (
    0.5  # a median return of 50 % has the deepest colour; crashes and rallies of a year lie within it
)
Run = Annotated[int, Query(ge=1, le=2**62)]
Trial = Annotated[int, Query(ge=1, le=2**62)]
ScenarioName = Annotated[str, Query(max_length=60, pattern=r"^[^\x00-\x1f]*$")]
Symbol = Annotated[str, Query(max_length=16)]


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
        errors=rows("pages/select_assessment_errors", run_id=chosen["id"]),
        heat=heat_of(rows("pages/select_scenario_returns", run_id=chosen["id"])),
    )


@router.get("/scenarios.csv")
def saved_scenarios(run: Run) -> Response:
    """Save the median return of each strategy in each scenario as CSV."""
    return table_csv(f"scenarios-{run}", rows("pages/select_scenario_returns", run_id=run))


@router.get("/returns.csv")
def saved_returns(run: Run, trial: Trial) -> Response:
    """Save what a strategy's accounts returned each session, which its place in the ranking rests on, as CSV."""
    return table_csv(f"returns-{run}-{trial}", rows("pages/select_trial_returns", run_id=run, trial_id=trial))


@router.get("/cell")
def cell(request: Request, run: Run, trial: Trial, scenario: ScenarioName) -> Response:
    """Show the symbols behind one cell of the heatmap."""
    found = rows("pages/select_results_of_cell", run_id=run, trial_id=trial, scenario=scenario)
    if not found:
        raise HTTPException(404, f"run {run} holds no results of trial {trial} in {scenario!r}")
    configured = row("strategy_trials/select_trial", trial_id=trial)
    return page(
        request, "assessment_cell.html", run=run, trial=configured, scenario=scenario, results=found,
        returns=sorted(r["total_return"] for r in found if r["total_return"] is not None),
    )  # fmt: skip


@router.get("/account")
def account(request: Request, run: Run, trial: Trial, scenario: ScenarioName, symbol: Symbol) -> Response:
    """Show one account: its results, and the place its curve and trades come to."""
    key = {"run_id": run, "trial_id": trial, "scenario": scenario, "symbol": _ticker(symbol)}
    stored = the("backtest_results/select_account", f"run {run} holds no such account of {symbol}", **key)
    return page(
        request, "assessment_account.html", run=run, scenario=scenario, symbol=symbol, stored=stored,
        trial=row("strategy_trials/select_trial", trial_id=trial),
        query=urlencode({"run": run, "trial": trial, "scenario": scenario, "symbol": symbol}),
    )  # fmt: skip


@router.get("/account/part")
def account_part(
    request: Request, run: Run, trial: Trial, scenario: ScenarioName, symbol: Symbol
) -> Response:
    """Return the account's curve and trades, run again from the bars the assessment ran on."""
    found = account_of(role_uri("quant_reader"), run, trial, scenario, _ticker(symbol))
    return page(request, "assessment_account_part.html", found=found, table=f"{symbol}-{run}-{trial}")


def _ticker(symbol: str) -> str:
    if not is_symbol(symbol):
        raise HTTPException(422, f"not a ticker: {symbol}")
    return symbol


def heat_of(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
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
