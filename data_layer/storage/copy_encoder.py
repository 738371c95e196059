"""Rows as Postgres binary COPY data, assembled by whole columns instead of value by value."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

import numpy as np
import pandas as pd

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
CHUNK_ROWS = 4_096  # the database takes one piece in while the next is made
_EPOCH_DAYS = np.datetime64("2000-01-01", "D")
_EPOCH_MICROSECONDS = np.datetime64("2000-01-01", "us")
_FLOAT4_OID = 700
_TEXT_OID = 25

_ZERO, _MOST = Decimal(0), Decimal(90_000_000_000)  # times _SCALE it still fits 64 bits
_SCALE = Decimal(10**8)

# Texts of a column up to this many bytes are padded to one width and cut again: faster than one by one.
_PADDED_BYTES = 64

# A column as bytes: per row the length (-1 for NULL), and either a matrix of which each row's first length
# bytes count, or one bytes each.
Encoded = tuple[np.ndarray, np.ndarray | list[bytes]]


def _fixed(values: np.ndarray, null: np.ndarray) -> Encoded:
    width = values.dtype.itemsize
    lengths = np.where(null, -1, width).astype(np.int32)
    return lengths, np.ascontiguousarray(values).view(np.uint8).reshape(len(values), width)


def _ragged(texts: list[bytes], null: np.ndarray) -> Encoded:
    lengths = np.fromiter((len(t) for t in texts), np.int32, len(texts))
    lengths[null] = -1
    return lengths, texts


def _numbers(dtype: str) -> Callable[[pd.Series], Encoded]:
    def encode(column: pd.Series) -> Encoded:
        null = column.isna().to_numpy()
        # NaN is how pandas writes NULL; stored floats that may be NaN are only found inside arrays.
        filled = (column.where(~null, 0) if null.any() else column).to_numpy()
        with np.errstate(invalid="ignore"):  # what does not fit is found right below
            numbers = filled.astype(dtype)
        if numbers.dtype.kind == "i" and (numbers != filled).any():
            wrong = filled[numbers != filled][0]
            raise ValueError(f"{wrong} in column {column.name} does not fit an integer of {dtype[2]} bytes")
        return _fixed(numbers, null)

    return encode


def _stamps(column: pd.Series, *, utc: bool = False) -> pd.Series:
    """Return the column as timestamps; one that is, and has a zone when wanted, as it stands."""
    if isinstance(column.dtype, pd.DatetimeTZDtype) or (not utc and column.dtype.kind == "M"):
        return column
    return pd.to_datetime(column, utc=utc)


def _dates(column: pd.Series) -> Encoded:
    days = _stamps(column).to_numpy().astype("datetime64[D]")
    null = np.isnat(days)
    offsets = np.where(null, 0, (days - _EPOCH_DAYS).astype(np.int64))
    return _fixed(offsets.astype(">i4"), null)


def _timestamps(column: pd.Series) -> Encoded:
    instants = _stamps(column, utc=True).dt.tz_convert(None).to_numpy().astype("datetime64[us]")
    null = np.isnat(instants)
    offsets = np.where(null, 0, (instants - _EPOCH_MICROSECONDS).astype(np.int64))
    return _fixed(offsets.astype(">i8"), null)


def _texts(column: pd.Series) -> Encoded:
    codes, uniques = pd.factorize(column)
    encoded = [str(u).encode() for u in uniques] + [b""]
    width = max(map(len, encoded))
    if width > _PADDED_BYTES:
        return _ragged([encoded[c] for c in codes], codes == -1)
    lengths = np.array([*map(len, encoded[:-1]), -1], np.int32)
    padded = np.frombuffer(b"".join(e.ljust(width, b"\0") for e in encoded), np.uint8)
    return lengths[codes], padded.reshape(len(encoded), width)[codes]


def _by_value(convert: Callable[[object], bytes]) -> Callable[[pd.Series], Encoded]:
    """Encode value by value; an object that stands in many rows once."""

    def encode(column: pd.Series) -> Encoded:
        null = column.isna().to_numpy()
        values = column.to_list()  # holds them all, so that no two have one identity
        known: dict[int, bytes] = {}
        found = []
        for value, missing in zip(values, null, strict=True):
            data = known.get(id(value))
            if data is None:
                data = known[id(value)] = b"" if missing else convert(value)
            found.append(data)
        return _ragged(found, null)

    return encode


def _float4_arrays(column: pd.Series) -> Encoded:
    null = column.isna().to_numpy()
    present = column[~null].to_list()
    width = len(present[0]) if present else 0
    matrix = np.zeros((len(column), width), ">f4")
    if present:
        matrix[~null] = np.vstack(present)
    rows = len(column)
    cells = np.empty((rows, width), dtype=[("length", ">i4"), ("value", ">f4")])
    cells["length"] = 4
    cells["value"] = matrix
    head = np.array([1, 0, _FLOAT4_OID, width, 1], dtype=">i4").view(np.uint8)
    body = cells.view(np.uint8).reshape(rows, width * 8)
    data = np.hstack([np.broadcast_to(head, (rows, head.size)), body])
    return np.where(null, -1, data.shape[1]).astype(np.int32), data


def _text_array(value: object) -> bytes:
    items = [None if v is None else str(v).encode() for v in value]  # type: ignore[attr-defined]
    head = np.array([1, None in items, _TEXT_OID, len(items), 1], dtype=">i4").tobytes()
    null = (-1).to_bytes(4, "big", signed=True)
    return head + b"".join(null if i is None else len(i).to_bytes(4, "big") + i for i in items)


def _decimal(value: object) -> bytes:
    from psycopg.types.numeric import DecimalBinaryDumper  # JSON is made here as well, without a database

    return bytes(DecimalBinaryDumper(Decimal).dump(value) or b"")  # type: ignore[arg-type]


def _places(value: Decimal, text: str) -> int:
    """Return the digits behind the point; -1 for what is no number, or has a power of ten instead."""
    if "E" not in text and "N" not in text and text[-1] != "y":  # as in NaN and Infinity
        return len(text.partition(".")[2])
    exponent = value.as_tuple().exponent if value.is_finite() else 1
    return -exponent if isinstance(exponent, int) and exponent <= 0 else -1


def _decimals(column: pd.Series) -> Encoded:
    """Encode decimals all at once, as five groups of four digits, the last two behind the point.

    Postgres drops the groups of zeros; a column with a number that does not fit is done value by value.
    """
    null = column.isna().to_numpy()
    values = [_ZERO if n else v for v, n in zip(column, null, strict=True)]
    places = [_places(v, text) for v, text in zip(values, map(str, values), strict=True)]
    fits = min(places, default=0) >= 0 and max(places, default=0) <= 8
    if not fits or not max(map(abs, values), default=_ZERO) < _MOST:
        return _by_value(_decimal)(column)
    scaled = np.fromiter((int(v * _SCALE) for v in values), np.int64, len(values))  # exact: 19 digits of 28
    rest = np.abs(scaled)
    words = np.zeros((len(values), 9), ">i2")
    words[:, 0], words[:, 1] = 5, 2  # groups, and the power of 10,000 of the first
    words[:, 2] = np.where(scaled < 0, 0x4000, 0)
    words[:, 3] = places
    for place in range(8, 3, -1):
        words[:, place] = rest % 10_000
        rest //= 10_000
    return np.where(null, -1, 18).astype(np.int32), words.view(np.uint8).reshape(len(values), 18)


def json_text(value: object) -> str:
    """Return the value as JSON; dates and Decimals become texts, and NaN is refused."""
    return _to_json(value)


def _json(value: object) -> bytes:
    """Encode a value, or what is JSON already: bytes."""
    return b"\x01" + (value if isinstance(value, bytes) else json_text(value).encode())


def _plain(value: object) -> object:
    if isinstance(value, Decimal | dt.date | dt.datetime):
        return str(value)
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no JSON form")


# Made once: dumps() with options makes an encoder for every value.
_to_json = json.JSONEncoder(sort_keys=True, default=_plain, allow_nan=False).encode

ENCODERS: dict[str, Callable[[pd.Series], Encoded]] = {
    "double precision": _numbers(">f8"),
    "real": _numbers(">f4"),
    "bigint": _numbers(">i8"),
    "integer": _numbers(">i4"),
    "boolean": _numbers("u1"),
    "date": _dates,
    "timestamp with time zone": _timestamps,
    "text": _texts,
    "numeric": _decimals,
    "jsonb": _by_value(_json),
    "uuid": _by_value(lambda v: v.bytes),  # type: ignore[attr-defined]
    "real[]": _float4_arrays,
    "text[]": _by_value(_text_array),
}


def encode(frame: pd.DataFrame, types: Sequence[str]) -> Iterator[bytes]:
    """Yield the frame's rows as binary COPY data, header and trailer included.

    Args:
        frame: one column per table column, in that order.
        types: the table columns' types as format_type() names them, see ENCODERS.

    Raises:
        ValueError: for a number that an integer column cannot hold, arrays of unequal length in one column,
            and NaN in JSON.
    """
    yield HEADER
    for start in range(0, len(frame), CHUNK_ROWS):
        part = frame.iloc[start : start + CHUNK_ROWS]
        yield _assemble([ENCODERS[kind](part.iloc[:, i]) for i, kind in enumerate(types)], len(part))
    yield TRAILER


def _assemble(columns: list[Encoded], rows: int) -> bytes:
    if any(isinstance(data, list) for _, data in columns):
        return _scattered(columns, rows)
    width = 2 + sum(4 + data.shape[1] for _, data in columns)  # type: ignore[union-attr]
    out = np.empty((rows, width), np.uint8)
    out[:, :2] = np.array([len(columns)], ">i2").view(np.uint8)
    cut: list[tuple[slice, np.ndarray]] = []
    at = 2
    for lengths, data in columns:
        out[:, at : at + 4] = lengths.astype(">i4").view(np.uint8).reshape(rows, 4)
        place = slice(at + 4, at + 4 + data.shape[1])  # type: ignore[union-attr]
        out[:, place] = data
        if (lengths != data.shape[1]).any():  # type: ignore[union-attr]
            cut.append((place, lengths))
        at = place.stop
    if not cut:
        return out.tobytes()
    kept = np.ones((rows, width), np.bool_)
    for place, lengths in cut:
        kept[:, place] = np.arange(place.stop - place.start) < lengths[:, None]
    return out[kept].tobytes()


def _scattered(columns: list[Encoded], rows: int) -> bytes:
    sizes = np.full(rows, 2, np.int64)
    for lengths, _ in columns:
        sizes += 4 + np.maximum(lengths, 0)
    ends = np.cumsum(sizes)
    place = ends - sizes
    out = np.empty(int(ends[-1]), np.uint8)
    _put(out, place, np.broadcast_to(np.array([len(columns)], ">i2").view(np.uint8), (rows, 2)))
    place = place + 2
    for lengths, data in columns:
        _put(out, place, lengths.astype(">i4").view(np.uint8).reshape(rows, 4))
        place = place + 4
        for width in np.unique(lengths[lengths > 0]):
            chosen = np.flatnonzero(lengths == width)
            if isinstance(data, list):
                matrix = np.frombuffer(b"".join(data[i] for i in chosen), np.uint8).reshape(-1, width)
            else:
                matrix = data[chosen, :width]
            _put(out, place[chosen], matrix)
        place = place + np.maximum(lengths, 0)
    return out.tobytes()


def _put(out: np.ndarray, place: np.ndarray, data: np.ndarray) -> None:
    """Write each row of data at its place in out."""
    out[place[:, None] + np.arange(data.shape[1])] = data
