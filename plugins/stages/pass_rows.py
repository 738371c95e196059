"""What a pass over sessions comes to as rows, table by table; no database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

import pandas as pd

from data_layer.brokers.base import decision_hash, payload_hash
from models.accounting import Position, Snapshot
from models.parity import Parity
from models.records import Fill, LedgerEntry, Order, TargetPosition
from plugins.stages.decision_rows import blend_rows, columns_of, decision_columns, watched_rows
from plugins.stages.trading_state import Pass

KEY = ("account_id", "session_date", "symbol")
ORDER_KEY, FILL_KEY = ("client_order_id",), ("broker_fill_id",)
LEDGER_KEY = ("account_id", "transaction_key", "ledger_account")
HELD = tuple(f.name for f in fields(Position))
VALUED = (*HELD, "average_cost", "market_value_usd", "unrealized_pnl_usd")
EXITS = {
    "entry_order": "entry_order", "stop_loss": "stop_loss", "take_profit": "take_profit",
    "best": "best_price", "trailing": "trailing_price",
}  # fmt: skip
Columns = Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class Rows:
    """What a pass is written as: frames by table, all made before the database is asked for anything.

    Orders, exits (of table orders) and fills lack the ids that only the database gives.
    """

    done: Pass
    blends: pd.DataFrame
    targets: pd.DataFrame
    decisions: pd.DataFrame
    orders: pd.DataFrame
    exits: pd.DataFrame
    fills: pd.DataFrame
    ledger: pd.DataFrame
    positions: pd.DataFrame
    snapshots: pd.DataFrame
    parity: pd.DataFrame
    watched: pd.DataFrame


def rows_of(done: Pass) -> Rows:
    """Return the rows that a pass comes to."""

    def frame(columns: Columns, key: Sequence[str] = KEY) -> pd.DataFrame:
        rows = any(len(column) for column in columns.values())
        return pd.DataFrame(columns if rows else {name: [] for name in key}).assign(account_id=done.account)

    snapshots = columns_of(done.snapshots, _names(Snapshot, "positions"))
    return Rows(
        done,
        blends=blend_rows(done),
        targets=frame(columns_of(done.targets, _names(TargetPosition))),
        decisions=frame(decision_columns(done.decisions)),
        orders=frame(_order_columns(done), ORDER_KEY),
        exits=frame(_exit_columns(done), ORDER_KEY),
        fills=frame(columns_of(done.fills, _names(Fill, "client_order_id")), FILL_KEY),
        ledger=frame(columns_of(done.ledger, _names(LedgerEntry)), LEDGER_KEY),
        positions=frame(_position_columns(done)),
        snapshots=frame({**snapshots, "net_exposure_usd": [s.securities_usd for s in done.snapshots]}, KEY[:2]),
        parity=frame(columns_of(done.parity, _names(Parity)), KEY[:2]),
        watched=watched_rows(done),
    )


@cache
def _names(kind: type, *but: str) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind) if f.name not in but)


def _order_columns(done: Pass) -> Columns:
    """Return the market orders' rows; the columns of exits are left to their defaults."""
    orders, account = done.orders, done.account
    signed = ((o, o.quantity if o.side == "buy" else -o.quantity) for o in orders)
    return {
        **columns_of(orders, _names(Order, "stop_price", "limit_price", "parent")),
        "begun": ["planned" if o.client_order_id in done.planned else "submitted" for o in orders],
        "payload_hash": [payload_hash(account, o) for o in orders],
        "decision_hash": [decision_hash(account, o.symbol, o.session_date, quantity) for o, quantity in signed],
    }


def _exit_columns(done: Pass) -> Columns:
    """Return the exits' rows; each will rest on its entry's decision."""
    return {
        **columns_of(done.placed, _names(Order, "stop_loss", "take_profit", "parent")),
        "begun": ["resting"] * len(done.placed),
        "payload_hash": [payload_hash(done.account, o) for o in done.placed],
    }


def _position_columns(done: Pass) -> Columns:
    """Return the positions to write at each close: those held, and those that changed since they are not."""
    rows = [
        (position, snapshot.session_date, exits.get(position.symbol), ended.get(position.symbol, 0))
        for snapshot in done.snapshots
        for exits, ended in [done.exits[snapshot.session_date]]
        for position in snapshot.positions
        if position.symbol in done.shown[snapshot.session_date]
    ]
    return {
        **columns_of([position for position, *_ in rows], VALUED),
        "session_date": [session for _, session, _, _ in rows],
        **{column: [getattr(kept, f, None) for _, _, kept, _ in rows] for f, column in EXITS.items()},
        "ended_side": [side for *_, side in rows],
    }
