"""Executions of a real broker, ready to be booked in their sessions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from data_layer.storage.database import Connection, load_sql
from models.records import Fill, Order
from plugins.stages.trading_state import Executed


def executed_in(
    connection: Connection, account: str, sessions: Sequence[dt.date],
    opens: Mapping[dt.date, Mapping[str, Decimal]],
) -> dict[dt.date, Executed]:  # fmt: skip
    """Return what is to be booked in each session, in the order it happened.

    Args:
        connection: any role that may read.
        account: accounts.id.
        sessions: to be booked.
        opens: raw opens by session and symbol; a fill's cost against its open is told where there is one.
    """
    fills: dict[dt.date, list[Fill]] = {session: [] for session in sessions}
    orders: dict[dt.date, dict[str, Order]] = {session: {} for session in sessions}
    asked = {"account_id": account, "sessions": list(sessions)}
    for row in connection.execute(load_sql("broker_fills/select_of_sessions"), asked):
        session = row["session_date"]
        fills[session].append(_fill(row, opens.get(session, {}).get(row["symbol"])))
        orders[session][row["client_order_id"]] = _order(row)
    return {session: Executed(fills[session], orders[session]) for session in sessions}


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
