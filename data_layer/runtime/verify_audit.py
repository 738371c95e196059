"""`make verify-audit [HEAD=position:hash]`: the chain of audit events, link by link, and its head.

Whoever owns the database can forge a whole chain. Its head, noted elsewhere, proves what was there when it was noted.
"""

from __future__ import annotations

import os
import re

from data_layer.runtime.console import ends, say
from data_layer.runtime.home import Home
from data_layer.settings import home_path
from data_layer.storage.database import Connection, load_sql, transaction
from models.errors import ConfigError

SHOWN = 20  # breaks printed; one tampered event is one or two


def breaks(connection: Connection) -> list[str]:
    """Return what is wrong with the chain: what happened to which event of which run, the first SHOWN of them."""
    rows = connection.execute(load_sql("audit_chain/select_broken"), {"most": SHOWN}).fetchall()
    return [
        f"{row['break']}: event {row['idempotency_key'] or row['event_id']} of run {row['run_id']}"
        + (f", position {row['position']}" if row["position"] else ", in no link")
        for row in rows
    ]


def head(connection: Connection, position: int | None = None) -> str:
    """Return ``position:hash`` over the last link of every run, now or as it was at a position."""
    row = connection.execute(load_sql("audit_chain/select_head"), {"position": position}).fetchone()
    assert row is not None  # noqa: S101  # an aggregate
    return f"{row['position']}:{row['hash']}"


def check_head(connection: Connection, noted: str) -> list[str]:
    """Return what is wrong with a head noted before, nothing when the chain still goes through it.

    Raises:
        ConfigError: when it is no head.
    """
    if not re.fullmatch(r"\d{1,15}:[0-9a-f]{64}", noted):
        raise ConfigError("not a head", stage="verify-audit", key="HEAD", value=noted,
                          remedy="give it as make verify-audit printed it")  # fmt: skip
    found = head(connection, int(noted.partition(":")[0]))
    return (
        [] if found == noted else [f"the chain does not go through {noted}: at that position it is {found}"]
    )


def main() -> int:
    """Verify the home's chain; return 0 when nothing is wrong."""
    with transaction(Home(home_path()).uri("quant_reader")) as connection:
        wrong = breaks(connection)
        if noted := os.environ.get("HEAD", ""):
            wrong += check_head(connection, noted)
        for line in wrong:
            say(line)
        say(f"head {head(connection)}")
    say("nothing wrong" if not wrong else "wrong: see above; the events as they were are in the backups")
    return 1 if wrong else 0


if __name__ == "__main__":
    ends(main)
