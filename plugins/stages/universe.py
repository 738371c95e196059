"""The universe: who belongs to it, from which session to which, and under which ticker."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import pandas as pd

from data_layer.sessions import close_times, next_session, previous_session, session_from
from data_layer.sources.renames import Rename
from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, load_sql


def store_universe(
    connection: Connection,
    members: pd.DataFrame,
    *,
    last: dt.date,
    decided: dt.date | None,
    delay: dt.timedelta,
    only_listed: bool = False,
) -> int:
    """Store membership as stated at the newest session, each change as a new version.

    A member is known at the close of its first session, its end at the close of the session after its last
    one: only then is a bar missing. What is stated of sessions decided already is known from now on. So an
    old session looked at again takes nothing back, and no past decision sees another universe than it did.

    Args:
        connection: writer's transaction, under the stage's lock.
        members: symbol, name, sector, active_from, active_to, restricted (None: not stated), source.
        last: newest session: who left on it or after it has not left yet.
        decided: last session completed before, None for none.
        delay: between a session's close and its bars.
        only_listed: the list is the user's own and whole, so that who is not on it leaves.

    Returns:
        Versions written.
    """
    stated = members[members["active_from"] <= last]
    renamed = {
        (row["old_symbol"], previous_session(row["effective"])): row["new_symbol"]
        for row in connection.execute(load_sql("symbol_changes/select_changes"))
    }
    rows = []
    for row in stated.to_dict("records"):
        end = row["active_to"] if row["active_to"] is not None and row["active_to"] < last else None
        after = next_session(session_from(end)) if end else None
        first = session_from(row["active_from"])
        closes = close_times([first, after] if after else [first])
        rows.append(
            {
                **row,
                "active_to": end,
                "renamed_to": renamed.get((row["symbol"], end)) if end else None,
                "known_from": closes[first] + delay,
                "known_to": closes[after] + delay if after else None,
                "known_to_session": after,
            }
        )
    parameters = {"rows": json_text(rows), "decided": decided}
    statements = (
        "trading_universe/delete_withdrawn",
        "trading_universe/insert_universe",
        "trading_universe/update_ends",
        "trading_universe/update_stated",
    )
    changed = sum(connection.execute(load_sql(name), parameters).rowcount for name in statements)
    if only_listed and decided:
        named = {"symbols": sorted(set(members["symbol"])), "decided": decided}
        changed += connection.execute(load_sql("trading_universe/update_left"), named).rowcount
    return changed


def store_renames(
    connection: Connection, stated: Iterable[Rename], *, last: dt.date, decided: dt.date | None
) -> int:
    """Store the renames that join two tickers held here, see include/sql/symbol_changes/insert_changes.sql.

    Args:
        connection: writer's transaction, under the stage's lock.
        stated: what a source or the user's file states.
        last: newest session.
        decided: last session completed before, None for none.

    Returns:
        Rows written.
    """
    rows = [
        {
            "old_symbol": r.old, "new_symbol": r.new, "effective": session_from(r.effective), "source": r.source,
            "known_at": close_times([session_from(r.effective)])[session_from(r.effective)],
        }
        for r in stated
        if r.effective <= last
    ]  # fmt: skip
    if not rows:
        return 0
    parameters = {"rows": json_text(rows), "decided": decided, "last": last}
    return connection.execute(load_sql("symbol_changes/insert_changes"), parameters).rowcount
