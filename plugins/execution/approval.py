"""Somebody's approval of a batch of orders for a real broker: asked for, decided, used once, revoked."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from data_layer.storage.audit import event, write_events
from data_layer.storage.database import Connection, load_sql, transaction
from models.errors import BlockedError

# Long enough to be called to a screen before the open, short enough that prices are still those looked at.
MINUTES = 30
# How long after it was asked for, an approval in use lets its own run go on: a retry or a cleared task of that evening
# or the next morning, not after a weekend.
HOURS = 24
STAGE = "risk_execution"


@dataclass(frozen=True, slots=True)
class Batch:
    """The orders of a session that wait to be sent.

    batch_hash: SHA-256 over their payload hashes by symbol; notional_usd: of all, at their reference prices.
    """

    account: str
    session: dt.date
    batch_hash: str
    orders: int
    notional_usd: Decimal
    lines: tuple[str, ...]


def waiting_batch(connection: Connection, account: str, session: dt.date, run_id: str) -> Batch | None:
    """Return what is planned and has no approval in use in this run, None when nothing is.

    What another run was given an approval for, and has not sent, is asked for again.
    """
    key = {"account_id": account, "session": session, "run_id": run_id}
    rows = [
        row
        for row in connection.execute(load_sql("orders/select_to_send"), key)
        if row["state"] == "planned" and not row["is_approved"]
    ]
    if not rows:
        return None
    digest = hashlib.sha256("".join(row["payload_hash"] for row in rows).encode()).hexdigest()
    notional = sum((row["quantity"] * row["reference_price"] for row in rows), Decimal(0))
    lines = tuple(
        f"{r['side']} {r['quantity']} {r['symbol']} at about {r['reference_price'].normalize():f}"
        for r in rows
    )
    return Batch(account, session, digest, len(rows), notional, lines)


def request_approval(uri: str, account: str, session: dt.date, run_id: str) -> tuple[int, Batch] | None:
    """Ask for an approval of what waits; return its id and the batch, None when nothing waits."""
    with transaction(uri) as connection:
        batch = waiting_batch(connection, account, session, run_id)
        if batch is None:
            return None
        values = {
            **_key(batch, run_id),
            "orders": batch.orders,
            "notional": batch.notional_usd,
            "minutes": MINUTES,
        }
        connection.execute(load_sql("order_approvals/insert_requested"), values)
        found = connection.execute(
            load_sql("order_approvals/select_of_batch"), _key(batch, run_id)
        ).fetchone()
        assert found is not None  # noqa: S101
        return found["id"], batch


def decide_approval(uri: str, approval: int, approve: bool, who: str, reason: str = "") -> Mapping[str, Any]:
    """Approve or reject, once; return the approval's row.

    Raises:
        BlockedError: when it is decided already or has expired.
    """
    values = {"id": approval, "status": "approved" if approve else "rejected", "who": who, "reason": reason,
              "from_states": ["requested"]}  # fmt: skip
    with transaction(uri) as connection:
        return _decided(connection, values)


def revoke_approval(uri: str, approval: int, who: str, reason: str) -> Mapping[str, Any]:
    """Take an approval back, also one in use: what has not been sent under it is never sent.

    Raises:
        BlockedError: when it was rejected or revoked before.
    """
    values = {"id": approval, "status": "revoked", "who": who, "reason": reason,
              "from_states": ["requested", "approved", "used"]}  # fmt: skip
    with transaction(uri) as connection:
        row = _decided(connection, values)
        block_orders(connection, row["account_id"], row["session_date"], f"approval revoked: {reason}")
        return row


def use_approval(uri: str, account: str, session: dt.date, run_id: str) -> str:
    """Put the run's approval to use for what waits; without one, block it all.

    Returns:
        Why the orders were blocked; empty when they may be sent, or nothing waits.
    """
    with transaction(uri) as connection:
        batch = waiting_batch(connection, account, session, run_id)
        if batch is None:
            return ""
        row = connection.execute(load_sql("order_approvals/select_of_batch"), _key(batch, run_id)).fetchone()
        problem = "no approval was asked for"
        if row is not None:
            problem = f"approval {row['id']} is {row['status']}"
        if row is not None and row["status"] == "approved":
            values = {"id": row["id"], "status": "used", "who": "risk_execution", "reason": "",
                      "from_states": ["approved"]}  # fmt: skip
            if batch.notional_usd > row["max_notional_usd"]:
                problem = f"{batch.notional_usd} USD are more than the {row['max_notional_usd']} approved"
            elif connection.execute(load_sql("order_approvals/update_decided"), values).fetchone():
                key = {"account_id": account, "session": session, "run_id": run_id, "approval_id": row["id"]}
                connection.execute(load_sql("orders/update_approval"), key)
                return ""
            else:
                problem = f"approval {row['id']} has expired"
        block_orders(connection, account, session, problem)
        return problem


def block_orders(
    connection: Connection, account: str, session: dt.date, reason: str, states: Sequence[str] = ("planned",)
) -> int:
    """Block what has not been sent, with an audit event each; return how many."""
    key = {"account_id": account, "session": session, "reason": reason, "from_states": list(states)}
    rows = connection.execute(load_sql("orders/update_blocked"), key).fetchall()
    write_events(
        connection,
        [
            event(f"blocked/{row['client_order_id']}", "execution.blocked", session, STAGE, {"reason": reason},
                  symbol=row["symbol"], correlation=row["client_order_id"])
            for row in rows
        ],
    )  # fmt: skip
    return len(rows)


def _decided(connection: Connection, values: Mapping[str, Any]) -> Mapping[str, Any]:
    row = connection.execute(load_sql("order_approvals/update_decided"), values).fetchone()
    if row is None:
        raise BlockedError("nothing to decide: unknown, decided already, or expired", stage="approval", key="id",
                           value=values["id"], remedy="see table order_approvals")  # fmt: skip
    return row


def _key(batch: Batch, run_id: str) -> dict[str, Any]:
    return {
        "account_id": batch.account,
        "session": batch.session,
        "run_id": run_id,
        "batch_hash": batch.batch_hash,
    }
