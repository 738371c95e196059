"""Binary COPY: what is written is what is read back, for every type, through a real table."""

from __future__ import annotations

import datetime as dt
import math
import struct
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_layer.storage.copy_encoder import CHUNK_ROWS, ENCODERS, json_text
from data_layer.storage.database import copy_in, transaction

round_trip = settings(
    max_examples=30, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
# Postgres keeps no zero byte in a text, and UTF-8 has no lone surrogates.
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
LEAVES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT
VALUES = {
    "double precision": st.floats(allow_nan=False),
    "real": st.floats(width=32, allow_nan=False),
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "integer": st.integers(-(2**31), 2**31 - 1),
    "boolean": st.booleans(),
    "date": st.dates(),
    "timestamp with time zone": st.datetimes(
        dt.datetime(1700, 1, 1), dt.datetime(2250, 1, 1), timezones=st.just(dt.UTC)
    ),
    "text": TEXT,
    "numeric": st.decimals(allow_nan=False, allow_infinity=False, places=8),
    "jsonb": st.dictionaries(
        TEXT, st.recursive(LEAVES, lambda c: st.lists(c, max_size=3), max_leaves=5), max_size=4
    ),
    "uuid": st.uuids(),
    "text[]": st.lists(st.none() | TEXT, max_size=4),
}


@pytest.fixture(scope="module")
def database(copy_database):
    return copy_database("quant_data")


def there_and_back(database, column: pd.Series, kind: str) -> list:
    with transaction(database.writer) as connection:
        connection.execute(f"CREATE TEMP TABLE there (place bigint, value {kind}) ON COMMIT DROP")
        frame = pd.DataFrame({"place": np.arange(len(column)), "value": column})
        copy_in(connection, "there", frame)
        rows = connection.execute("SELECT place, value FROM there ORDER BY place").fetchall()
    assert [row["place"] for row in rows] == list(range(len(column)))
    return [row["value"] for row in rows]


def test_every_type_is_tried():
    assert set(VALUES) | {"real[]"} == set(ENCODERS)


@pytest.mark.parametrize("kind", VALUES)
def test_values_come_back(database, kind):
    @round_trip
    @given(st.lists(st.none() | VALUES[kind], max_size=20))
    def check(values):
        # As objects: pandas would make floats of integers beside None.
        back = there_and_back(database, pd.Series(values, dtype=object), kind)
        if kind == "real":  # the driver reads the shortest text that names the float4, not its widened bits
            back = [None if v is None else float(np.float32(v)) for v in back]
        assert back == values

    check()


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [
        ("double precision", "float64"),
        ("real", "float32"),
        ("bigint", "int64"),
        ("integer", "int32"),
        ("boolean", "bool"),
        ("date", "datetime64[s]"),
        ("timestamp with time zone", "datetime64[us, UTC]"),
        ("text", "category"),
        ("text", "str"),
    ],
)
def test_typed_columns_come_back(database, kind, dtype):
    values = {"date": "2001-09-17", "timestamp with time zone": "2001-09-17T20:00:00.000001Z", "text": "A"}
    column = pd.Series([values.get(kind, 1)] * 3).astype(dtype)
    back = there_and_back(database, column, kind)
    assert [pd.Timestamp(v) if hasattr(v, "year") else v for v in back] == list(
        pd.to_datetime(column) if "date" in dtype else column
    )


@round_trip
@given(rows=st.integers(0, 20), width=st.integers(1, 6), data=st.data())
def test_arrays_come_back_bit_for_bit(database, rows, width, data):
    number = st.floats(width=32)  # NaN and infinities too
    values = data.draw(
        st.lists(st.lists(number, min_size=width, max_size=width), min_size=rows, max_size=rows)
    )
    column = pd.Series([np.array(v, np.float32) for v in values], dtype=object)
    back = there_and_back(database, column, "real[]")

    def bits(row):
        return [None if math.isnan(x) else struct.pack("f", x) for x in row]

    assert list(map(bits, back)) == list(map(bits, values))


def test_missing_arrays_are_null(database):
    column = pd.Series([None, np.array([1, np.nan], np.float32), None], dtype=object)
    first, middle, last = there_and_back(database, column, "real[]")
    assert first is None and last is None
    assert middle[0] == 1 and math.isnan(middle[1])


def test_arrays_of_unequal_length_are_refused(database):
    column = pd.Series([np.zeros(2, np.float32), np.zeros(3, np.float32)], dtype=object)
    with pytest.raises(ValueError, match="dimensions"):
        there_and_back(database, column, "real[]")


def test_nan_is_null_outside_arrays(database):
    assert there_and_back(database, pd.Series([1.5, np.nan]), "double precision") == [1.5, None]
    assert there_and_back(database, pd.Series([np.nan, 3.0]), "bigint") == [None, 3]


def test_infinity_is_kept(database):
    assert there_and_back(database, pd.Series([np.inf, -np.inf]), "double precision") == [np.inf, -np.inf]


@pytest.mark.parametrize("value", [1.5, 2.0**31, -(2**31) - 1, np.inf])
def test_a_number_an_integer_column_cannot_hold_is_refused(database, value):
    with pytest.raises(ValueError, match="does not fit"):
        there_and_back(database, pd.Series([7, value]), "integer")


@pytest.mark.parametrize("kind", ENCODERS)
def test_empty_frames(database, kind):
    assert there_and_back(database, pd.Series([], dtype=object), kind) == []


@pytest.mark.parametrize("rows", [CHUNK_ROWS, CHUNK_ROWS + 1, 2 * CHUNK_ROWS + 3])
def test_more_rows_than_one_chunk(database, rows):
    numbers = pd.Series(np.arange(rows, dtype=float))
    numbers[::3] = np.nan
    texts = pd.Series([None if n % 5 == 0 else "x" * (n % 4) for n in range(rows)], dtype=object)
    assert there_and_back(database, numbers, "double precision") == [
        None if pd.isna(n) else n for n in numbers
    ]
    assert there_and_back(database, texts, "text") == texts.to_list()


def test_json_refuses_nan_and_keeps_decimals_exact():
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_text({"x": float("nan")})
    assert json_text({"x": Decimal("0.10"), "d": dt.date(2001, 9, 17)}) == '{"d": "2001-09-17", "x": "0.10"}'
