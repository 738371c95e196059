"""Executions of a real broker, ready to be booked in their sessions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from data_layer.brokers.base import CashActivity
from data_layer.storage.database import Connection, load_sql
from models.records import Fill, Order
from plugins.stages.trading_state import Executed


def executed_in(
    connection: Connection, account: str, session: dt.date, opens: Mapping[str, Decimal]
) -> Executed:
    """Return what is to be booked in a session, in the order it happened.

    Args:
        connection: any role that may read.
        account: accounts.id.
        session: to be booked.
        opens: raw opens by symbol; a fill's cost against its open is told where there is one.
    """
    asked = {"account_id": account, "sessions": [session]}
    rows = connection.execute(load_sql("broker_fills/select_of_sessions"), asked).fetchall()
    moved = connection.execute(load_sql("broker_cash/select_of_account"), asked).fetchall()
    return Executed(
        [_fill(row, opens.get(row["symbol"])) for row in rows],
        [CashActivity(r["activity_id"], r["kind"], r["session_date"], r["symbol"], r["amount_usd"])
         for r in moved if r["session_date"] == session],
        {row["client_order_id"]: _order(row) for row in rows},
    )  # fmt: skip


def _fill(row: Mapping[str, Any], opening: Decimal | None) -> Fill:
    sign = 1 if row["side"] == "buy" else -1
    worse = max(Decimal(0), sign * (row["price"] - opening)) if opening is not None else Decimal(0)
    return Fill(
        broker_fill_id=row["broker_fill_id"], client_order_id=row["client_order_id"], symbol=row["symbol"],
        session_date=row["session_date"], side=row["side"], quantity=row["quantity"], price=row["price"],
        commission_usd=row["commission_usd"], slippage_usd=worse * row["quantity"],
    )  # fmt: skip


def _order(row: Mapping[str, Any]) -> Order:
    return Order(
        client_order_id=row["client_order_id"], symbol=row["symbol"], session_date=row["decided"],
        side=row["side"], quantity=row["ordered"], reference_price=row["reference_price"],
        stop_loss=row["stop_loss"], take_profit=row["take_profit"], order_type=row["order_type"],
        time_in_force=row["time_in_force"], parent=row["parent"], stop_price=row["stop_price"],
        limit_price=row["limit_price"],
    )  # fmt: skip
