"""Tear sheets as files: one HTML page that needs nothing else, and the same numbers as JSON."""

from __future__ import annotations

import datetime as dt
import logging
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from psycopg import OperationalError

from data_layer.storage.database import frames, load_sql, transaction
from models.errors import ConfigError, DataQualityError, RetryableError
from plugins.reports.account_sheet import account_numbers
from plugins.reports.charts import Sessions, histogram, line_chart
from plugins.reports.model_sheet import model_numbers
from plugins.reports.words import GAINS, LISTED, LISTS, MONTHS, SPOKEN, said_of, title_of, written

log = logging.getLogger("almanac")
ACCOUNT = "account"
STEEPEST = 10.0  # a rolling Sharpe ratio beyond it would flatten the rest; it comes of half a year of hardly any moves
HEADLINE = ("total_return", "annual_return", "sharpe_ratio", "max_drawdown", "volatility", "excess_return")
_pages = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined,
    trim_blocks=True,
)  # fmt: skip


def write_sheets(
    uri: str, folder: Path, *, model: str = "", first: dt.date = dt.date.min, last: dt.date = dt.date.max,
    risk_free_rate: float, walks: bool = True,
) -> list[Path]:  # fmt: skip
    """Write the tear sheet of a model, or of every active one and the account; return the pages, maybe none of all.

    Args:
        uri: connection URI of a role that may read.
        folder: made when it is not there; files of the same name are replaced, each at once.
        model: its name, ``account`` for the account; empty for all.
        first: the span's first session.
        last: its last.
        risk_free_rate: per year, of the account's ratios; a model's are by what it is measured by.
        walks: a model's signals are walked again, for its parity with the backtest engine and for the trades of a
            span. Without, trades are those of all sessions, which the measurement keeps.

    Raises:
        ConfigError: for a model asked for that is not measured or did not trade in the span; for a folder that
            cannot be written.
        DataQualityError: of all, when one could not be written; it names them, and the others' files are there.
    """
    with transaction(uri) as connection:
        found = connection.execute(load_sql("reports/select_standing"), {"model": model}).fetchall()
        said = connection.execute(load_sql("reports/select_warnings"), {"last": last}).fetchone()
    if model and model != ACCOUNT and not found:
        raise ConfigError("no such model is measured", stage="report", key="MODEL", value=model,
                          remedy="performance_testing measures the active ones of table models")  # fmt: skip
    numbers: list[dict[str, Any]] = []
    history: dict[dt.date, pd.DataFrame] | None = {} if walks else None
    failures: dict[str, Exception] = {}
    for one, rows in _sessions(uri, found, first, last):
        with _alone(one["model_name"], failures, model):
            numbers.append(model_numbers(uri, rows.result(), one, first, last, history))
    if model in ("", ACCOUNT):
        with _alone(ACCOUNT, failures, model):
            numbers.append(account_numbers(uri, risk_free_rate, first, last))
    pages = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for n in numbers:
            whole = {**n, "warnings": said["warnings"] if said else []}
            with _alone(n["subject"], failures, model, silent=()):
                page = folder / f"{_file_name(n['subject'])}.html"
                _replace(page, render(whole))
                _replace(page.with_suffix(".json"), msgspec.json.encode(whole, order="sorted").decode() + "\n")
                pages.append(page)
    except OSError as error:
        raise ConfigError("cannot write tear sheets there", stage="report", key="REPORTS or OUT", value=str(folder),
                          remedy=f"name a folder you may write to ({error})") from error  # fmt: skip
    if failures:
        told = "; ".join(f"{name}: {error}" for name, error in failures.items())
        raise DataQualityError("tear sheets could not be written, all others are", stage="report", key="MODEL",
                               value=", ".join(failures), remedy=told)  # fmt: skip
    return pages


def _sessions(
    uri: str, models: Sequence[Mapping[str, Any]], first: dt.date, last: dt.date
) -> Iterator[tuple[Mapping[str, Any], Future[pd.DataFrame]]]:
    """Yield each model and its sessions, the next one's being read meanwhile: half of a sheet was waiting for them."""
    statement = load_sql("reports/select_model_sessions")
    with frames(uri) as read, ThreadPoolExecutor(1) as pool:  # one thread: they come in order over one connection
        spans = [{"model": one["model_name"], "first": first, "last": last} for one in models]
        ahead = [pool.submit(read, statement, span) for span in spans[:1]]
        for nth, one in enumerate(models):
            rows = ahead.pop()
            ahead += [pool.submit(read, statement, span) for span in spans[nth + 1 : nth + 2]]
            yield one, rows


