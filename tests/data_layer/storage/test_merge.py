"""The merge: only what is new is written, nothing that is there is silently changed."""

from __future__ import annotations

import pandas as pd
import psycopg
import pytest

from data_layer.storage.database import transaction
from data_layer.storage.merge import Merged, merge
from models.errors import DataQualityError

KEY = ("symbol", "date")
TABLES = """
CREATE TEMP TABLE facts (symbol text, date date, value double precision, note text,
                         id bigint GENERATED ALWAYS AS IDENTITY,
                         recorded_at timestamptz DEFAULT clock_timestamp(), PRIMARY KEY (symbol, date));
CREATE TEMP TABLE facts_history (LIKE facts, superseded_at timestamptz DEFAULT clock_timestamp())
"""
DAYS = ("2005-06-01", "2005-06-02")


@pytest.fixture(scope="module")
def shared_database(copy_database):
    return copy_database("quant_data")


@pytest.fixture
def connection(shared_database):
    with transaction(shared_database.writer) as opened:
        opened.execute(TABLES)
        yield opened
        opened.rollback()


def frame(*rows):
    return pd.DataFrame(rows, columns=["symbol", "date", "value", "note"])


ROWS = frame(("A", DAYS[0], 1.0, "x"), ("A", DAYS[1], 2.0, None), ("B", DAYS[0], None, "y"))
CHANGED = frame(("A", DAYS[0], 1.0, "x"), ("A", DAYS[1], 2.5, None), ("B", DAYS[0], None, "y"))


def facts(connection, table="facts"):
    rows = connection.execute(f"SELECT symbol, date::text, value, note FROM {table} ORDER BY 1, 2").fetchall()
    return [tuple(row.values()) for row in rows]


def marks(connection):
    """What moves whenever a row is written."""
    return connection.execute(
        "SELECT symbol, date, xmin::text, ctid::text FROM facts ORDER BY 1, 2"
    ).fetchall()


def bring(connection, rows, **options):
    return merge(connection, "facts", rows, key=KEY, stage="a_stage", **options)


def test_insert_writes_new_rows_and_leaves_the_rest(connection):
    assert bring(connection, ROWS.iloc[:1]) == Merged(1, 0)
    connection.execute("SAVEPOINT later")
    before = marks(connection)
    assert bring(connection, ROWS) == Merged(2, 1)
    assert facts(connection) == [
        ("A", DAYS[0], 1.0, "x"),
        ("A", DAYS[1], 2.0, None),
        ("B", DAYS[0], None, "y"),
    ]
    assert marks(connection)[0] == before[0]
    before = marks(connection)
    assert bring(connection, ROWS) == Merged(0, 3)
    assert marks(connection) == before


def test_no_rows_at_all(connection):
    assert bring(connection, frame()) == Merged(0, 0)
    assert bring(connection, frame(), mode="verify", scope={"date": list(DAYS)}) == Merged(0, 0)


def test_rows_enter_in_session_order(connection):
    bring(connection, ROWS.iloc[[1, 2, 0]])
    rows = connection.execute("SELECT date::text, symbol FROM facts ORDER BY id").fetchall()
    assert [tuple(r.values()) for r in rows] == [(DAYS[0], "A"), (DAYS[0], "B"), (DAYS[1], "A")]


@pytest.mark.parametrize("mode", ["insert", "verify"])
def test_a_changed_row_is_refused_and_both_values_shown(connection, mode):
    bring(connection, ROWS)
    before = marks(connection)
    with pytest.raises(DataQualityError) as caught:
        bring(connection, CHANGED, mode=mode)
    text = str(caught.value)
    for part in ("[a_stage]", "facts", "'A'", DAYS[1], "restate=true"):
        assert part in text
    assert "stored {'value': 2}, computed {'value': 2.5}" in text
    assert marks(connection) == before


def test_null_is_a_value_when_comparing(connection):
    bring(connection, ROWS)
    with pytest.raises(DataQualityError, match=r"stored \{'value': None\}, computed \{'value': 3"):
        bring(connection, frame(("B", DAYS[0], 3.0, "y")))


