"""Features of a whole history into an empty range of feature_values: computed, encoded and copied side by side."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from data_layer.features.compute import LANES, fill_group
from data_layer.features.panel import Panel, Rows
from data_layer.features.registry import select
from data_layer.storage.copy_encoder import HEADER, TRAILER
from data_layer.storage.database import Connection

_EPOCH_DAYS = 10_957  # 2000-01-01, where Postgres counts from
_FLOAT4_OID = 700
# Groups computed ahead of the one being copied: the server is the slower side, more would only cost memory.
AHEAD = 2
Item = TypeVar("Item")
Result = TypeVar("Result")


def copy_features(
    connection: Connection, bars: pd.DataFrame, sessions: Sequence[object], sets: Mapping[str, int]
) -> int:
    """Append the features of every bar of the sessions, without looking for rows that are there.

    The table's own key refuses a row that is. A history of 400 symbols and 20 years takes no more memory than a
    few groups of symbols and the bars themselves.

    Args:
        connection: inside the caller's transaction, under the stage's lock.
        bars: as `compute` takes them, from each symbol's first.
        sessions: dates whose rows are wanted.
        sets: versions by feature set.

    Returns:
        The number of rows written.
    """
    if bars.empty:
        return 0
    history = Rows.from_bars(bars)
    names = bars["symbol"].to_numpy()[history.starts[:-1]]
    wanted = np.isin(history.days, np.array(list(sessions), "datetime64[D]").astype(np.int64))
    columns = {name: select(None, name) for name in sets}

    def encode_group(group: tuple[slice, Panel]) -> tuple[int, list[bytes]]:
        rows, part = group
        first = int(np.searchsorted(history.starts, rows.start))
        pieces = []
        for name, version in sets.items():
            matrix = np.empty((len(columns[name]), rows.stop - rows.start), np.float32)
            fill_group(matrix, columns[name], part)
            for place, (begin, end) in enumerate(
                zip(part.rows.starts[:-1], part.rows.starts[1:], strict=True)
            ):
                due = np.flatnonzero(wanted[rows][begin:end]) + begin
                if len(due):
                    key = (str(names[first + place]), name, version)
                    pieces.append(encode_symbol(key, part.rows.days[due], matrix, due))
        return int(wanted[rows].sum()) * len(sets), pieces

    written = 0
    statement = "COPY feature_values (symbol, date, feature_set, version, values) FROM STDIN (FORMAT BINARY)"
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(HEADER)
        for count, pieces in _ahead(encode_group, history.groups(LANES)):
            written += count
            for piece in pieces:
                copy.write(piece)
        copy.write(TRAILER)
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
    key: tuple[str, str, int], days: npt.NDArray[np.int64], matrix: npt.NDArray[np.float32],
    rows: npt.NDArray[np.int64],
) -> bytes:  # fmt: skip
    """Encode one symbol's rows of one set as binary COPY data: all of one width, so a table of bytes.

    Args:
        key: symbol, feature set, version.
        days: since 1970-01-01, one per row.
        matrix: [columns][rows of a group].
        rows: which of the group's rows these are, ascending.
    """
    symbol, feature_set, version = key
    width = len(matrix)
    texts = symbol.encode(), feature_set.encode()
    row = np.dtype([
        ("fields", ">i2"), ("symbol_length", ">i4"), ("symbol", "V", len(texts[0])), ("date_length", ">i4"),
        ("date", ">i4"), ("set_length", ">i4"), ("set", "V", len(texts[1])), ("version_length", ">i4"),
        ("version", ">i4"), ("values_length", ">i4"), ("head", ">i4", (5,)),
        ("values", [("length", ">i4"), ("value", ">f4")], (width,)),
    ])  # fmt: skip
    table = np.empty(len(rows), row)
    table["fields"] = 5
    table["symbol_length"], table["symbol"] = len(texts[0]), np.void(texts[0])
    table["date_length"], table["date"] = 4, days - _EPOCH_DAYS
    table["set_length"], table["set"] = len(texts[1]), np.void(texts[1])
    table["version_length"], table["version"] = 4, version
    table["values_length"] = 20 + 8 * width
    table["head"] = (1, 0, _FLOAT4_OID, width, 1)  # one dimension, no NULL, elements from 1 to width
    table["values"]["length"] = 4
    table["values"]["value"] = matrix[:, rows].T
    return table.tobytes()
