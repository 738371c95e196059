"""Which of some bars are held already, and with which values: read once as arrays and compared by whole columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from psycopg.adapt import Loader
from psycopg.pq import Format

from data_layer.storage.database import Connection, load_sql

VALUES = ("open", "high", "low", "close", "volume")
# By the array's type: how an element is written. Before each stands its length, before the first 20 bytes of head.
_ELEMENTS = {"date": ">i4", "float8": ">f8", "int8": ">i8"}
_HEAD_BYTES = 20
_EPOCH = np.datetime64("2000-01-01", "D")


@dataclass(frozen=True)
class Comparison:
    """What the table says to some bars, one value per bar.

    Attributes:
        is_new: no bar of this symbol and date is held.
        differs: one is held with another price or volume.
        of_held_symbol: the symbol has bars, of whatever dates.
    """

    is_new: npt.NDArray[np.bool_]
    differs: npt.NDArray[np.bool_]
    of_held_symbol: npt.NDArray[np.bool_]


def compare_with_held(connection: Connection, bars: pd.DataFrame) -> Comparison:
    """Compare bars with the current versions in market_data.

    Args:
        connection: the transaction that is going to write them, under the stage's lock.
        bars: symbol, date, open, high, low, close, volume; one per symbol and date, none missing.
    """
    codes, uniques = pd.factorize(bars["symbol"])
    symbols = [str(symbol) for symbol in uniques]
    days = (bars["date"].to_numpy().astype("datetime64[D]") - _EPOCH).astype(np.int64)
    spans = connection.execute(load_sql("market_data/select_spans"), {"symbols": symbols}).fetchall()
    held = {row["symbol"]: row for row in spans}
    of_held = np.array([symbol in held for symbol in symbols], np.bool_)[codes]
    differs = np.zeros(len(bars), np.bool_)
    is_new = np.ones(len(bars), np.bool_)
    overlapping = _overlapping(held, symbols, codes, days)
    if overlapping:
        first, last = _EPOCH + int(days.min()), _EPOCH + int(days.max())
        keys, values = _read(connection, overlapping, first, last, {s: i for i, s in enumerate(symbols)})
        mine = _key(codes, days)
        if not len(keys):  # the dates asked for lie in a gap of what is held
            return Comparison(is_new, differs, of_held)
        place = np.minimum(np.searchsorted(keys, mine), len(keys) - 1)
        found = keys[place] == mine
        is_new = ~found
        for name in VALUES:
            column = bars[name].to_numpy()
            differs[found] |= column[found] != values[name][place[found]]
    return Comparison(is_new, differs, of_held)


def _overlapping(
    held: dict[str, dict[str, Any]], symbols: list[str], codes: np.ndarray, days: np.ndarray
) -> list[str]:
    """Return the symbols whose bars held and handed over share a stretch of time."""
    if not held:
        return []
    spans = pd.Series(days).groupby(codes).agg(["min", "max"]).to_numpy()
    chosen = []
    for symbol, (first, last) in zip(symbols, spans, strict=True):
        row = held.get(symbol)
        if row and _EPOCH + int(first) <= row["last"] and _EPOCH + int(last) >= row["first"]:
            chosen.append(symbol)
    return chosen


def _read(
    connection: Connection,
    symbols: list[str],
    first: np.datetime64,
    last: np.datetime64,
    order: dict[str, int],
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the keys of the bars held, ascending, and their values in that order."""
    cursor = connection.cursor(binary=True)
    for name, element in _ELEMENTS.items():
        oid = connection.adapters.types[name].array_oid
        cursor.adapters.register_loader(oid, _array_loader(element))
    parameters = {"symbols": symbols, "first": first.item(), "last": last.item()}
    rows = cursor.execute(load_sql("market_data/select_held"), parameters).fetchall()
    if not rows:
        return np.empty(0, np.int64), {}
    codes = np.concatenate([np.full(len(row["date"]), order[row["symbol"]], np.int64) for row in rows])
    keys = _key(codes, np.concatenate([row["date"] for row in rows]))
    ascending = np.argsort(keys)
    values = {name: np.concatenate([row[name] for row in rows])[ascending] for name in VALUES}
    return keys[ascending], values


def _key(codes: np.ndarray, days: np.ndarray) -> np.ndarray:
    """One number per symbol and date; no date a bar may have is a million days from 2000."""
    keys: np.ndarray = codes.astype(np.int64) * 2_000_000 + days + 1_000_000
    return keys


def _array_loader(element: str) -> type[Loader]:
    item = np.dtype([("length", ">i4"), ("value", element)])

    class ArrayLoader(Loader):
        """An array without NULLs, in one piece."""

        format = Format.BINARY

        def load(self, data: Any) -> np.ndarray:
            values = np.frombuffer(bytes(data), item, offset=_HEAD_BYTES)["value"]
            native: np.ndarray = values.astype(element.replace(">", "="))
            return native

    return ArrayLoader
