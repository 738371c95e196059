"""Strategies: the leaderboard, and one page for each."""

from __future__ import annotations

import importlib
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from plugins.web.around import look_around
from plugins.web.reading import row, rows, the
from plugins.web.rendering import columns, page

router = APIRouter(prefix="/strategies", dependencies=[Depends(look_around)])
SIGNALS_SHOWN = 250  # what a person scrolls through; the table itself has them all
Name = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{0,60}$")]


@router.get("")
def leaderboard(request: Request) -> Response:
    """Show every model with its newest figures."""
    return page(
        request,
        "strategies.html",
        report=row("pages/select_newest_report"),
        models=rows("pages/select_strategies"),
    )


@router.get("/{name}")
def strategy(request: Request, name: Name) -> Response:
    """Show one model: what it is, how it did, what it wants."""
    model = the("pages/select_model", f"no model named {name}; the leaderboard lists those there are", model=name)
    return page(
        request,
        "strategy.html",
        model=model,
        about=_about(model["strategy_class"]),
        curve=columns(rows("pages/select_model_curve", model=name)),
        signals=rows("pages/select_model_signals", model=name, count=SIGNALS_SHOWN),
        shown=SIGNALS_SHOWN,
    )


def _about(path: str) -> str:
    """Return the first line of a strategy's own words, empty when its file has gone."""
    module, _, name = path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError):
        return ""
    return (found.__doc__ or "").strip().split("\n")[0]
