"""What a broker is to the daily run, and the order's own identity."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from models.records import Fill, Order


@dataclass(frozen=True, slots=True)
class ExpiredOrder:
    """A day order that ended without an execution, and why."""

    client_order_id: str
    symbol: str
    session_date: dt.date
    reason: str


@dataclass(frozen=True, slots=True)
class Executions:
    """What became of a session's orders: every order has a fill or stands in expired."""

    fills: tuple[Fill, ...]
    expired: tuple[ExpiredOrder, ...]


class Broker(ABC):
    """Executes day orders, and exits that rest."""

    name: str

    @abstractmethod
    def fills(
        self, orders: Sequence[Order], opens: Mapping[str, Decimal], session_date: dt.date
    ) -> Executions:
        """Return what became of the orders in this session.

        Args:
            orders: decided after the session before, quantities in this session's share basis.
            opens: raw opens of session_date in USD; a symbol without a bar is not in it.
            session_date: the session the orders were for.
        """

    @abstractmethod
    def exit_fills(
        self,
        exits: Sequence[Order],
        opens: Mapping[str, Decimal],
        ranges: Mapping[str, tuple[Decimal, Decimal]],
        session_date: dt.date,
    ) -> tuple[Fill, ...]:
        """Return the fills of resting exits in this session; what has none rests on.

        Those of one symbol cancel one another: at most one of them fills. Stops come before targets, for
        nobody knows whether the high or the low came first; of two stops the nearer one. One the open has
        jumped over fills at the open.

        Args:
            exits: placed at this session's open or before, quantities in its share basis; a trailing stop
                with the price it stands at.
            opens: raw opens of session_date in USD; a symbol without a bar is not in it.
            ranges: raw high and low of session_date in USD, of the exits' symbols that have a bar.
            session_date: the session.
        """


def client_order_id(
    account: str, symbol: str, side: str, session_date: dt.date, attempt: int = 1, exit_type: str = ""
) -> str:
    """Return the order's identity: the same order always gets the same, so that none is sent twice.

    The first 32 characters of base32(SHA-256) (160 bits) of the fields as a JSON array, which no two
    different field lists share.

    Args:
        account: id of the account.
        symbol: ticker.
        side: buy or sell.
        session_date: the session after whose close it was decided.
        attempt: counts up from 1 when an order that certainly did not execute is sent anew.
        exit_type: stop, limit or trailing_stop, a further field; empty for a market order, which has none.
    """
    fields = [account, symbol, side, session_date.isoformat(), attempt, *([exit_type] if exit_type else [])]
    text = json.dumps(fields, separators=(",", ":"))
    return base64.b32encode(hashlib.sha256(text.encode()).digest()).decode()[:32]
