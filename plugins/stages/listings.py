"""What vendors said of their symbols: kept as audit events, so that each is asked about once, not in every task."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from data_layer.sources.listings import Listing
from data_layer.sources.ordered import OrderedSources
from data_layer.sources.vendor import VendorSource
from data_layer.storage.audit import event, write_events
from data_layer.storage.database import load_sql, transaction
from plugins.stages.context import Context


def recall(context: Context, source: OrderedSources) -> None:
    """Give each vendor what it said in earlier tasks and runs."""
    vendors = _vendors(source)
    if not vendors:
        return
    with transaction(context.uri) as connection:
        start = {"start": context.settings.start}
        said = connection.execute(load_sql("audit_events/select_described"), start).fetchall()
    for row in said:
        payload = row["payload"]
        if payload["vendor"] in vendors:
            one = _listing(payload)
            vendors[payload["vendor"]].listings.known[one.symbol] = one


def keep(context: Context, source: OrderedSources) -> None:
    """Write an audit event `market.described` for what was learnt; what comes of the run does not undo it."""
    events = [
        event(
            f"described/{vendor.name}/{one.symbol}/{context.request.run_id}/{one.renames is not None}",
            "market.described",
            context.sessions[-1],
            context.stage,
            {**asdict(one), "vendor": vendor.name, "start": vendor.start},
            symbol=one.symbol,
        )
        for vendor in _vendors(source).values()
        for one in vendor.listings.learnt.values()
    ]
    if events:
        with transaction(context.uri) as connection:
            write_events(connection, events)


def _vendors(source: OrderedSources) -> Mapping[str, VendorSource]:
    return {vendor.name: vendor for vendor in source.sources if isinstance(vendor, VendorSource)}


def _listing(payload: Mapping[str, Any]) -> Listing:
    first, last = (dt.date.fromisoformat(day) if day else None for day in (payload["first"], payload["last"]))
    renames = payload["renames"]
    told = None if renames is None else tuple((o, n, dt.date.fromisoformat(day)) for o, n, day in renames)
    return Listing(payload["symbol"], payload["name"], payload["sector"], first, last, told)
