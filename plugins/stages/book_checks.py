"""The invariants of the books, asked of the database after every session: no check view may hold a row."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import sql

from data_layer.storage.database import Connection, load_sql, transaction
from models.errors import DataQualityError
from plugins.stages.context import Context
from plugins.stages.runs import completed_sessions

MANY_SESSIONS = 50  # after so many at once Postgres' own counts are far from what there is
LOOK = "look at the view, then mend what it shows"


def check_books(context: Context) -> Mapping[str, Any]:
    """Read every check view from the run's first session on, or from the last completed one.

    Raises:
        DataQualityError: for the first row found; it names the view, the row and what to do.
    """
    with transaction(context.uri) as connection:
        first = context.sessions[0] if context.sessions else max(
            completed_sessions(connection, context.stage), default=None
        )  # fmt: skip
        if first is None:
            return context.say("books not checked: there is no session yet")
        if len(context.sessions) >= MANY_SESSIONS:
            connection.execute(load_sql("accounts/analyze"))
        checked = _check(connection, first, context.stage)
    return context.say("books checked", views=len(checked), since=str(first))


def _check(connection: Connection, first: dt.date, stage: str) -> Sequence[str]:
    connection.execute("SELECT set_config('almanac.check_from', %s, true)", [str(first)])
    views = connection.execute(load_sql("catalogue/select_checks")).fetchall()
    for view in views:
        name = view["name"]
        row = connection.execute(sql.SQL("SELECT * FROM {} LIMIT 1").format(sql.Identifier(name))).fetchone()
        if row is not None:
            what, _, remedy = (view["comment"] or "").partition(" Remedy: ")
            shown = {key: str(value) for key, value in row.items()}
            raise DataQualityError(what, stage=stage, key=name, value=str(shown), remedy=remedy or LOOK)
    return [view["name"] for view in views]
