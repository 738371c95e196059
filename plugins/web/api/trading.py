"""Signals, models, orders and holdings, as the tables have them."""

from __future__ import annotations

import datetime as dt
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query

from data_layer.settings import SYMBOL_PATTERN
from plugins.web.api.shapes import Lineage, Model, Order, Position, Signal
from plugins.web.api.status import Count, Skip
from plugins.web.around import Account
from plugins.web.lineage import lineage
from plugins.web.reading import rows, the

router = APIRouter(tags=["trading"])
Day = Annotated[dt.date | None, Query(description="Session; all when left out")]
OrderId = Annotated[str, Path(pattern=r"^[A-Z2-7]{32}$")]
ModelName = Annotated[str | None, Query(pattern=r"^[a-z][a-z0-9_]{0,60}$")]
Symbol = Annotated[str | None, Query(pattern=f"^{SYMBOL_PATTERN.pattern}$")]


@router.get("/signals")
def signals(
    session: Day = None, model: ModelName = None, symbol: Symbol = None, limit: Count = 100, offset: Skip = 0
) -> list[Signal]:
    """List signals, newest session first."""
    chosen = {"session": session, "model": model, "symbol": symbol}
    found = rows("api/select_signals", **chosen, count=limit, skip=offset)
    return [Signal.model_validate(r) for r in found]


@router.get("/models")
def models() -> list[Model]:
    """List the models with their newest figures."""
    return [Model.model_validate(r) for r in rows("api/select_models", model=None)]


@router.get("/models/{model}")
def model(model: Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{0,60}$")]) -> Model:
    """Tell about one model."""
    return Model.model_validate(the("api/select_models", f"no model named {model}", model=model))


@router.get("/orders/{client_order_id}")
def order(client_order_id: OrderId) -> Order:
    """Tell about one order, its decision and its fills."""
    found = the("api/select_order", f"no order {client_order_id}", client_order_id=client_order_id)
    return Order.model_validate(found)


@router.get("/lineage/{client_order_id}")
def order_lineage(client_order_id: OrderId) -> Lineage:
    """Tell where an order came from: fills, decision with every limit, target, votes, signals, features, bars."""
    return Lineage.model_validate(lineage(client_order_id))


@router.post("/orders", status_code=HTTPStatus.FORBIDDEN)
def refuse_order() -> None:
    """Refuse: orders come from approved decisions of the daily run, never from here."""
    raise HTTPException(
        HTTPStatus.FORBIDDEN,
        "orders come only from approved risk decisions of a session; start a run for it instead",
    )


@router.get("/positions")
def positions(account: Account, session: Day = None) -> list[Position]:
    """List an account's holdings at a session's close, its newest booked one when none is named."""
    return [Position.model_validate(r) for r in rows("api/select_positions", account=account, session=session)]
