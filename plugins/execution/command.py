"""`make approve [APPROVAL=id] [REJECT=yes]` and `make revoke APPROVAL=id REASON="..."`, from a shell."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from data_layer.runtime.airflow_api import AirflowApi
from data_layer.runtime.console import ends, say
from data_layer.runtime.home import Home
from data_layer.settings import given_values, load_settings
from data_layer.storage.database import load_sql, transaction
from models.errors import AlmanacError, ConfigError
from plugins.execution.approval import decide_approval, revoke_approval
from plugins.execution.broker import with_home_keys
from plugins.execution.cancelling import cancel_at_broker

NAMES = ("APPROVAL", "REJECT", "REASON")
OPEN = {"approve": ["requested"], "revoke": ["requested", "approved", "used"]}


def main(arguments: Sequence[str] | None = None) -> int:
    """Decide about a batch of orders in this home's database."""
    (what,) = sys.argv[1:] if arguments is None else arguments
    settings = load_settings()
    home = Home(settings.almanac_home)
    uri, given = home.uri("quant_writer"), given_values(names=NAMES)
    with transaction(uri) as connection:
        rows = connection.execute(
            load_sql("order_approvals/select_open"), {"statuses": OPEN[what]}
        ).fetchall()
    row = _chosen(rows, given.get("APPROVAL", ""), what)
    if row is None:
        return 0
    who, reason = f"{getpass.getuser()} (shell)", given.get("REASON", "")
    if what == "approve":
        approved = not given.get("REJECT")
        decide_approval(uri, row["id"], approved, who, reason)
        say(f"approval {row['id']} {'approved' if approved else 'rejected'}")
        _tell_airflow(home, row["run_id"], approved)
        return 0
    if not reason:
        raise ConfigError("no reason", stage="revoke", key="REASON", value="", remedy='add REASON="why"')
    revoke_approval(uri, row["id"], who, reason)
    say(f"approval {row['id']} revoked; what was not sent is blocked")
    counts = cancel_at_broker(uri, [row["account_id"]], lambda: with_home_keys(settings, home))
    say(
        "open orders: " + (", ".join(f"{state} {count}" for state, count in sorted(counts.items())) or "none")
    )
    return 0


def _chosen(rows: Sequence[Mapping[str, Any]], given: str, what: str) -> Mapping[str, Any] | None:
    """Return the approval that is meant: the one named, or the only one that waits for an answer."""
    if given:
        found = next((row for row in rows if str(row["id"]) == given), None)
        if found is None:
            raise ConfigError("no such approval, or nothing left to decide", stage=what, key="APPROVAL", value=given,
                              remedy="name one of: " + (", ".join(str(r["id"]) for r in rows) or "none"))  # fmt: skip
        return found
    if what == "approve" and len(rows) == 1:
        return rows[0]
    for row in rows:
        say(f"APPROVAL={row['id']}  {row['session_date']}  {row['orders']} orders, {row['max_notional_usd']} USD  "
            f"{row['status']}, until {row['expires_at']:%H:%M} UTC")  # fmt: skip
    if not rows:
        say("nothing waits for an approval")
    return None


def _tell_airflow(home: Home, run_id: str, approved: bool) -> None:
    """Let the waiting task go on at once; without it, or without Airflow, it ends by its own time."""
    try:
        AirflowApi(home).answer(
            "risk_execution", run_id, "approve_orders", "Approve" if approved else "Reject"
        )
    except AlmanacError as error:
        say(f"the waiting task was not told: {error}")


if __name__ == "__main__":
    ends(main)
