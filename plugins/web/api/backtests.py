"""Backtests: asked for, found by who asked, and read.

A backtest of all symbols takes seconds of both cores and gigabytes: in the web server's process it would hold up every
page. It is queued in Airflow instead, where one runs at a time, is supervised, and leaves a log.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request

from data_layer.settings import load_settings
from data_layer.storage.database import transaction
from models.errors import ConfigError
from plugins.backtest.answering import SOURCE
from plugins.backtest.request import STAGE, read_request
from plugins.web.api.backtest_shapes import Answer, Backtest, BacktestDetail, ToBacktest
from plugins.web.api.shapes import Started
from plugins.web.api.status import Count, RunId, Skip
from plugins.web.guard import may_trigger, user_name
from plugins.web.noting import note
from plugins.web.reading import role_uri, row, rows, the
from plugins.web.starting import start

router = APIRouter(tags=["research"])
Number = Annotated[int, Path(ge=1, le=2**62)]
Form = Annotated[str | None, Query(pattern="^(grid|portfolio|sweep|assessment)$", description="All when left out")]


@router.post("/backtests", status_code=202, dependencies=[Depends(may_trigger)])
def run_backtest(request: Request, asked: ToBacktest) -> Started:
    """Queue a backtest in Airflow; `backtests/asked/{run_id}` tells when it is done, and its id."""
    words = asked.words()
    read_request(words, load_settings())  # a wrong word is told at once, not by a failed run
    _refuse_unheld(asked)
    conf = {name.lower(): text for name, text in words.items() if text}
    with transaction(role_uri("quant_data")) as connection:  # first: while it is away nothing is started
        run_id = start(SOURCE, user_name(request), why=asked.reason, conf=conf)
        if run_id is None:
            raise HTTPException(409, f"Airflow does not start {SOURCE}")
        key = f"backtest/{run_id}/asked"  # the task's answer stands beside it, see plugins.backtest.answering
        form = "; ".join(f"{name}={text}" for name, text in conf.items())
        note(connection, request, "backtest", run_id, asked.reason, key=key, dag=SOURCE, form=form)
    return Started(said=f"Run {run_id} of {SOURCE} is queued.", dag_id=SOURCE, run_id=run_id)


@router.get("/backtests")
def backtests(form: Form = None, limit: Count = 100, offset: Skip = 0) -> list[Backtest]:
    """List the backtests that are stored, newest first: of people, sweeps and assessments."""
    found = rows("api/select_backtests", form=form, count=limit, skip=offset)
    return [Backtest.model_validate(r) for r in found]


@router.get("/backtests/asked/{run_id}")
def asked_backtest(run_id: RunId) -> Answer:
    """Tell what came of a backtest that was asked for."""
    return Answer.model_validate(the("api/select_answer", f"no backtest was asked for as run {run_id}", run_id=run_id))


@router.get("/backtests/{number}")
def backtest(number: Number, limit: Count = 100, offset: Skip = 0) -> BacktestDetail:
    """Tell what one backtest was run on, and the measures of its accounts."""
    told = the("api/select_backtest", f"no backtest {number}", run_id=number)
    results = [
        {**{name: found.pop(name) for name in ("strategy", "parameters", "symbol", "scenario", "sessions")},
         "measures": found}
        for found in rows("api/select_backtest_results", run_id=number, count=limit, skip=offset)
    ]  # fmt: skip
    return BacktestDetail.model_validate({**told, "results": results})


def _refuse_unheld(asked: ToBacktest) -> None:
    """Refuse symbols without bars, and dates without sessions.

    Raises:
        ConfigError: names the symbol or the date.
    """
    held: Any = row("api/select_held", symbols=asked.symbols)
    if held["unknown"]:
        raise ConfigError("no bars are held of the symbol", stage=STAGE, key="symbols", value=held["unknown"][0],
                          remedy="see GET signals, or page Data, for symbols held")  # fmt: skip
    if held["first_session"] is None:
        raise ConfigError("no session is held", stage=STAGE, key="sessions", value=0, remedy="run data_ingestion")
    first: dt.date = asked.start or held["first_session"]
    last: dt.date = asked.end or held["last_session"]
    if first > held["last_session"] or last < held["first_session"]:
        key, value = ("start", first) if first > held["last_session"] else ("end", last)
        raise ConfigError("no session is held in that window", stage=STAGE, key=key, value=str(value),
                          remedy=f"held are {held['first_session']} to {held['last_session']}")  # fmt: skip
