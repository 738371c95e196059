"""Costs: each fill against the close it was decided on and the open of its session, with slippage and fees."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query, Request
from starlette.responses import Response

from data_layer.settings import is_symbol
from plugins.web.around import Around, Surroundings
from plugins.web.reading import row, rows
from plugins.web.rendering import page, table_csv

router = APIRouter(prefix="/costs")
SHOWN = 250  # fills listed; the file has them all
MOST_SAVED = 100_000
PERIOD = dt.timedelta(days=365)  # up to the newest fill: enough to see a habit, few enough to sum at once
Since = Annotated[dt.date | None, Query(description="First session; a year before the newest fill when left out")]
Symbol = Annotated[str | None, Query(max_length=16)]
Side = Literal["buy", "sell"]
Size = Annotated[str | None, Query(pattern=r"^[a-zA-Z0-9, ]{1,40}$", description="As the sums by size name it")]


@router.get("")
def costs(
    request: Request, around: Surroundings, since: Since = None, symbol: Symbol = None, side: Side | None = None,
    size: Size = None,
) -> Response:  # fmt: skip
    """Show what an account's fills cost, by symbol, side and size, and one by one."""
    newest = row("pages/select_newest_fill", account=around.account)
    last = newest["session_date"] if newest else None
    if last is None:
        return page(request, "costs_empty.html")
    chosen = _chosen(around, since or last - PERIOD, symbol, side, size)
    sums = rows("pages/select_cost_sums", **chosen)
    return page(
        request,
        "costs.html",
        since=chosen["since"],
        symbol=symbol,
        side=side,
        size=size,
        total=next((s for s in sums if s["kind"] == "all"), None),
        parts={kind: [s for s in sums if s["kind"] == kind] for kind in ("symbol", "side", "size")},
        fills=rows("pages/select_fill_costs", **chosen, count=SHOWN),
        shown=SHOWN,
    )


@router.get(".csv")
def saved(
    around: Surroundings, since: Since = None, symbol: Symbol = None, side: Side | None = None, size: Size = None
) -> Response:
    """Save all fills that match as CSV; from the first one on when no session is named."""
    chosen = _chosen(around, since, symbol, side, size)
    found = rows("pages/select_fill_costs", **chosen, count=MOST_SAVED + 1)
    if len(found) > MOST_SAVED:
        raise HTTPException(413, f"more than {MOST_SAVED:,} fills: name a later session or a symbol")
    return table_csv("fills", found)


def _chosen(
    around: Around, since: dt.date | None, symbol: str | None, side: str | None, size: str | None
) -> dict[str, object]:
    if symbol and not is_symbol(symbol):
        raise HTTPException(422, f"not a ticker: {symbol}")
    return {"account": around.account, "since": since, "symbol": symbol or None, "side": side, "size": size}