def test_where_nothing_is_stored_yet_rows_go_right_in(connection):
    scope = {"date": [DAYS[0]]}
    bring(connection, ROWS.iloc[[1]])  # of another day
    assert bring(connection, ROWS.iloc[[2, 0]], scope=scope) == Merged(2, 0)
    assert connection.execute("SELECT to_regclass('pg_temp.staged_facts') AS t").fetchone() == {"t": None}
    assert bring(connection, ROWS, scope=scope) == Merged(0, 3)
    with pytest.raises(DataQualityError, match=r"stored \{'value': 2\}, computed \{'value': 2.5"):
        bring(connection, CHANGED, scope=scope)
    with pytest.raises(psycopg.errors.UniqueViolation):  # rows that are not of the scope the caller named
        bring(connection, CHANGED, scope={"date": ["2005-06-03"]})


@pytest.mark.parametrize("mode", ["insert", "verify", "restate"])
def test_a_key_handed_over_twice_is_refused(connection, mode):
    twice = frame(("A", DAYS[0], 1.0, "x"), ("A", DAYS[0], 2.0, "x"))
    with pytest.raises(DataQualityError, match=r"twice.*\(A, 2005-06-01\)"):
        bring(connection, twice, mode=mode, history="facts_history")


@pytest.mark.parametrize("mode", ["insert", "restate"])
def test_a_key_that_is_one_in_the_tables_type_alone_is_refused_too(connection, mode):
    twice = frame(*(("A", pd.Timestamp(f"{DAYS[0]} {hour}:00"), 1.0, "x") for hour in (9, 16)))
    with pytest.raises(DataQualityError, match=r"twice.*\(A, 2005-06-01\)"):
        bring(connection, twice, mode=mode, history="facts_history")


def test_verify_writes_nothing_and_demands_every_row(connection):
    bring(connection, ROWS.iloc[:2])
    before = marks(connection)
    assert bring(connection, ROWS.iloc[:2], mode="verify") == Merged(0, 2)
    with pytest.raises(DataQualityError, match="1 of 3 rows"):
        bring(connection, ROWS, mode="verify")
    assert marks(connection) == before


def test_verify_finds_rows_too_many_within_scope_only(connection):
    bring(connection, ROWS)
    some = ROWS.iloc[:1]
    assert bring(connection, some, mode="verify", scope={"date": [DAYS[0]], "symbol": ["A"]}) == Merged(0, 1)
    with pytest.raises(DataQualityError, match=r"1 stored rows are not computed, first .*'B'.*2005-06-01"):
        bring(connection, some, mode="verify", scope={"date": [DAYS[0]]})


def test_restate_keeps_the_old_version(connection):
    bring(connection, ROWS)
    before = marks(connection)
    assert bring(connection, CHANGED, mode="restate", history="facts_history") == Merged(0, 2, 1)
    assert facts(connection)[1] == ("A", DAYS[1], 2.5, None)
    assert facts(connection, "facts_history") == [("A", DAYS[1], 2.0, None)]
    assert [marks(connection)[i] for i in (0, 2)] == [before[i] for i in (0, 2)]
    assert bring(connection, CHANGED, mode="restate", history="facts_history") == Merged(0, 3, 0)
    assert len(facts(connection, "facts_history")) == 1


def test_restate_retires_rows_too_many_and_adds_missing_ones(connection):
    bring(connection, ROWS)
    wanted = frame(("A", DAYS[0], 1.0, "x"), ("C", DAYS[0], 9.0, "z"))
    bring(connection, wanted, mode="restate", history="facts_history", scope={"date": [DAYS[0]]})
    assert facts(connection) == [
        ("A", DAYS[0], 1.0, "x"),
        ("A", DAYS[1], 2.0, None),
        ("C", DAYS[0], 9.0, "z"),
    ]
    assert facts(connection, "facts_history") == [("B", DAYS[0], None, "y")]


def test_restate_without_a_history_table_is_a_mistake(connection):
    with pytest.raises(ValueError, match="history"):
        bring(connection, ROWS, mode="restate")
