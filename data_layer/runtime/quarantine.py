"""`make quarantine`: list the rows in quarantine; RELEASE=id or REJECT=id with REASON=... decides about one."""

from __future__ import annotations

import datetime as dt
import os

from data_layer.quality.decisions import quarantined_rows, reject, release
from data_layer.runtime.console import ends, say, table
from data_layer.runtime.home import Home
from data_layer.runtime.progress import STAGES
from data_layer.runtime.remember import home_settings
from data_layer.settings import home_path
from data_layer.storage.database import transaction
from models.errors import ConfigError

SHOWN = 50  # undecided rows listed; the table has all


def main() -> int:
    """List, release or reject in this home's database."""
    given = {name: os.environ.get(name, "") for name in ("RELEASE", "REJECT", "REASON")}
    uri = Home(home_path()).uri("quant_writer")
    if not given["RELEASE"] and not given["REJECT"]:
        return _list(uri)
    if given["RELEASE"] and given["REJECT"]:
        raise ConfigError(
            "name one", stage="quarantine", key="RELEASE, REJECT", remedy="release or reject a row"
        )
    key = "RELEASE" if given["RELEASE"] else "REJECT"
    number = _number(key, given[key])
    with transaction(uri) as connection:
        if key == "RELEASE":
            settings, _ = home_settings(home_path())
            now = dt.datetime.now(dt.UTC)
            done = release(
                connection, number, given["REASON"], settings=settings, now=now, later_stages=STAGES[1:]
            )
        else:
            done = reject(connection, number, given["REASON"])
    say(f"row {number} {key.lower()}{'d' if key == 'RELEASE' else 'ed'}" + ("" if done else " already"))
    return 0


def _list(uri: str) -> int:
    with transaction(uri) as connection:
        rows = quarantined_rows(connection)
    waiting = [row for row in rows if not row["decision"]]
    counts = [sum(row["decision"] == kind for row in rows) for kind in ("released", "rejected")]
    say(f"{len(waiting)} rows in quarantine undecided, {counts[0]} released, {counts[1]} rejected")
    listed = [
        [str(row["id"]), repr(row["symbol"]), str(row["session_date"] or "-"), row["kind"], row["reason"]]
        for row in waiting[:SHOWN]
    ]
    if listed:
        table(["id", "symbol", "date", "kind", "reason"], listed)
    if len(waiting) > SHOWN:
        say(f"  and {len(waiting) - SHOWN} more in the table quarantine")
    return 0


def _number(key: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise ConfigError("not an id", stage="quarantine", key=key, value=text, remedy="see make quarantine")
    return int(text)


if __name__ == "__main__":
    ends(main)
