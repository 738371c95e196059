"""Where an order came from, from its fill down to the vendor's batch; for its page and for programs alike."""

from __future__ import annotations

from typing import Any

from plugins.web.reading import rows, the

BARS_SHOWN = 5  # up to the decision: enough to see the move it answers


def lineage(client_order_id: str) -> dict[str, Any]:
    """Return an order's fills, decision, target, votes, signals, features and bars.

    An exit has its entry's decision and all before it. Bars are those known when the signals were made.

    Raises:
        HTTPException: 404 when there is no such order.
    """
    order = the("pages/select_order", f"no order {client_order_id}", client_order_id=client_order_id)
    where = {"symbol": order["symbol"], "session": order["decided_session"]}
    return {
        "order": order,
        "fills": rows("pages/select_order_fills", order_id=order["id"]),
        "votes": rows("pages/select_order_ensemble", **where),
        "signals": rows("pages/select_order_signals", **where),
        "features": rows("pages/select_order_features", **where),
        "bars": rows("pages/select_order_bars", **where, count=BARS_SHOWN),
    }
