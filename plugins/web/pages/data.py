"""Data: what is held, what was put aside, where vendors differ, and what was restated."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Path, Request
from starlette.responses import Response

from plugins.web.around import look_around
from plugins.web.guard import can_operate
from plugins.web.reading import row, rows
from plugins.web.rendering import columns, page, table_csv

router = APIRouter(prefix="/data", dependencies=[Depends(look_around)])
SHOWN = 200  # newest first; the tables themselves have them all
UNDECIDED = 2_000  # rows in quarantine: each of them waits for a person
MOST_SAVED = 100_000  # rows of one file; some ten megabytes, more than a spreadsheet likes
# Statement of each list by its name here, which is the file's as well.
LISTS = {
    "quarantine": "pages/select_open_quarantine", "findings": "pages/select_findings",
    "disagreements": "pages/select_disagreements", "restatements": "pages/select_restatements",
    "batches": "pages/select_batches",
}  # fmt: skip
Batch = Annotated[int, Path(ge=1, le=2**62)]
List = Literal["quarantine", "findings", "disagreements", "restatements", "batches"]


@router.get("")
def data(request: Request) -> Response:
    """Show coverage by session and everything that puts bars in doubt."""
    return page(
        request,
        "data.html",
        coverage=_coverage(),
        quarantine=rows(LISTS["quarantine"], count=UNDECIDED),
        findings=rows(LISTS["findings"], count=SHOWN),
        disagreements=rows(LISTS["disagreements"], count=SHOWN),
        restatements=rows(LISTS["restatements"], count=SHOWN),
        batches=rows(LISTS["batches"], count=SHOWN),
        may_operate=can_operate(request),
        shown=SHOWN,
        undecided=UNDECIDED,
    )


@router.get("/coverage.csv")
def saved() -> Response:
    """Save the number of bars of each session as CSV: the rows behind the chart."""
    held = _coverage()
    return table_csv("coverage", [dict(zip(held, values, strict=True)) for values in zip(*held.values(), strict=True)])


@router.get("/{name}.csv")
def saved_list(name: List) -> Response:
    """Save one of the lists whole as CSV, also what the page has no room for."""
    found = rows(LISTS[name], count=MOST_SAVED + 1)
    if len(found) > MOST_SAVED:
        raise HTTPException(413, f"{name} are more than the {MOST_SAVED:,} rows that one file holds: use SQL")
    return table_csv(name, found)


@router.get("/restatements/{batch}")
def restatement(request: Request, batch: Batch) -> Response:
    """Show what a batch changed after it was used, and the place that what rests on it comes to."""
    facts = rows("pages/select_restated_facts", batch_id=batch, count=SHOWN)
    if not facts:
        raise HTTPException(404, f"batch {batch} changed nothing that had been used")
    return page(request, "restatement.html", batch=batch, facts=facts, shown=SHOWN)


@router.get("/restatements/{batch}/touched")
def touched(request: Request, batch: Batch) -> Response:
    """Return the features, signals, targets, orders and fills that rest on what a batch has changed since."""
    found = rows("pages/select_touched", batch_id=batch, count=SHOWN)
    return page(
        request, "restatement_touched.html", batch=batch, shown=SHOWN,
        sums=[r for r in found if r["symbol"] is None], single=[r for r in found if r["symbol"] is not None],
    )  # fmt: skip


def _coverage() -> dict[str, list[Any]]:
    newest = row("pages/select_newest_batch")
    return coverage(*(newest.values() if newest else (0, None)))


@lru_cache(maxsize=1)
def coverage(batches: int, newest: int | None) -> dict[str, list[Any]]:
    """Return the number of bars of each session; counted once per batch, for no bar comes without one.

    Args:
        batches: how many batches there are.
        newest: id of the newest one, None before there is any.
    """
    return columns(rows("pages/select_coverage")) if batches and newest else {}
