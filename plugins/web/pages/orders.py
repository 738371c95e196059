"""Orders: all of an account's, and one followed from its fill down to the bars it came from."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query, Request
from starlette.responses import Response

from data_layer.settings import is_symbol
from plugins.web.around import Around, Surroundings
from plugins.web.lineage import lineage
from plugins.web.reading import rows
from plugins.web.rendering import page, table_csv

router = APIRouter(prefix="/orders")
PAGE_ROWS = 50
MOST_SAVED = 100_000  # rows of one file; some ten megabytes, more than a spreadsheet likes
Symbol = Annotated[str | None, Query(max_length=16)]
State = Annotated[str | None, Query(pattern=r"^[a-z_]{0,20}$")]


@router.get("")
def orders(
    request: Request,
    around: Surroundings,
    symbol: Symbol = None,
    state: State = None,
    number: Annotated[int, Query(alias="page", ge=1, le=100_000)] = 1,
) -> Response:
    """Show orders, newest first."""
    chosen = _chosen(around, symbol, state)
    total = rows("pages/count_orders", **chosen)[0]["orders"]
    found = rows("pages/select_recent_orders", **chosen, count=PAGE_ROWS, skip=(number - 1) * PAGE_ROWS)
    return page(
        request,
        "orders.html",
        orders=found,
        total=total,
        number=number,
        pages=-(-total // PAGE_ROWS),
        symbol=symbol,
        state=state,
        states=rows("pages/count_orders_by_state", account=around.account),
    )


@router.get(".csv")
def saved(around: Surroundings, symbol: Symbol = None, state: State = None) -> Response:
    """Save all that match as CSV."""
    chosen = _chosen(around, symbol, state)
    if (total := rows("pages/count_orders", **chosen)[0]["orders"]) > MOST_SAVED:
        raise HTTPException(413, f"{total:,} orders are more than one file holds: choose a symbol or a state")
    return table_csv("orders", rows("pages/select_recent_orders", **chosen, count=MOST_SAVED, skip=0))


@router.get("/{client_order_id}")
def order(
    request: Request, around: Surroundings, client_order_id: Annotated[str, Path(pattern=r"^[A-Z2-7]{32}$")]
) -> Response:
    """Show an order's whole lineage."""
    return page(request, "order.html", **lineage(client_order_id))


def _chosen(around: Around, symbol: str | None, state: str | None) -> dict[str, str | None]:
    if symbol and not is_symbol(symbol):
        raise HTTPException(422, f"not a ticker: {symbol}")
    return {"account": around.account, "symbol": symbol or None, "state": state or None}
