"""The hashes that a row of orders carries, for tests that write one by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from data_layer.brokers.base import decision_hash, payload_hash
from models.records import Order


def hashes(row: Mapping[str, Any], approved: int | None = None, decided: str = "") -> dict[str, str]:
    """Return payload_hash and decision_hash of a row; approved, decided: its decision's, by default its own."""
    day = row["session_date"]
    day = dt.date.fromisoformat(day) if isinstance(day, str) else day
    prices = {k: None if row.get(k) is None else Decimal(str(row[k])) for k in ("stop_price", "limit_price")}
    kind = row.get("order_type", "market")
    order = Order(
        row["client_order_id"], row["symbol"], day, row["side"], row["quantity"], Decimal(1), row.get("stop_loss"),
        row.get("take_profit"), kind, row.get("time_in_force", "day"), **prices,
    )  # fmt: skip
    when = dt.date.fromisoformat(decided) if decided else day
    signed = row["quantity"] if row["side"] == "buy" else -row["quantity"]
    allowed = decision_hash(row["account_id"], row["symbol"], when, signed if approved is None else approved)
    return {"payload_hash": payload_hash(row["account_id"], order), "decision_hash": allowed}
