"""Rows in chunks: each symbol wholly in one of them, whatever the files look like, and nothing lost between them."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from data_layer.quality.row_checks import check_rows
from data_layer.sources import history, open_source, tables
from data_layer.sources.survey import groups_of
from models.errors import DataQualityError
from tests.support.bars import change, files_settings, real_bars, write_bars
from tests.support.chain import NOW, run_stage
from tests.support.prepared import hashes

ALWAYS = (dt.date(1, 1, 1), dt.date(9999, 12, 31))


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(history, "CHUNK_ROWS", 70)
    monkeypatch.setattr(tables, "PIECE_ROWS", 50)


def market():
    return real_bars("AAPL GOOG IBM MSFT", "2005-01-03", "2005-03-31")


def by_date_in_two_files(home):
    rows = market().sort_values(["date", "symbol"])
    (home / "bars").mkdir()
    write_bars(home / "bars" / "a.csv", rows[rows["date"] < dt.date(2005, 2, 10)])
    write_bars(home / "bars" / "b.parquet", rows[rows["date"] >= dt.date(2005, 2, 10)])
    return home / "bars"


def parquet_of_categories(home):
    return write_bars(home / "bars.parquet", market().astype({"symbol": "category"}))


def parquet(home):
    return write_bars(home / "bars.parquet", market())


def csv(home):
    return write_bars(home / "bars.csv", market())


@pytest.mark.parametrize("make", [parquet, csv, parquet_of_categories, by_date_in_two_files])
def test_each_symbol_is_wholly_in_one_chunk(tmp_path, make):
    source = open_source(files_settings(tmp_path, make(tmp_path)))
    chunks = list(source.bars_in_chunks(None, *ALWAYS))
    assert [sorted(map(str, c["symbol"].unique())) for c in chunks] == [["AAPL"], ["GOOG"], ["IBM"], ["MSFT"]]
    together = [check_rows(c, source="x", now=NOW).accepted.astype({"symbol": "str"}) for c in chunks]
    expected = market().drop(columns=["dividend", "split_ratio"]).astype({"volume": "int64"})
    expected["date"] = pd.to_datetime(expected["date"])
    pd.testing.assert_frame_equal(
        pd.concat(together, ignore_index=True), expected, check_dtype=False, check_column_type=False
    )


def test_a_window_of_few_sessions_needs_fewer_chunks(tmp_path):
    source = open_source(files_settings(tmp_path, parquet(tmp_path)))
    (chunk,) = source.bars_in_chunks(None, dt.date(2005, 3, 30), dt.date(2005, 3, 31))
    assert len(chunk) == 8
    (chunk,) = source.bars_in_chunks(["IBM"], *ALWAYS)
    assert set(chunk["symbol"]) == {"IBM"}


def test_rows_of_one_bar_in_two_files_that_differ_are_found(tmp_path):
    folder = by_date_in_two_files(tmp_path)
    odd = market()
    odd = change(odd[odd["symbol"] == "IBM"].iloc[:1], "IBM", "2005-01-03", volume=42)
    write_bars(folder / "c.parquet", odd)
    chunks = open_source(files_settings(tmp_path, folder)).bars_in_chunks(None, *ALWAYS)
    reasons = [check_rows(c, source="x", now=NOW).quarantined["reason"].to_list() for c in chunks]
    assert reasons == [[], [], ["two rows of one symbol and date differ"] * 2, []]


@pytest.mark.parametrize("name", ["bars.csv", "bars.parquet"])
def test_malformed_rows_come_with_the_chunks(tmp_path, name):
    rows = market().astype({"symbol": object, "date": object})
    rows.loc[0, "symbol"] = None
    rows.loc[70, "symbol"] = "ibm\n"
    rows.loc[130, "date"] = None
    chunks = list(
        open_source(files_settings(tmp_path, write_bars(tmp_path / name, rows))).bars_in_chunks(None, *ALWAYS)
    )
    assert len(chunks) > 1 and sum(map(len, chunks)) == len(rows)
    bad = [check_rows(c, source="x", now=NOW).quarantined for c in chunks]
    assert sorted(pd.concat(bad)["symbol"]) == ["", "IBM", "ibm\n"]


def test_ingestion_in_chunks_ends_where_one_chunk_does(copy_database, tmp_path, monkeypatch):
    settings = files_settings(tmp_path, by_date_in_two_files(tmp_path))
    databases = [copy_database("quant_data") for _ in range(2)]
    run_stage(databases[0].writer, settings, "data_ingestion")
    monkeypatch.setattr(history, "CHUNK_ROWS", 10_000)
    run_stage(databases[1].writer, settings, "data_ingestion")
    assert hashes(databases[0].writer) == hashes(databases[1].writer)


def test_bad_rows_of_any_chunk_stop_the_run(database, tmp_path):
    rows = change(market(), "AAPL", "2005-02-01", high=0.5)
    rows = change(rows, "IBM", "2005-02-01", high=0.5)
    path = write_bars(tmp_path / "bars.parquet", rows)
    with pytest.raises(DataQualityError, match="'AAPL' on 2005-02-01: high is below"):
        run_stage(database.writer, files_settings(tmp_path, path), "data_ingestion")
    run_stage(database.writer, files_settings(tmp_path, parquet(tmp_path)), "data_ingestion")  # mended


def test_groups_hold_neighbours_and_at_least_one():
    rows = pd.Series({"A": 3, "B": 3, "C": 9, "D": 1, "E": 1})
    assert groups_of(rows, 6) == [["A", "B"], ["C"], ["D", "E"]]
