"""The rows behind a number: what the tables hold of a stage, an account, a symbol's day, a batch, a limit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from data_layer.settings import SYMBOL_PATTERN
from plugins.stages.context import CHAIN
from plugins.web.around import Surroundings, look_around
from plugins.web.reading import rows, the
from plugins.web.rendering import natural, newest, page, table_csv

router = APIRouter(prefix="/rows", dependencies=[Depends(look_around)])
SHOWN = 500  # what a person looks through; files and the tables themselves have them all
DAYS = 30  # before a symbol's day: the move that led to it
Day = Annotated[dt.date, Query()]
Symbol = Annotated[str, Query(pattern=f"^{SYMBOL_PATTERN.pattern}$")]
Limit = Annotated[str, Query(pattern=r"^[a-z_]{1,60}$")]
Stage = Literal[CHAIN]  # type: ignore[valid-type]  # their names, as the overview lists them
Status = Literal["completed", "running", "failed", "stale"]
LINKED = {
    "symbol": "symbol", "session_date": "session", "reason": "long", "stale_reason": "long", "run_id": "id",
}  # fmt: skip
COUNTED = ("id", "version", "batch_id")  # numbers that are names: no thousands apart


@dataclass(frozen=True)
class Table:
    """Rows of one table. name: the table's in the database; heading; found; empty: what is said of none."""

    name: str
    heading: str
    found: Sequence[Mapping[str, Any]]
    empty: str = "None."

    @property
    def keys(self) -> list[str]:
        """Its columns."""
        return list(self.found[0]) if self.found else []

    @property
    def headings(self) -> list[str]:
        """Its columns as people read them."""
        words = [key.replace("_usd", ", USD").replace("pnl", "P&L").replace("_", " ") for key in self.keys]
        return [text[:1].upper() + text[1:] for text in words]

    def kinds(self, prefix: str) -> dict[str, str]:
        """How each column is written, by what stands in it."""
        links = {**LINKED, "client_order_id": f"{prefix}/orders", "model_name": f"{prefix}/strategies"}
        return {key: links.get(key) or _kind(key, [r[key] for r in self.found]) for key in self.keys}


@router.get("/stage")
def stage(request: Request, stage: Stage, status: Status | None = None) -> Response:
    """Show how a stage stands at each session."""
    found = rows("rows/select_stage_runs", stage=stage, status=status, count=SHOWN)
    table = Table("stage_runs", newest("Sessions", found, SHOWN), found, "No session is so.")
    saved = f"/rows/stage.csv?stage={stage}" + (f"&status={status}" if status else "")
    title = f"Sessions of {stage}" + (f", {status}" if status else "")
    return _page(request, title, "A stage's own row for each session: what it knew, and how it ended.", [table], saved)


@router.get("/stage.csv")
def saved_stage(stage: Stage, status: Status | None = None) -> Response:
    """Save all of them as CSV."""
    found = rows("rows/select_stage_runs", stage=stage, status=status, count=None)
    return table_csv(f"{stage}-{status or 'sessions'}", found)


@router.get("/account")
def account(request: Request, around: Surroundings, session: Day) -> Response:
    """Show what an account's equity of a session is made of."""
    at = {"account": around.account, "session": session}
    line = "Equity is cash and what is held. Cash moves by the entries of the session; each transaction sums to 0."
    return _page(request, f"Account {around.account} at the close of {session}", line, [
        Table("account_snapshots", "At this close and the one before", rows("rows/select_snapshots", **at),
              "It had no books yet."),
        Table("positions", "Held", rows("rows/select_positions", **at), "Nothing: it was in cash."),
        Table("ledger_entries", "Entries of the session", rows("rows/select_ledger", **at), "Nothing was booked."),
    ])  # fmt: skip


