"""Files as people really have them."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal

import pandas as pd
import pytest

from data_layer.quality.action_checks import check_actions
from data_layer.quality.row_checks import check_rows
from data_layer.sources import open_source
from data_layer.sources.files import FilesSource
from data_layer.sources.tables import days_of
from models.errors import ConfigError
from tests.support.bars import files_settings, real_bars, write_bars
from tests.support.chain import NOW

HEADER = "symbol,date,open,high,low,close,volume"
BAR = "AAPL,2005-06-01,10,12,9,11,100"
ALWAYS = (dt.date(1, 1, 1), dt.date(9999, 12, 31))


def source_of(tmp_path, text, name="bars.csv", **values) -> FilesSource:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return open_source(files_settings(tmp_path, path, **values))


def refused(source):
    with pytest.raises(ConfigError) as caught:
        source.instruments()
    assert caught.value.stage == "data_ingestion" and caught.value.key == "FILES"
    assert "with columns symbol, date, open, high, low, close, volume" in caught.value.remedy
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("bars.csv", b"", "cannot be read"),
        ("bars.csv", b"\xff\xfe\x00\x01binary\x00", "cannot be read"),
        ("bars.csv", f"{HEADER}\n{BAR},7\n".encode(), "cannot be read"),
        ("bars.csv", f"{HEADER}\nAAPL\xe9,2005-06-01,1,1,1,1,1\n".encode("latin-1"), "cannot be read"),
        (
            "bars.csv",
            b"Date,Open,Close\n2005-06-01,1,2\n",
            "columns missing: symbol.*it has Date, Open, Close",
        ),
        ("bars.csv", f"{HEADER},close\n{BAR},11\n".encode(), "cannot be read"),
        ("bars.parquet", b"PAR1 but not really PAR1", "cannot be read"),
        ("bars.xlsx", b"PK", "neither .csv nor .parquet"),
    ],
)
def test_a_file_that_is_no_table_of_bars_is_refused(tmp_path, name, content, what):
    assert re.search(what, refused(source_of(tmp_path, content, name)))


def test_a_path_that_is_not_there_is_refused(tmp_path):
    assert "no such file" in refused(open_source(files_settings(tmp_path, tmp_path / "nothing.csv")))
    (tmp_path / "empty").mkdir()
    assert "no .csv or .parquet" in refused(open_source(files_settings(tmp_path, tmp_path / "empty")))
    with pytest.raises(ConfigError, match=r"no files named.*FILES.*set FILES"):
        open_source(files_settings(tmp_path, "")).sessions()


def test_a_wrong_parquet_column_is_named(tmp_path):
    rows = real_bars("AAPL", "2005-06-01", "2005-06-10").drop(columns="volume")
    path = write_bars(tmp_path / "bars.parquet", rows)
    assert "columns missing: volume" in refused(open_source(files_settings(tmp_path, path)))


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2005-06-01", "2005-06-01"),
        ("2005-06-01 00:00:00", "2005-06-01"),
        ("2005-06-01T00:00:00Z", "2005-06-01"),
        ("2005-06-01 00:00:00-04:00", "2005-06-01"),  # New York's midnight, however far from London's
        ("2005-06-01 16:00:00", None),
        ("2005-06", None),
        ("2005", None),
        ("20050601", None),
        ("06/01/2005", None),
        ("2005-02-30", None),
        ("2005-06-01\n", None),
        ("", None),
        ("yesterday", None),
    ],
)
def test_dates_are_read_as_written_or_not_at_all(tmp_path, text, day):
    source = source_of(tmp_path, f'{HEADER}\n{BAR}\nMSFT,"{text}",10,12,9,11,100\n')
    row = source.bars(["MSFT"], *ALWAYS).iloc[0]
    assert (None if pd.isna(row["date"]) else str(row["date"].date())) == day
    assert row["date_text"] == ("" if day else text)


@pytest.mark.parametrize("zone", [None, "America/New_York", "UTC"])
def test_timestamps_of_parquet_name_their_own_day(tmp_path, zone):
    rows = real_bars("AAPL", "2005-06-01", "2005-06-03")
    rows["date"] = pd.to_datetime(rows["date"]).dt.tz_localize(zone)
    source = open_source(files_settings(tmp_path, write_bars(tmp_path / "bars.parquet", rows)))
    assert source.sessions() == [dt.date(2005, 6, d) for d in (1, 2, 3)]
    rows["date"] += pd.Timedelta(hours=16)
    source = open_source(files_settings(tmp_path, write_bars(tmp_path / "late.parquet", rows)))
    with pytest.raises(ConfigError, match="no bars"):
        source.sessions()


def test_values_that_are_no_numbers_stay_as_they_came(tmp_path):
    source = source_of(tmp_path, f"{HEADER}\n{BAR}\nMSFT,2005-06-01,ten,12,9,11,100\n")
    assert source.bars(["MSFT"], *ALWAYS).iloc[0]["open"] == "ten"


def test_no_row_is_lost_for_want_of_a_symbol_or_a_date(tmp_path):
    rows = real_bars("AAPL", "2005-06-01", "2005-06-10").astype({"symbol": object, "date": object})
    rows.loc[2, "symbol"] = None
    rows.loc[3, "date"] = None
    for name in ("bars.parquet", "bars.csv"):
        source = open_source(files_settings(tmp_path, write_bars(tmp_path / name, rows)))
        checked = check_rows(source.bars(None, *ALWAYS), source="files", now=NOW)
        assert sorted(checked.quarantined["reason"]) == ["malformed symbol", "unreadable date"]
        assert len(checked.accepted) + 2 == len(rows)
        assert set(checked.quarantined["symbol"]) == {"", "AAPL"}


def test_a_line_end_within_quotes_stays_in_its_row(tmp_path):
    text = f'{HEADER}\n"AAPL\n",2005-06-01,10,12,9,11,100\n{BAR}\n'
    assert source_of(tmp_path, text).bars(None, *ALWAYS)["symbol"].to_list() == ["AAPL\n", "AAPL"]


def test_a_symbol_that_ends_before_the_file_does_has_left(tmp_path):
    rows = real_bars("AAPL MSFT", "2005-06-01", "2005-06-30")
    gone = (rows["symbol"] == "MSFT") & (rows["date"] > dt.date(2005, 6, 15))
    late = (rows["symbol"] == "AAPL") & (rows["date"] < dt.date(2005, 6, 8))
    # A row on a Saturday after the end says nothing about who traded.
    odd = rows[gone].iloc[:1].assign(date=dt.date(2005, 7, 2))
    path = write_bars(tmp_path / "bars.csv", pd.concat([rows[~gone & ~late], odd]))
    held = open_source(files_settings(tmp_path, path)).instruments().set_index("symbol")
    assert held["active_from"].to_dict() == {"AAPL": dt.date(2005, 6, 8), "MSFT": dt.date(2005, 6, 1)}
    assert held["active_to"].to_dict() == {"AAPL": None, "MSFT": dt.date(2005, 6, 15)}


def test_names_and_sectors_come_from_the_file(tmp_path):
    text = f"{HEADER},name,sector\n{BAR},Apple Inc.,Information Technology\nMSFT,2005-06-01,1,1,1,1,1,,\n"
    held = source_of(tmp_path, text).instruments()
    assert held["name"].to_list() == ["Apple Inc.", "MSFT"]
    assert held["sector"].to_list() == ["Information Technology", None]


def test_actions_are_read_and_nothing_is_decided_about_them(tmp_path):
    values = [("0.1", "1"), ("0", ""), ("", "2"), ("abc", "nan"), ("-1", "0"), ("inf", "1.0")]
    days = ["2005-06-01", "2005-06-02", "2005-06-03", "2005-06-06", "2005-06-07", "2005-06-08"]
    lines = [f"AAPL,{d},10,12,9,11,100,{a},{b}" for d, (a, b) in zip(days, values, strict=True)]
    source = source_of(tmp_path, "\n".join([f"{HEADER},dividend,split_ratio", *lines]))
    actions = source.actions(None, *ALWAYS)
    assert not actions["inferred"].any()
    assert sorted(
        zip(map(str, actions["ex_date"]), actions["action_type"], map(str, actions["value"]), strict=True)
    ) == [
        ("2005-06-01", "dividend", "0.1"),
        ("2005-06-03", "split", "2.0"),
        ("2005-06-06", "dividend", "abc"),
        ("2005-06-06", "split", "nan"),
        ("2005-06-07", "dividend", "-1.0"),
        ("2005-06-07", "split", "0.0"),
        ("2005-06-08", "dividend", "Infinity"),
    ]
    assert actions["value"].iloc[0] == Decimal("0.1")


def test_two_rows_of_a_day_repeat_or_contradict_each_other(tmp_path):
    """A row states all that goes ex on its day, so nothing is added up."""
    days = {"2005-06-01": ("0.1", "4.5"), "2005-06-02": ("0.1", "0.1")}
    lines = [f"AAPL,{day},10,12,9,11,100,{paid}" for day, both in days.items() for paid in both]
    actions = source_of(tmp_path, "\n".join([f"{HEADER},dividend", *lines])).actions(None, *ALWAYS)
    checked = check_actions(actions, pd.DataFrame(columns=["symbol", "ex_date", "date", "close"]), source="files")
    assert checked.accepted["value"].to_list() == [Decimal("0.1")] and checked.duplicates == 1
    assert len(checked.quarantined) == 2


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_averages_come_from_the_files_that_have_the_column(tmp_path, suffix):
    rows = real_bars("AAPL", "2005-06-01", "2005-06-03")
    write_bars(tmp_path / f"a.{suffix}", rows.assign(vwap=[36.5, None, 38.25]))
    write_bars(tmp_path / f"b.{suffix}", real_bars("IBM", "2005-06-01", "2005-06-03"))
    source = open_source(files_settings(tmp_path, tmp_path))
    checked = check_rows(source.bars(None, *ALWAYS), source="files", now=NOW)
    assert len(checked.accepted) == 6 and checked.quarantined.empty
    assert checked.vwaps[["symbol", "vwap"]].to_numpy().tolist() == [["AAPL", 36.5], ["AAPL", 38.25]]


def test_a_piece_of_the_real_bars(shared_market, tmp_path):
    values = {"symbols": "AAPL MSFT XOM KO JNJ", "start": "2018-01-01", "end": "2019-12-31"}
    source = open_source(files_settings(tmp_path, shared_market, **values))
    assert len(source.sessions()) == 503
    checked = check_rows(source.bars(None, *ALWAYS), source="files", now=NOW)
    assert len(checked.accepted) == 5 * 503 and checked.quarantined.empty
    apple = source.actions(["AAPL"], *ALWAYS)
    assert apple["value"].to_list()[:4] == [Decimal(v) for v in ("0.63", "0.73", "0.73", "0.73")]


def test_days_of_stamps_are_those_of_their_texts():
    days = pd.Series(pd.to_datetime(["2005-06-01", "2005-06-02", "2005-06-01"]).as_unit("ms"), index=[4, 5, 6])
    for found, slow in zip(days_of(days), days_of(days.astype(str)), strict=True):
        pd.testing.assert_series_equal(found, slow, check_names=False)
    for wrong in (pd.Timestamp("2005-06-01 09:30"), pd.NaT):
        stamps, texts = days_of(pd.concat([days, pd.Series([wrong])]))
        assert stamps.isna().tolist() == [False] * 3 + [True] and texts.tolist() == ["", "", "", str(wrong)]
