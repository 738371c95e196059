"""What a source once gave and gives no more: noted, never deleted, for the past was decided on it."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable

from data_layer.sessions import session_from
from data_layer.storage.audit import event, write_events
from data_layer.storage.database import Connection, load_sql
from plugins.stages.context import Context

STATEMENTS = {"bar": "market_data/select_keys", "action": "corporate_actions/select_keys"}
Key = tuple[str, dt.date]


def note_vanished(
    connection: Connection,
    context: Context,
    kind: str,
    source: str,
    received: Iterable[Key],
    span: tuple[dt.date, dt.date],
) -> int:
    """Write an audit event `market.vanished` per symbol for what is held of a source and was not in its answer.

    Args:
        connection: writer's transaction, in which nothing of the answer need be stored yet.
        context: the run, over sessions fetched before.
        kind: bar or action.
        source: who answered.
        received: symbol and day of every row of the answer, impossible ones too.
        span: first and last day asked for.

    Returns:
        The number of facts gone.
    """
    parameters = {
        "source": source,
        "start": span[0],
        "end": span[1],
        "symbols": list(context.window.symbols or context.settings.symbols),
    }
    held = {(r["symbol"], r["date"]) for r in connection.execute(load_sql(STATEMENTS[kind]), parameters)}
    gone: dict[str, list[dt.date]] = defaultdict(list)
    for symbol, day in sorted(held - set(received)):
        gone[symbol].append(day)
    write_events(
        connection,
        (
            event(
                f"vanished/{kind}/{source}/{symbol}/{'/'.join(map(str, days))}",
                "market.vanished",
                session_from(days[0]),
                context.stage,
                {"kind": kind, "source": source, "dates": [str(day) for day in days]},
                symbol=symbol,
            )
            for symbol, days in gone.items()
        ),
    )
    count = sum(map(len, gone.values()))
    if count:
        context.say(f"{source} gives {count} {kind}s no more that are held: kept, see market.vanished")
    return count
