"""The quality gate for bars: each thing that cannot be true, and that no row gets lost."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_layer.quality.row_checks import NO_AVERAGE, CheckedRows, check_rows
from data_layer.settings import parse_settings
from data_layer.storage.bars import Provenance, store_bars
from data_layer.storage.database import transaction

NOW = dt.datetime(2005, 6, 10, 15, 0, tzinfo=dt.UTC)  # a Friday, while the exchange is open
GOOD = {
    "symbol": "AAPL",
    "date": "2005-06-01",
    "open": 10.0,
    "high": 12.0,
    "low": 9.0,
    "close": 11.0,
    "volume": 100.0,
}
NAN, INF = math.nan, math.inf


def rows_of(*bars):
    rows = pd.DataFrame([{**GOOD, **bar} for bar in bars], columns=list(GOOD), dtype=object)
    dates = pd.to_datetime(rows["date"], errors="coerce", format="%Y-%m-%d")
    texts = [text if pd.isna(day) else "" for text, day in zip(rows["date"], dates, strict=True)]
    return rows.assign(date=dates, date_text=texts)


def check(*bars) -> CheckedRows:
    return check_rows(rows_of(*bars), source="test", now=NOW)


def test_a_good_bar_is_accepted():
    checked = check({})
    assert checked.accepted.to_dict("records") == [
        {**GOOD, "date": pd.Timestamp("2005-06-01"), "volume": 100}
    ]
    assert checked.duplicates == 0 and checked.quarantined.empty


@pytest.mark.parametrize(
    "bar", [{"volume": 0}, {"low": 10.0}, {"open": 11.0, "high": 11.0, "low": 11.0}, {"open": "10.5"}]
)
def test_what_is_odd_but_possible_is_accepted(bar):
    assert len(check(bar).accepted) == 1


def test_averages_come_along_with_the_bars_they_belong_to():
    rows = rows_of({}, {"symbol": "MSFT", "high": 1.0}, {"symbol": "IBM"}, {"symbol": "KO"}, {"symbol": "KO"})
    rows["vwap"] = pd.Series([10.5, 10.5, None, "11.25", "11.25"], dtype=object)
    checked = check_rows(rows, source="test", now=NOW)
    day = pd.Timestamp("2005-06-01")
    assert checked.vwaps.to_dict("records") == [
        {"symbol": "AAPL", "date": day, "vwap": 10.5}, {"symbol": "KO", "date": day, "vwap": 11.25},
    ]  # fmt: skip
    assert list(checked.accepted.columns) == list(GOOD) and len(checked.accepted) == 3
    assert check({}).vwaps.empty and check(*[]).vwaps.empty


@pytest.mark.parametrize("given", ["ten", "true", INF, -INF, "1e400", 1e8, "nan"])
def test_an_average_that_is_no_number_has_its_reason_and_is_kept_as_it_came(given):
    rows = rows_of({}, {"symbol": "IBM"}, {"symbol": "KO"})
    rows["vwap"] = pd.Series([given, "", 0.0], dtype=object)
    checked = check_rows(rows, source="test", now=NOW)
    assert checked.accepted["symbol"].to_list() == ["IBM", "KO"]
    (bad,) = checked.quarantined.to_dict("records")
    assert bad["reason"] == NO_AVERAGE and bad["raw"]["vwap"] == str(given)


def test_a_row_that_is_bad_for_another_reason_is_known_by_what_it_was_before_averages_came():
    rows = rows_of({"high": 1.0})
    plain = check_rows(rows, source="test", now=NOW).quarantined
    with_one = check_rows(rows.assign(vwap=10.5), source="test", now=NOW).quarantined
    assert with_one["row_hash"].to_list() == plain["row_hash"].to_list()


@pytest.mark.parametrize(
    ("reason", "bars"),
    {
        "malformed symbol": [
            {"symbol": s}
            for s in (
                "AAPL\n",
                "\nAAPL",
                "../x",
                "A' OR 1=1 --",
                "'; DROP TABLE market_data; --",
                "aapl",
                "",
                " ",
                "AAPL ",
                "A/B",
                "A\0",
                "AAPLAAPLAAPL",
                "BRK.BBBBB",
                "1A",
                None,
                7,
            )
        ],
        "unreadable date": [{"date": d} for d in ("", "yesterday", "2005-13-01", "01.06.2005")],
        "the session has not closed yet": [{"date": d} for d in ("2005-06-10", "2005-06-13", "2099-01-05")],
        "not a session of the exchange": [
            {"date": d} for d in ("2005-06-04", "2005-05-30", "2001-09-11", "1950-01-04")
        ],
        "a price or the volume is missing or not a number": [
            {c: v}
            for c in ("open", "high", "low", "close", "volume")
            for v in (NAN, None, "", "ten", "1,000")
        ],
        "a price or the volume is infinite": [
            {c: v}
            for c in ("open", "high", "low", "close", "volume")
            for v in (INF, -INF, "inf", "-Infinity")
        ],
        "a price is not above zero": [
            {c: v} for c in ("open", "high", "low", "close") for v in (0, -0.01, "-5")
        ],
        "a price is beyond any share's": [{"high": 1e8}, {"high": 1e300}],
        "the volume is negative or beyond any day's": [{"volume": -1}, {"volume": 1e15}],
        "the volume is not whole shares": [{"volume": 99.5}, {"volume": "0.1"}],
        "high is below another price of the bar": [{"high": 10.9}, {"high": 9.5}, {"open": 12.01}],
        "low is above another price of the bar": [{"low": 10.01}, {"close": 8.99}],
    }.items(),
)
def test_each_impossibility_has_its_reason(reason, bars):
    for bar in bars:
        checked = check(bar, {"symbol": "MSFT"})
        assert checked.accepted["symbol"].to_list() == ["MSFT"], bar
        assert checked.quarantined["reason"].to_list() == [reason], bar
        assert set(checked.quarantined["raw"][0]) == set(GOOD)


def test_the_close_makes_a_session_possible():
    bar = rows_of({"date": "2005-06-10"})
    close = dt.datetime(2005, 6, 10, 20, 0, tzinfo=dt.UTC)
    assert len(check_rows(bar, source="x", now=close).accepted) == 1
    assert len(check_rows(bar, source="x", now=close - dt.timedelta(seconds=1)).quarantined) == 1


def test_a_row_is_kept_as_received():
    row = check({"open": "ten", "date": "2005-06-04"}).quarantined.iloc[0]
    assert row["session_date"] == dt.date(2005, 6, 4)
    assert row["raw"]["open"] == "ten" and row["raw"]["date"] == "2005-06-04"
    row = check({"date": "01.06.2005"}).quarantined.iloc[0]
    assert row["session_date"] is None and row["raw"]["date"] == "01.06.2005"


def test_a_repeated_row_is_counted_and_left_out():
    checked = check({}, {}, {"open": "10.0"}, {"symbol": "MSFT"})
    assert len(checked.accepted) == 2 and checked.duplicates == 2 and checked.quarantined.empty


def test_of_rows_that_contradict_each_other_none_is_believed():
    checked = check({}, {"close": 11.5}, {}, {"symbol": "MSFT"})
    assert checked.accepted["symbol"].to_list() == ["MSFT"]
    assert checked.quarantined["reason"].to_list() == ["two rows of one symbol and date differ"] * 2
    assert sorted(raw["close"] for raw in checked.quarantined["raw"]) == ["11.0", "11.5"]
    assert checked.duplicates == 1


def test_a_repeated_impossible_row_is_kept_once():
    checked = check({"high": 1}, {"high": 1}, {"high": 2})
    assert len(checked.quarantined) == 2 and checked.duplicates == 1


def test_the_same_bad_row_has_the_same_identity_and_another_source_another():
    def identity(source):
        return check_rows(rows_of({"high": 1}), source=source, now=NOW).quarantined["row_hash"][0]

    assert identity("a") == identity("a") != identity("b")


def test_no_rows_at_all():
    checked = check()
    assert checked.accepted.empty and checked.quarantined.empty and checked.duplicates == 0


number = st.sampled_from([10.0, 11.0, 12.0, 9.0, 0.0, -1.0, NAN, INF, None, "10", "ten", "", 1e9, 0.1 + 0.2])
malformed = st.fixed_dictionaries(
    {
        "symbol": st.sampled_from(["AAPL", "MSFT", "AAPL\n", "", "../x", None]) | st.text(max_size=4),
        "date": st.sampled_from(
            ["2005-06-01", "2005-06-02", "2005-06-04", "2099-01-05", "", "x", "1950-01-04"]
        ),
        "open": number,
        "high": number,
        "low": number,
        "close": number,
        "volume": st.sampled_from([100.0, 0, -1, 0.5, NAN, INF, 1e18, "100", "x", None]),
    }
)
mostly_good = st.lists(st.one_of(st.just(GOOD), st.just({**GOOD, "close": 11.5}), malformed), max_size=12)
properties = settings(
    deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@properties
@given(mostly_good)
def test_every_row_received_is_in_exactly_one_place(bars):
    checked = check(*bars)
    assert len(checked.accepted) + checked.duplicates + len(checked.quarantined) == len(bars)
    assert not checked.accepted.duplicated(["symbol", "date"]).any()
    assert not checked.quarantined["row_hash"].duplicated().any()
    assert (checked.quarantined["reason"] != "").all()


@pytest.fixture(scope="module")
def database(copy_database):
    return copy_database("quant_data")


@settings(parent=properties, max_examples=40)
@given(mostly_good)
def test_whatever_comes_the_tables_take_it_and_the_batch_adds_up(database, bars):
    checked = check(*bars)
    day = dt.date(2005, 6, 1)
    provenance = Provenance("test", "a_run", day, day, ["AAPL"], dt.timedelta(0), NOW, None)
    with transaction(database.writer) as connection:
        counts = store_bars(connection, checked, provenance)
        assert counts.received == len(bars) == counts.new + counts.duplicates + counts.quarantined
        kept = connection.execute("SELECT symbol, raw FROM quarantine").fetchall()
        held = connection.execute("SELECT symbol, date, open, volume FROM market_data").fetchall()
        batch = connection.execute(
            "SELECT received, accepted, duplicates, quarantined FROM ingestion_batches"
        )
        assert tuple(batch.fetchone().values()) == (
            len(bars),
            counts.new,
            counts.duplicates,
            counts.quarantined,
        )
        assert len(kept) == counts.quarantined and len(held) == counts.new
        connection.rollback()


def test_decimals_are_numbers_too():
    assert check({"open": Decimal("10.5")}).accepted["open"][0] == 10.5


def test_every_symbol_the_gate_lets_through_is_one_the_settings_take(tmp_path):
    for symbol in ("A", "BRK.B", "BF-B", "AAPL1"):
        assert len(check({"symbol": symbol}).accepted) == 1
        assert parse_settings(tmp_path, {"SYMBOLS": symbol}).symbols == (symbol,)
