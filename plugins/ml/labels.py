"""What models learn to foretell: returns of members of the universe, stored where only the trainer reads them."""

from __future__ import annotations

import datetime as dt
import hashlib

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data_layer.labels import next_session_return
from data_layer.storage.database import load_sql, read_frame, transaction
from data_layer.storage.training import store_labels
from models.ml.base import Floats, Price
from models.panel import Dates
from plugins.backtest.market import Market
from plugins.stages.knowledge import Renamed, renames, renames_by_day

Member = NDArray[np.bool_]
Span = tuple[str, dt.date, dt.date]  # symbol, first and last session of membership


def members(uri: str, market: Market) -> Member:
    """Return which of the market's rows [R] are of members of the universe at their session, by its cutoff's knowledge.

    Args:
        uri: connection URI.
        market: of the home's database.
    """
    last = day_at(market.sessions, -1)
    with transaction(uri) as connection:
        known = {"cutoff": market.known_at, "last": last}
        found = connection.execute(load_sql("trading_universe/select_known_spans"), known).fetchall()
        changes = renames(connection, [last], {last: market.known_at} if market.known_at else {})[0]
    place = {symbol: i for i, symbol in enumerate(market.symbols)}
    member = np.zeros(len(market.row_session), np.bool_)
    for symbol, begin, end in renamed([(r["symbol"], r["begins"], r["ends"]) for r in found], changes):
        if symbol in place:
            first, after = market.offsets[place[symbol]], market.offsets[place[symbol] + 1]
            days = market.sessions[market.row_session[first:after]]
            member[first:after] |= (days >= np.datetime64(begin)) & (days <= np.datetime64(end))
    return member


def renamed(spans: list[Span], changes: tuple[Renamed, ...]) -> list[Span]:
    """Return spans of membership under the tickers after the changes, as ``join_renamed`` does with rows."""
    for effective, names in renames_by_day(changes):
        before, moved = effective - dt.timedelta(days=1), []
        for symbol, begin, end in spans:
            if symbol in names and begin <= before:
                moved.append((names[symbol], begin, min(end, before)))
            begins = max(begin, effective) if symbol in names or symbol in names.values() else begin
            if begins <= end:
                moved.append((symbol, begins, end))
        spans = moved
    return spans


def labels_of(market: Market, price: Price, horizon: int, member: Member | None = None) -> Floats:
    """Compute the label of every row [R], see ``data_layer.labels``; NaN outside the universe too."""
    label = next_session_return(market.frame, price, horizon, market.row_session)["label"].to_numpy()
    return label if member is None else np.where(member, label, np.nan)


def write_labels(
    uri: str, market: Market, label: Floats, price: Price, horizon: int, first: int
) -> tuple[int, int]:
    """Store the labels of a session on, and take away those of the span that are none any more.

    Args:
        uri: trainer's connection URI.
        market: whose rows they are.
        label: [R]; NaN = none.
        price: what they run between.
        horizon: sessions between its two prices.
        first: index of the first session.

    Returns:
        Labels there are, and how many of them are new or have changed.
    """
    kept = np.flatnonzero(~np.isnan(label) & (market.row_session >= first))
    session = market.row_session[kept]
    rows = pd.DataFrame({
        "symbol": np.array(market.symbols, dtype=object)[market.row_symbol[kept]],
        "session_date": market.sessions[session].astype("datetime64[s]"),
        "label": label[kept],
        "label_end": market.sessions[session + horizon + 1].astype("datetime64[s]"),
    })  # fmt: skip
    return len(rows), store_labels(uri, price, horizon, rows, **_span(market, first), symbols=market.symbols)


def read_labels(uri: str, market: Market, price: Price, horizon: int, first: int) -> Floats:
    """Read the stored labels of the market's rows [R] from a session on; NaN where there is none.

    Args:
        uri: connection URI of a role that may read labels: the trainer's.
        market: whose rows.
        price: what they run between.
        horizon: sessions between its two prices.
        first: index of the first session.
    """
    asked = {"price": price, "horizon": horizon, **_span(market, first)}
    found = read_frame(uri, load_sql("training_labels/select_labels"), asked)
    symbol = pd.Index(market.symbols).get_indexer(pd.Index(found["symbol"]))
    session = np.searchsorted(market.sessions, found["session_date"].to_numpy().astype("datetime64[D]"))
    row_of = np.full((len(market.symbols) + 1, len(market.sessions)), -1)  # the last line: symbols not asked for
    row_of[market.row_symbol, market.row_session] = np.arange(len(market.row_session))
    rows = row_of[symbol, session]
    label = np.full(len(market.row_session), np.nan)
    label[rows[rows >= 0]] = found["label"].to_numpy(np.float64)[rows >= 0]
    return label


def label_version(market: Market, label: Floats, first: int) -> str:
    """Return the SHA-256 (16 digits) of the labels from a session on: the same labels give the same."""
    kept = label[market.row_session >= first]
    return hashlib.sha256(np.where(np.isnan(kept), np.nan, kept).tobytes()).hexdigest()[:16]


def day_at(sessions: Dates, at: int) -> dt.date:
    """Return a session by its index."""
    day: dt.date = sessions[at].astype("datetime64[D]").item()
    return day


def _span(market: Market, first: int) -> dict[str, dt.date]:
    return {"first": day_at(market.sessions, first), "last": day_at(market.sessions, -1)}
