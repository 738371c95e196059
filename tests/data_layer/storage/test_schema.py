"""The schema itself refuses what must not be: impossible bars, actions, batches and signals."""

from __future__ import annotations

import pytest
from psycopg import errors

from data_layer.storage.database import transaction
from tests.support.rows import insert

NAN, INF = float("nan"), float("inf")
BAR = {
    "symbol": "AAPL",
    "date": "2005-06-01",
    "open": 10.0,
    "high": 12.0,
    "low": 9.0,
    "close": 11.0,
    "volume": 100,
}
FIXED = {"source": "x", "batch_id": 1, "known_at": "2005-06-01T20:00:00Z", "backfilled": True}


@pytest.fixture(scope="module")
def shared_database(copy_database):
    return copy_database("quant_data")


@pytest.fixture
def connection(shared_database):
    with transaction(shared_database.owner) as opened:
        yield opened
        opened.rollback()


def test_a_good_bar_is_taken(connection):
    insert(connection, "market_data", **BAR, **FIXED)


@pytest.mark.parametrize("table", ["market_data", "market_data_history"])
@pytest.mark.parametrize(
    "values",
    [
        *(
            {price: bad}
            for price in ("open", "high", "low", "close")
            for bad in (NAN, INF, -INF, 0.0, -1.0, 1e9)
        ),
        {"low": 10.5},
        {"low": 11.5},
        {"high": 10.5},
        {"high": 9.5},
        {"high": 8.0, "low": 7.0},
        {"volume": -1},
        {"volume": 10**15},
        {"symbol": "aapl"},
        {"symbol": "AAPL\n"},
        {"symbol": "../x"},
        {"symbol": ""},
        {"symbol": "A;--"},
        {"date": "1899-12-31"},
        {"date": "infinity"},
        {"known_at": "infinity"},
        {"known_at": "-infinity"},
        {"version": 0},
    ],
    ids=str,
)
def test_an_impossible_bar_is_refused(connection, table, values):
    more = (
        {"superseded_at": "2005-06-02", "superseded_by": 2, "version": 1, "recorded_at": "2005-06-01"}
        if table != "market_data"
        else {}
    )
    with pytest.raises(errors.CheckViolation):
        insert(connection, table, **{**BAR, **FIXED, **more, **values})


@pytest.mark.parametrize("table", ["corporate_actions", "corporate_actions_history"])
@pytest.mark.parametrize(
    "values",
    [{"value": v} for v in ("NaN", "Infinity", 0, -1, 10**6)]
    + [{"action_type": "merger"}, {"symbol": "A\n"}],
    ids=str,
)
def test_an_impossible_action_is_refused(connection, table, values):
    row = {
        "symbol": "AAPL",
        "ex_date": "2005-02-28",
        "action_type": "split",
        "value": 2,
        "inferred": False,
        "source": "x",
        "batch_id": 1,
        "known_at": "2005-02-25T21:00:00Z",
    }
    more = (
        {"superseded_at": "2005-06-02", "superseded_by": 2, "version": 1, "recorded_at": "2005-06-01"}
        if "history" in table
        else {}
    )
    with pytest.raises(errors.CheckViolation):
        insert(connection, table, **{**row, **more, **values})


def test_a_batch_must_account_for_every_row(connection):
    row = {
        "kind": "bars",
        "source": "x",
        "run_id": "r",
        "start_date": "2005-06-01",
        "end_date": "2005-06-01",
        "symbols": ["A"],
        "received": 10,
        "accepted": 6,
        "duplicates": 3,
        "quarantined": 1,
    }
    insert(connection, "ingestion_batches", **row)
    with pytest.raises(errors.CheckViolation):
        insert(connection, "ingestion_batches", **{**row, "quarantined": 0})


@pytest.mark.parametrize("column", ["score", "confidence", "expected_return", "position_size", "stop_loss"])
@pytest.mark.parametrize("value", [NAN, INF, -INF, 11.0])
def test_an_impossible_signal_is_refused(connection, column, value):
    row = {
        "model_id": 1,
        "model_run_id": 1,
        "symbol": "A",
        "session_date": "2005-06-01",
        "side": "long",
        "score": 0.5,
        "confidence": 0.5,
        column: value,
    }
    with pytest.raises(errors.CheckViolation):
        insert(connection, "signals", **row)


@pytest.mark.parametrize(("side", "score"), [("long", -0.5), ("short", 0.5), ("flat", 0.5), ("long", 0.0)])
def test_side_and_score_of_a_signal_agree(connection, side, score):
    with pytest.raises(errors.CheckViolation):
        insert(
            connection,
            "signals",
            model_id=1,
            model_run_id=1,
            symbol="A",
            session_date="2005-06-01",
            side=side,
            score=score,
            confidence=0.5,
        )
