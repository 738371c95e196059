"""The kill switch from Airflow: latched or armed by hand, and drilled every month."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from psycopg import errors

from data_layer.brokers.base import client_order_id, payload_hash
from data_layer.storage.audit import event, write_events
from data_layer.storage.database import Connection, load_sql, transaction
from data_layer.storage.kill_switch import accounts, heed_switch, latch, latch_all, read_switch, rearm
from models.errors import BlockedError, ConfigError
from models.records import Order, TargetPosition
from models.risk.base import RiskContext
from models.risk.check import check_risk
from models.risk.kill_switch import KillSwitch

DRILL = "drill"
log = logging.getLogger("almanac")


def operate(uri: str, action: str, reason: str, today: dt.date) -> Mapping[str, Any]:
    """Do what the run was asked for.

    Args:
        uri: writer's connection URI.
        action: drill, latch or rearm; the latter two on all accounts.
        reason: why; a drill needs none.
        today: day of the run, under which a drill stands in the trail.

    Raises:
        ConfigError: for another action.
        BlockedError: without a reason, while the books do not reconcile, or when the drill finds that the
            switch does not hold.
    """
    with transaction(uri) as connection:
        if action == DRILL:
            proved = drill(connection, today)
            write_events(connection, [
                event(f"drill/{today}", "risk.drill", today, "kill_switch", {"proved": proved})
            ])  # fmt: skip
            return {"proved": len(proved)}
        if action not in {"latch", "rearm"}:
            raise ConfigError("no such action", stage="kill_switch", key="action", value=action,
                              remedy="choose drill, latch or rearm")  # fmt: skip
        if action == "latch":
            cancelled = latch_all(connection, reason)
            return {"accounts": len(cancelled), "cancelled": sum(cancelled.values())}
        latched = [n for n in accounts(connection) if read_switch(connection, n).cause]
        for name in latched:
            rearm(connection, name, reason)
        return {"accounts": len(latched)}


def drill(connection: Connection, today: dt.date) -> list[str]:
    """Prove on an account that exists for a moment that the switch latches, stops, cancels and arms again.

    Returns:
        What was proved, in order. Nothing of the account stays: it is rolled back.

    Raises:
        BlockedError: names what did not hold.
    """
    proved: list[str] = []

    def prove(what: str, holds: bool) -> None:
        if not holds:
            raise BlockedError(f"the kill switch does not hold: {what} failed", stage="kill_switch", key="drill",
                               value=what, remedy="stop the schedule and mend it before the next session")  # fmt: skip
        proved.append(what)

    connection.execute("SAVEPOINT drill")
    connection.execute(load_sql("accounts/insert_drill"), {"id": DRILL})
    order = Order(client_order_id(DRILL, "DRILL", "buy", today), "DRILL", today, "buy", 1, Decimal(1))
    connection.execute(load_sql("orders/insert_drill"), {
        "account_id": DRILL, "session": today, "client_order_id": order.client_order_id,
        "payload_hash": payload_hash(DRILL, order),
    })  # fmt: skip
    prove("armed at the start", not heed_switch(connection, DRILL).reason)
    prove("an open order is cancelled", latch(connection, DRILL, "drill", DRILL) == 1)
    found = heed_switch(connection, DRILL)
    prove("who claims an order sees it", found.by_hand == "drill")
    wanted = TargetPosition("DRILL", today, 1.0, 0.01, 1, 0, Decimal(1))
    (decision,) = check_risk([wanted], [KillSwitch(0.0)], RiskContext(100.0, {}, kill_switch=found.by_hand))
    prove("every change is rejected", decision.decision == "rejected")
    connection.execute("SAVEPOINT refused")
    refused = False
    try:
        rearm(connection, DRILL, " ")
    except BlockedError as error:
        refused = isinstance(error.__cause__, errors.CheckViolation)
    connection.execute("ROLLBACK TO SAVEPOINT refused")
    prove("no arming without a reason", refused)
    rearm(connection, DRILL, "drill over")
    prove("armed again with one", not read_switch(connection, DRILL).cause)
    connection.execute("ROLLBACK TO SAVEPOINT drill")
    log.info("[kill_switch] drill: %s", "; ".join(proved))
    return proved
