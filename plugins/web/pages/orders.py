"""Orders: all of them, and one followed from its fill down to the bars it came from."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query, Request
from starlette.responses import Response

from data_layer.settings import SYMBOL_PATTERN
from plugins.web.reading import row, rows
from plugins.web.rendering import page

router = APIRouter(prefix="/orders")
PAGE_ROWS = 100
BARS_SHOWN = 5
Symbol = Annotated[str | None, Query(max_length=16)]


@router.get("")
def orders(
    request: Request,
    symbol: Symbol = None,
    state: Annotated[str | None, Query(max_length=20)] = None,
    number: Annotated[int, Query(alias="page", ge=1, le=100_000)] = 1,
) -> Response:
    """Show orders, newest first."""
    if symbol and not SYMBOL_PATTERN.fullmatch(symbol):
        raise HTTPException(422, f"not a ticker: {symbol}")
    chosen = {"symbol": symbol or None, "state": state or None}
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
    )


@router.get("/{client_order_id}")
def order(request: Request, client_order_id: Annotated[str, Path(pattern=r"^[A-Z2-7]{32}$")]) -> Response:
    """Show an order's whole lineage."""
    found = row("pages/select_order", client_order_id=client_order_id)
    if found is None:
        raise HTTPException(404, f"no order {client_order_id}")
    where = {"symbol": found["symbol"], "session": found["session_date"]}
    return page(
        request,
        "order.html",
        order=found,
        fills=rows("pages/select_order_fills", order_id=found["id"]),
        signals=rows("pages/select_order_signals", **where),
        features=rows("pages/select_order_features", **where),
        bars=rows("pages/select_order_bars", **where, count=BARS_SHOWN),
    )
