"""The price collar where orders leave: the newest price the sender can see, beside the one it was decided on.

Orders for a real broker leave before the open, when nobody quotes: the newest price is then the last close held,
or a later trade that Alpaca's market data tells, where that is among the SOURCES. The simulated account sends its
orders at the close they were decided on, where `check_risk` measures the collar: the open is its fill, which no
sender can see beforehand.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from data_layer.sessions import next_session
from data_layer.settings import Settings
from data_layer.storage.database import Connection, load_sql
from models.risk.price_collar import PriceCollar, within_collar

NEW_YORK = ZoneInfo("America/New_York")
Trades = Mapping[str, tuple[dt.datetime, float]]  # instant and price in USD of each symbol's newest trade
AskTrades = Callable[[Sequence[str]], Trades]


def trades_of(settings: Settings) -> AskTrades | None:
    """Return what asks for newest trades, None where Alpaca's market data is not among the sources."""
    if "alpaca" not in settings.sources:
        return None
    from data_layer.sources.alpaca import AlpacaSource

    return AlpacaSource(settings).newest_trades


def held_back(
    connection: Connection, account: str, session: dt.date, ask: AskTrades | None = None
) -> dict[str, str]:
    """Return why orders may not be sent at the prices of now, by client_order_id.

    What only takes risk off is never held back, like by every other limit. Without any price, or without a
    threshold, an order is held back.

    Args:
        connection: any role that may read.
        account: accounts.id.
        session: at whose close the orders were decided.
        ask: for newest trades; its errors are the caller's, nothing is sent without an answer.
    """
    fills_on = next_session(session)
    key = {"account_id": account, "session": session, "fills_on": fills_on}
    rows = [r for r in connection.execute(load_sql("orders/select_collars"), key) if not _only_reduces(r)]
    trades = ask(sorted({row["symbol"] for row in rows})) if ask and rows else {}
    reasons = {row["client_order_id"]: _problem(row, trades, fills_on) for row in rows}
    return {name: f"{PriceCollar.name}: {reason}" for name, reason in reasons.items() if reason}


def _problem(row: Mapping[str, Any], trades: Trades, fills_on: dt.date) -> str:
    price, when, threshold = row["close"], f"close of {row['close_date']}", row["threshold"]
    if row["symbol"] in trades:
        instant, traded = trades[row["symbol"]]
        day = instant.astimezone(NEW_YORK).date()
        if price is None or day >= row["close_date"]:
            # Shares traded on the day they go ex are new ones already.
            price = traded if day >= fills_on else traded / row["since_session"]
            when = f"trade of {instant:%Y-%m-%d %H:%M} UTC"
    if price is None or threshold is None:
        return f"no {'price' if price is None else 'threshold'} of {row['symbol']} to compare with"
    reference = float(row["reference_price"])
    if within_collar(reference, price, threshold):
        return ""
    return f"{price:.4f} USD, {when}, is not within {threshold:.1%} of the {reference:.4f} it was decided on"


def _only_reduces(row: Mapping[str, Any]) -> bool:
    held, change = row["current_quantity"], row["quantity"] if row["side"] == "buy" else -row["quantity"]
    return bool(held * change < 0 and abs(change) <= abs(held))
