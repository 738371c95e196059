"""Strategies: the leaderboard, and one page for each."""

from __future__ import annotations

import datetime as dt
import importlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import pandas as pd
from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from plugins.reports.model_sheet import closed_trades, session_numbers, trade_records
from plugins.reports.words import MONTHS, SPOKEN, title_of, written
from plugins.web.around import look_around
from plugins.web.reading import role_uri, row, rows, the
from plugins.web.rendering import page, table_csv, thinned

router = APIRouter(prefix="/strategies", dependencies=[Depends(look_around)])
SIGNALS_SHOWN = 250  # what a person scrolls through; the table itself has them all
TRADES_OF = 63  # sessions whose trades are listed: a quarter; `make report` goes through all of history
TRADES_SHOWN = 500  # of them; hundreds of symbols close some thousands in a quarter
CURVES = (
    "equity", "benchmark_equity", "drawdown", "rolling_sharpe", "rolling_volatility",
    "rolling_benchmark_volatility", "rolling_beta", "gross_exposure", "net_exposure",
    "turnover",
)  # fmt: skip
Within = Annotated[str, Query(pattern=r"^(\d{4}(-\d{2})?)?$", description="A year or a month; all when left out")]
Name = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{0,60}$")]


@router.get("")
def leaderboard(request: Request) -> Response:
    """Show every model with its newest figures, and which of them cannot be told apart."""
    report = row("pages/select_newest_report")
    told = report["confidence_sets"] if report else None
    found = rows("pages/select_strategies")
    return page(
        request, "strategies.html", report=report, told=told, models=found,
        sets=_sets(told["rank"] if told else {}),
    )  # fmt: skip


@router.get("/{name}")
def strategy(request: Request, name: Name) -> Response:
    """Show one model: what it is, how it did, what it wants."""
    model = the("pages/select_model", f"no model named {name}; the leaderboard lists those there are", model=name)
    standing = row("reports/select_standing", model=name)
    sheet = _sheet(name, standing) if standing else None
    return page(
        request,
        "strategy.html",
        model=model,
        about=_about(model["strategy_class"]),
        sheet=sheet,
        months=MONTHS,
        curves={"dates": sheet["dates"], **{c: thinned(sheet[c]) for c in CURVES}} if sheet else {},
        measures=[(title_of(n), written(n, v), SPOKEN.get(n, "")) for n, v in sheet["measures"].items()]
        if sheet else [],
        deepest=[
            {**d, "recovered": d["recovered"] or "not yet", "until": d["recovered"] or sheet["last_session"]}
            for d in sheet["drawdowns"]
        ] if sheet else [],
        trades_of=TRADES_OF,
        signals=rows("pages/select_model_signals", model=name, count=SIGNALS_SHOWN),
        shown=SIGNALS_SHOWN,
    )  # fmt: skip


@router.get("/{name}/trades")
def trades(request: Request, name: Name) -> Response:
    """Return the trades closed of the newest signals: worked out from a quarter's bars, so they come after the page."""
    standing = the("reports/select_standing", f"no figures of a model named {name}", model=name)
    found = _trades(standing, [str(r["session_date"]) for r in _sessions(name)])
    return page(request, "strategy_trades.html", model=name, trades=found[:TRADES_SHOWN], total=len(found))


@router.get("/{name}/sessions.csv")
def saved(
    name: Name, since: dt.date = dt.date.min, until: dt.date = dt.date.max, within: Within = ""
) -> Response:
    """Save what a model did in each session as CSV: the rows behind its figures and charts."""
    the("pages/select_model", f"no model named {name}", model=name)
    found = [r for r in _sessions(name, since, until) if str(r["session_date"]).startswith(within)]
    return table_csv(f"{name}-sessions", found)


def _sessions(name: str, first: dt.date = dt.date.min, last: dt.date = dt.date.max) -> list[dict[str, Any]]:
    return rows("reports/select_model_sessions", model=name, first=first, last=last)


def _sheet(name: str, standing: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the tear sheet's numbers, None before the model's first trade."""
    found = _sessions(name)
    return session_numbers(pd.DataFrame(found), standing) if any(r["net_return"] is not None for r in found) else None


def _trades(standing: Mapping[str, Any], dates: Sequence[str]) -> list[dict[str, Any]]:
    """Return the trades closed of the newest signals, newest first."""
    since = dt.date.fromisoformat(dates[-TRADES_OF:][0])
    found = closed_trades(
        role_uri("quant_reader"), standing, since, standing["session_date"], {}, decided_from=since
    )
    return trade_records(found.iloc[::-1])


def _sets(ranks: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return the confidence sets, best first: their rank and the models in them."""
    return [
        {"rank": rank, "models": sorted(name for name, own in ranks.items() if own == rank)}
        for rank in sorted(set(ranks.values()))
    ]


def _about(path: str) -> str:
    """Return the first line of a strategy's own words, empty when its file has gone."""
    module, _, name = path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError):
        return ""
    return (found.__doc__ or "").strip().split("\n")[0]