@contextmanager
def _alone(
    name: str, failures: dict[str, Exception], asked: str, silent: tuple[type[Exception], ...] = (ConfigError,)
) -> Iterator[None]:
    """Let what goes wrong with one of all sheets wait until the others are written; one asked for fails at once.

    silent: what is no failure of one of all: a model that has not traded yet, or an account opened just now, has none.
    """
    try:
        yield
    except (RetryableError, OperationalError, OSError):
        raise  # of the database or the folder: it is no matter of this one
    except Exception as error:
        if asked:
            raise
        if not isinstance(error, silent):
            log.exception("no tear sheet of %s", name)
            failures[name] = error


def render(n: Mapping[str, Any]) -> str:
    """Return the page of a tear sheet's numbers."""
    dates, measures = Sessions.of(n["dates"]), n["measures"]
    sharpe = [v if v is None or abs(v) <= STEEPEST else None for v in n["rolling_sharpe"]]
    charts = {
        "equity": line_chart("growth of 1 beside the benchmark", dates,
                             [(n["subject"], "own", n["equity"]), ("benchmark", "other", n["benchmark_equity"])],
                             level=1.0),
        "drawdown": line_chart("drawdown", dates, [("drawdown", "bad", n["drawdown"])], form="{:.0%}", fill=True),
        "sharpe": line_chart("rolling Sharpe ratio", dates, [("Sharpe ratio", "own", sharpe)],
                             form="{:.1f}", level=0.0),
        "volatility": line_chart("rolling volatility", dates,
                                 [(n["subject"], "own", n["rolling_volatility"]),
                                  ("benchmark", "other", n["rolling_benchmark_volatility"])], form="{:.0%}"),
        "beta": line_chart("rolling beta", dates, [("beta", "own", n["rolling_beta"])], level=0.0),
        "distribution": histogram("returns of a session", n["distribution"]["edges"], n["distribution"]["counts"]),
        "exposure": line_chart("exposure", dates, [("long and short added up", "own", n["gross_exposure"]),
                                                   ("long less short", "other", n["net_exposure"])],
                               form="{:.0%}", level=0.0),
        "turnover": line_chart("turnover", dates, [("turnover", "own", _mean_of_month(n["turnover"]))],
                               form="{:.1%}", fill=True),
    }  # fmt: skip
    shown = [(title_of(name), written(name, value), SPOKEN.get(name, "")) for name, value in measures.items()]
    half = (len(shown) + 1) // 2
    trades = n["trades"]
    lists = [(title, trades[name]) for name, title in LISTS[n["kind"]].items() if name in trades]
    counts = [(title_of(k), f"{v:,}" if isinstance(v, int) else written(k, v)) for k, v in trades.items()
              if not isinstance(v, list)]  # fmt: skip
    return _pages.get_template("tear_sheet.html").render(
        n=n, charts={name: Markup(text) for name, text in charts.items()}, months=MONTHS,  # noqa: S704  # drawn here  # nosec B704
        headline=[(title_of(name), written(name, measures[name])) for name in HEADLINE],
        measures=(shown[:half], shown[half:]), lists=lists, cell=_cell, said_of=said_of,
        title_of=title_of, forms=LISTED, gains=GAINS,
        cut=STEEPEST if sharpe != n["rolling_sharpe"] else None,
        costs=[*((title_of(k), written(k, v)) for k, v in n["costs"].items()), *counts],
    )  # fmt: skip


def _mean_of_month(values: Sequence[float]) -> list[float | None]:
    means = pd.Series(values, dtype=float).rolling(21, min_periods=1).mean()
    return [float(value) for value in means]


def _cell(value: float | None) -> Markup:
    if value is None:
        return Markup("<td></td>")
    shade = min(abs(value) / 0.10, 1.0) * 60 + 6 if value else 0  # a tenth in a month is as dark as it gets
    way = "up" if value >= 0 else "down"
    text = f'<td class="{way}" style="--shade: {shade:.0f}%">{round(value, 3) + 0.0:.1%}</td>'
    return Markup(text)  # noqa: S704  # numbers alone  # nosec B704


def _file_name(subject: str) -> str:
    """Return a subject that is a plain name; a row of models may say anything."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,100}", subject):
        raise ConfigError("a name that makes no file", stage="report", key="MODEL", value=subject,
                          remedy="rename it in models")  # fmt: skip
    return subject


def _replace(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def headings(pages: Sequence[Path]) -> list[str]:
    """Return the lines that `make report` prints."""
    return [f"{page}  {page.stat().st_size / 1024:,.0f} KB, the same numbers in {page.stem}.json" for page in pages]
