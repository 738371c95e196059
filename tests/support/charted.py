"""A strategy's page over made-up numbers of any length, served without Airflow: what a browser draws, and how fast."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
import uvicorn
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route

from models.backtest.tear_sheet import tear_sheet
from plugins.reports.words import MONTHS
from plugins.web.around import NOTHING
from plugins.web.files import FOLDERS, Files
from plugins.web.pages.assessment import heat_of
from plugins.web.pages.strategies import CURVES
from plugins.web.rendering import TABS, templates, thinned


def strategy_page(sessions: int, seed: int = 7) -> str:
    """Return the page of a model that has traded for so many sessions; returns are drawn from a seed."""
    rng = np.random.default_rng(seed)
    dates = np.array(pd.bdate_range("2004-01-02", periods=sessions), dtype="datetime64[D]")
    market = rng.normal(0.0004, 0.011, sessions)
    sheet = tear_sheet(dates, 0.5 * market + rng.normal(0.0002, 0.006, sessions), market, 0.02)
    sheet |= {name: rng.random(sessions).tolist() for name in ("gross_exposure", "net_exposure", "turnover")}
    model = {
        "model_name": "drawn", "model_version": "1", "capital_usd": 100_000, "is_active": True, "parameters": {},
        "strategy_class": "none",
    }  # fmt: skip
    return templates.get_template("strategy.html").render(
        prefix="", tabs=TABS, lit="strategies", around=NOTHING, model=model, about="", sheet=sheet, months=MONTHS,
        curves={"dates": sheet["dates"], **{name: thinned(sheet[name]) for name in CURVES}}, measures=[],
        deepest=[], trades_of=63, signals=[], shown=0,
    )  # fmt: skip


ACCOUNTS = """{% extends "charted.html" %}{% from "parts.html" import chart with context %}
{% block content %}{% for kind, data in charts.items() %}{{ chart(kind, kind, kind, data, kind != "coverage") }}
{% endfor %}{% endblock %}"""


def accounts_page(sessions: int, seed: int = 7) -> str:
    """Return a page with the charts that other pages have, each of so many sessions; its numbers are drawn from a seed.

    Those of an account (Overview, Risk), of the bars held (Data), and of an assessment's account with its trades.
    """
    rng = np.random.default_rng(seed)
    days = [str(day)[:10] for day in pd.bdate_range("2004-01-02", periods=sessions)]
    value = np.exp(np.cumsum(rng.normal(0.0003, 0.01, sessions)))
    fall = (value / np.maximum.accumulate(value) - 1).tolist()
    share = rng.random(sessions).tolist()
    held = {"session_date": days, "drawdown": fall}
    trades = [
        {"side": ("long", "short")[n % 2], "entry_date": days[at], "exit_date": days[at + 5], "shares": 5.0,
         "entry_price_usd": value[at], "exit_price_usd": value[at + 5], "entry_shown": value[at],
         "exit_shown": value[at + 5], "profit_usd": float((-1) ** n)}
        for n, at in enumerate(range(0, sessions - 5, 20))
    ]  # fmt: skip
    of_account = {"dates": days, "close": value.tolist(), "equity": value.tolist(), "trades": trades}
    charts = {
        "equity": {**held, "equity": (100_000 * value).tolist()},
        "risk": {**held, "gross": share, "net": share[::-1]},
        "coverage": {"date": days, "bars": rng.integers(390, 398, sessions).tolist()},
        "account": {"symbol": "IBM", **of_account},
    }
    return templates.from_string(ACCOUNTS).render(prefix="", tabs=TABS, lit="overview", around=NOTHING, charts=charts)


def assessment_page(medians: Mapping[str, Mapping[str, float]]) -> str:
    """Return an assessment's page with the heat map of some medians, by strategy and scenario."""
    run = {"id": 1, "symbols": 1, "first_session": "2004-01-02", "last_session": "2005-12-30"}
    span = {"first_session": "2004-01-02", "last_session": "2005-12-30", "skipped_reason": None, "why": "it fell"}
    heat = heat_of([
        {"trial_id": trial, "strategy": strategy, "scenario": scenario, "total_return": value}
        for trial, (strategy, own) in enumerate(medians.items(), 1) for scenario, value in own.items()
    ])  # fmt: skip
    return templates.get_template("assessment.html").render(
        prefix="", tabs=TABS, lit="assessment", around=NOTHING, runs=[run], run=run, lines=[], ranking=[], errors=[],
        heat=heat, scenarios=[{"scenario": name, **span} for name in max(medians.values(), key=len)],
    )  # fmt: skip


def part_pages(symbol: str = "IBM") -> dict[str, str]:
    """Return, by path, a page that fetches a part with a chart and a table, the part, and a page without its part."""
    around = {"prefix": "", "tabs": TABS, "lit": "assessment", "around": NOTHING}
    trade = {
        "side": "long", "entry_date": "2008-01-03", "exit_date": "2008-01-07", "entry_price_usd": 10.0,
        "exit_price_usd": 11.0, "entry_shown": 10.0, "exit_shown": 11.0, "shares": 5.0, "profit_usd": 5.0,
        "profit_fraction": 0.1, "ended_by": "order",
    }  # fmt: skip
    days = ["2008-01-02", "2008-01-03", "2008-01-04", "2008-01-07"]
    found = {"symbol": symbol, "dates": days, "close": [9.0, 10.0, 10.5, 11.0], "equity": [100.0, 100.0, 102.5, 105.0],
             "trades": [trade], "total_return": 0.05, "stored": 0.05, "same": True}  # fmt: skip
    part = templates.get_template("assessment_account_part.html").render(**around, found=found, table="t")
    stored = {"total_return": 0.05, "sharpe_ratio": 1.0, "max_drawdown": 0.0, "trades": 1, "win_rate": 1.0,
              "cost_drag": 0.0, "sessions": 4, "kind": "historical"}  # fmt: skip
    page = templates.get_template("assessment_account.html").render(
        **around, run=1, scenario="x", symbol=symbol, stored=stored, trial={"id": 1, "strategy": "s"}, query="",
    )  # fmt: skip
    return {"/account": page, "/assessment/account/part": part, "/lost": page.replace("/account/part", "/account/lost")}


@contextmanager
def served(pages: dict[str, str]) -> Iterator[str]:
    """Serve pages by path, and the files they take; yields the address."""
    trades = templates.get_template("strategy_trades.html").render(
        prefix="", around=NOTHING, model="drawn", trades=[], total=0
    )
    routes: list[Route | Mount] = [
        Route(path, lambda _, body=body: HTMLResponse(body))
        for path, body in {**pages, "/strategies/drawn/trades": trades}.items()
    ]
    with listening(Starlette(routes=[*routes, *(Mount(f"/{folder}", Files(folder)) for folder in FOLDERS)])) as address:
        yield address


@contextmanager
def listening(app: Any) -> Iterator[str]:
    """Serve an ASGI application in a thread of this process; yields the address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
