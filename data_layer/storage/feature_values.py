"""Features of a whole history into an empty range of feature_values: computed, encoded and copied side by side."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from data_layer.features.compute import GROUP, fill_group
from data_layer.features.panel import Panel, Rows
from data_layer.features.registry import select
from data_layer.storage.copy_encoder import HEADER, TRAILER
from data_layer.storage.database import Connection, load_sql

_EPOCH_DAYS = 10_957  # 2000-01-01, where Postgres counts from
_FLOAT4_OID = 700
# Groups computed ahead of the one being copied: the server is the slower side, more would only cost memory.
AHEAD = 2
Item = TypeVar("Item")
Result = TypeVar("Result")


def copy_features(
    connection: Connection, history: Rows, sessions: Sequence[object], sets: Mapping[str, int]
) -> int:
    """Append the features of every bar of the sessions, without looking for rows that are there.

    The table's own key refuses a row that is. Into an empty table rows go frozen, and its readers wait until they are
    all there. A history of 400 symbols and 20 years takes no more memory than a few groups of symbols and the bars
    themselves.

    Args:
        connection: inside the caller's transaction, under the stage's lock.
        history: of bars as `compute` takes them, from each symbol's first.
        sessions: dates whose rows are wanted.
        sets: versions by feature set.

    Returns:
        The number of rows written.
    """
    if not len(history.days):
        return 0
    wanted = np.isin(history.days, np.array(list(sessions), "datetime64[D]").astype(np.int64))
    columns = {name: select(None, name) for name in sorted(sets)}

    def encode_group(group: tuple[slice, Panel]) -> tuple[int, list[bytes]]:
        rows, part = group
        matrices = {}
        for name, wanted_columns in columns.items():
            matrices[name] = np.empty((len(wanted_columns), rows.stop - rows.start), np.float32)
            fill_group(matrices[name], wanted_columns, part)
        pieces = []
        ends = part.rows.starts
        for symbol, begin, end in zip(part.rows.symbols, ends[:-1], ends[1:], strict=True):
            due = np.flatnonzero(wanted[rows][begin:end]) + begin
            if len(due):
                values = [(name, sets[name], matrix[:, due].T) for name, matrix in matrices.items()]
                pieces.append(encode_symbol(symbol, part.rows.days[due], values))
        return int(wanted[rows].sum()) * len(sets), pieces

    written = 0
    renewed = connection.execute(load_sql("feature_values/renew_empty")).fetchone() or {}
    options = "FORMAT BINARY, FREEZE" if renewed["renewed"] else "FORMAT BINARY"
    statement = f"COPY feature_values (symbol, date, feature_set, version, values) FROM STDIN ({options})"
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(HEADER)
        for count, pieces in _ahead(encode_group, history.groups(GROUP)):
            written += count
            for piece in pieces:
                copy.write(piece)
        copy.write(TRAILER)
    connection.execute(load_sql("feature_values/analyze"))
    return written


def _ahead(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """The function of each item in order, worked out a few items before it is asked for."""
    with ThreadPoolExecutor(AHEAD) as pool:
        waiting: deque[Future[Result]] = deque()
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def encode_symbol(
    symbol: str, days: npt.NDArray[np.int64], values: Sequence[tuple[str, int, npt.NDArray[np.float32]]]
) -> bytes:
    """Encode one symbol's rows as binary COPY data: all sessions are of one width, so a table of bytes.

    Rows come in the order of the table's key, which is how its index grows cheapest.

    Args:
        symbol: whose rows.
        days: since 1970-01-01, one per session, ascending.
        values: name, version and float32 [sessions, columns] of each feature set, by name.
    """
    parts = [(name, _row_type(symbol, name, matrix.shape[1])) for name, _, matrix in values]
    table = np.empty(len(days), np.dtype(parts))
    for name, version, matrix in values:
        rows, width = table[name], matrix.shape[1]
        rows["fields"] = 5
        rows["symbol_length"], rows["symbol"] = len(symbol.encode()), np.void(symbol.encode())
        rows["date_length"], rows["date"] = 4, days - _EPOCH_DAYS
        rows["set_length"], rows["set"] = len(name.encode()), np.void(name.encode())
        rows["version_length"], rows["version"] = 4, version
        rows["values_length"] = 20 + 8 * width
        rows["head"] = (1, 0, _FLOAT4_OID, width, 1)  # one dimension, no NULL, elements from 1 to width
        rows["values"]["length"] = 4
        rows["values"]["value"] = matrix
    return table.tobytes()


def _row_type(symbol: str, name: str, width: int) -> np.dtype:
    return np.dtype([
        ("fields", ">i2"), ("symbol_length", ">i4"), ("symbol", "V", len(symbol.encode())), ("date_length", ">i4"),
        ("date", ">i4"), ("set_length", ">i4"), ("set", "V", len(name.encode())), ("version_length", ">i4"),
        ("version", ">i4"), ("values_length", ">i4"), ("head", ">i4", (5,)),
        ("values", [("length", ">i4"), ("value", ">f4")], (width,)),
    ])  # fmt: skip
