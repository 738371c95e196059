"""The kill switch: one latched row per account, and who latched and armed it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import errors

from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, load_sql
from models.errors import BlockedError, ConfigError

BY_ITSELF = frozenset({"drawdown", "loss"})  # causes that a pass finds and carries from session to session


@dataclass(frozen=True, slots=True)
class Switch:
    """cause and reason: empty while armed; last_rearm: number of the last arming by hand, 0 for none."""

    cause: str = ""
    reason: str = ""
    last_rearm: int = 0

    @property
    def by_hand(self) -> str:
        """Why nothing may be ordered, as far as no pass over sessions knows it by itself; empty when it may."""
        return "" if self.cause in BY_ITSELF else self.reason


def read_switch(connection: Connection, account: str) -> Switch:
    """Return the switch as it stands."""
    row = connection.execute(load_sql("kill_switch/select_state"), {"account_id": account}).fetchone()
    return Switch(**row) if row else Switch()


def heed_switch(connection: Connection, account: str) -> Switch:
    """Return the switch, and keep it as it is until the caller's transaction ends.

    Whoever claims an order reads it here in the same transaction: a latch in the meantime waits for the claim and
    then cancels it, so no order leaves after the switch was latched.
    """
    row = connection.execute(load_sql("kill_switch/select_heeded"), {"account_id": account}).fetchone()
    return Switch(row["cause"] or "", row["reason"] or "") if row else Switch()


def latch(connection: Connection, account: str, reason: str, cause: str = "manual") -> int:
    """Latch an account's switch; returns how many open orders were cancelled.

    Args:
        connection: its transaction latches; whoever finds a mismatch commits this apart from what it rolls back.
        account: id.
        reason: why, never empty.
        cause: manual, reconciliation or drill.

    Raises:
        ConfigError: for an account that is not there.
        BlockedError: without a reason.
    """
    values = {"account_id": account, "reason": reason, "cause": cause}
    row = _ask(connection, "kill_switch/update_latched", values)
    return int(row["cancelled"]) if row else 0


def latch_all(connection: Connection, reason: str) -> dict[str, int]:
    """Latch every account that is traded, one that a reset opens meanwhile included; cancelled orders by account.

    Raises:
        BlockedError: without a reason.
    """
    cancelled: dict[str, int] = {}
    while left := [name for name in accounts(connection) if name not in cancelled]:
        cancelled |= {name: latch(connection, name, reason) for name in left}
    return cancelled


def rearm(connection: Connection, account: str, reason: str) -> None:
    """Arm an account's switch again.

    Raises:
        ConfigError: for an account that is not there.
        BlockedError: without a reason, when it is not latched, or while its books do not reconcile.
    """
    _ask(connection, "kill_switch/update_rearmed", {"account_id": account, "reason": reason})


def note_by_itself(connection: Connection, account: str, found: Iterable[Mapping[str, Any]]) -> None:
    """Write, once, what passes found: rows of session_date, action, cause, reason."""
    if rows := list(found):
        connection.execute(
            load_sql("kill_switch/update_by_itself"), {"account_id": account, "rows": json_text(rows)}
        )


def accounts(connection: Connection) -> list[str]:
    """Return the ids of the accounts that are traded."""
    return [row["id"] for row in connection.execute(load_sql("accounts/select_accounts"))]


def _ask(connection: Connection, statement: str, values: Mapping[str, Any]) -> dict[str, Any] | None:
    state = {"account_id": values["account_id"]}
    if connection.execute(load_sql("kill_switch/select_state"), state).fetchone() is None:
        raise ConfigError(
            "there is no such account", stage="kill_switch", key="account", value=values["account_id"],
            remedy=f"name one of: {', '.join(accounts(connection)) or 'none is open yet'}",
        )  # fmt: skip
    try:
        return connection.execute(load_sql(statement), values).fetchone()
    except errors.CheckViolation as error:
        raise BlockedError(
            str(error.diag.message_primary), stage="kill_switch", key="account", value=values["account_id"],
            remedy="give REASON=, mend the books, or see table kill_switch",
        ) from error  # fmt: skip