@router.get("/symbol")
def symbol(request: Request, symbol: Symbol, session: Day) -> Response:
    """Show a symbol's bars up to a session, and what was made of them."""
    at = {"symbol": symbol, "session": session}
    features = [
        {"feature_set": r["feature_set"], "name": name, "value": value}
        for r in rows("pages/select_order_features", **at) for name, value in natural(r["features"])
    ]  # fmt: skip
    line = f"As traded, all versions, {DAYS} days up to the session. Features and signals are those of its close."
    return _page(request, f"{symbol} on {session}", line, [
        Table("market_data", "Bars", rows("rows/select_bars", **at, days=DAYS), "None is held."),
        Table("session_vwaps", "Volume-weighted average prices", rows("rows/select_vwaps", **at, days=DAYS),
              "Its vendor gave none."),
        Table("corporate_actions", "Splits and dividends", rows("rows/select_actions", **at, days=DAYS),
              "None around it."),
        Table("signals", "Signals", rows("rows/select_signals", **at), "No model wanted anything of it."),
        Table("feature_values", "Features", features, "None are stored."),
    ])  # fmt: skip


@router.get("/batch")
def batch(request: Request, batch: Annotated[int, Query(ge=1, le=2**62)]) -> Response:
    """Show what came in a batch."""
    found = the("rows/select_batch", f"no batch {batch}", batch_id=batch)
    of, kind = {"batch_id": batch, "count": SHOWN}, found["kind"]
    if kind == "bars":
        brought = rows("rows/select_batch_bars", **of)
        held = Table("market_data", newest("Bars", brought, SHOWN), brought, "No bar was new or changed.")
    else:
        brought = rows("rows/select_batch_actions", **of)
        title = newest("Splits and dividends", brought, SHOWN)
        held = Table("corporate_actions", title, brought, "None was new or changed.")
    line = "Rows accepted are those that were new or changed; one repeated, or held already, leaves no further row."
    return _page(request, f"Batch {batch} of {found['source']}", line, [
        Table("ingestion_batches", "The batch", [found]), held,
        Table("quarantine", "Put aside", rows("rows/select_batch_quarantine", **of), "Every row could be true."),
    ])  # fmt: skip


@router.get("/quarantine")
def put_aside(request: Request, session: Day) -> Response:
    """Show what of a session was put aside, decided on or not."""
    found = rows("rows/select_session_quarantine", session=session, count=SHOWN)
    table = Table("quarantine", newest("Put aside", found, SHOWN), found, "Every row could be true.")
    line = "A row that cannot be true is put aside; somebody releases or rejects it on the page Data."
    return _page(request, f"Quarantine of {session}", line, [table])


@router.get("/checks")
def checks(
    request: Request, around: Surroundings, session: Day, limit: Limit | None = None, symbol: Symbol | None = None
) -> Response:
    """Show what a session's decisions met at the limits."""
    at = {"account": around.account, "session": session, "limit": limit, "symbol": symbol}
    title = f"Checks of {symbol or 'decisions'} on {session}" + (f": {limit}" if limit else "")
    found = rows("rows/select_checks", **at)
    table = Table("risk_decisions", "Each limit, decision by decision", found, "None was checked.")
    return _page(request, title, "A decision allows the least of what its limits allow.", [table])


@router.get("/limit")
def limit(request: Request, limit: Limit) -> Response:
    """Show a limit's threshold as it is and was."""
    found = rows("rows/select_limit", limit=limit)
    table = Table("risk_limits", "Versions, newest first", found, "There is no such limit.")
    return _page(request, f"Limit {limit}", "In force from valid from until valid to; make limits changes it.", [table])


@router.get("/benchmark.csv")
def saved_benchmark() -> Response:
    """Save the benchmark's return of each session as CSV."""
    return table_csv("benchmark", rows("rows/select_benchmark"))


def _page(request: Request, title: str, line: str, tables: Sequence[Table], saved: str = "") -> Response:
    return page(request, "rows.html", title=title, line=line, tables=tables, saved=saved)


def _kind(key: str, values: Sequence[Any]) -> str:
    value = next((v for v in values if v is not None), None)
    if isinstance(value, bool) or key in COUNTED:
        return "flag" if isinstance(value, bool) else "text"
    if isinstance(value, int | float | Decimal):
        return _figures(key, [v for v in values if v is not None])
    if isinstance(value, dt.datetime):
        return "moment"
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return "names"
    return "json" if isinstance(value, dict | list) else "text"


def _figures(key: str, values: Sequence[Any]) -> str:
    """Return how a column's figures are written, all alike; those of limits and features are of many kinds."""
    if key in ("value", "threshold"):
        return "measured"
    if key.endswith("_usd"):
        return "price"
    if all(value % 1 == 0 for value in values):
        return "count"
    return "price" if all(round(value, 2) == value for value in values) else "number"
