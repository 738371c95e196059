"""The quality report: lists made from the tables, and adjusted closes rebuilt against a vendor's."""

from __future__ import annotations

import csv

import pandas as pd
import pytest

from data_layer.features.adjustment import forward_factors
from data_layer.quality.adjusted import compare_adjusted
from data_layer.quality.report import write_report
from models.errors import ConfigError
from tests.support.bars import change, real_bars
from tests.support.files_home import DAY, FIRST, LAST, open_home


@pytest.fixture(scope="module")
def market():
    return real_bars("AAPL IBM MSFT", FIRST, LAST)


def adjusted_of(rows):
    """What a vendor that agrees with us would state, from the last session backwards."""
    bars = rows.assign(date=pd.to_datetime(rows["date"]))
    parts = [
        pd.DataFrame(
            {"symbol": rows["symbol"], "ex_date": bars["date"], "action_type": kind, "value": rows[column]}
        )
        for column, kind in (("dividend", "dividend"), ("split_ratio", "split"))
    ]
    actions = pd.concat(parts)
    nothing = actions["action_type"].map({"dividend": 0.0, "split": 1.0})
    actions = actions[actions["value"] != nothing]
    factor = forward_factors(bars, actions)["return_factor"]
    last = factor.groupby(bars["symbol"]).transform("last")
    return bars, actions, bars[["symbol", "date"]].assign(adjusted_close=bars["close"] * factor / last)


def compared(market, change_vendor=None, drop=None):
    bars, actions, vendor = adjusted_of(market)
    if change_vendor:
        change_vendor(vendor)
    if drop is not None:
        actions = actions[actions["action_type"] != drop]
    found = compare_adjusted(bars, actions, vendor, set(), 0.01)
    return {row.symbol: row for row in found.itertuples()}


def test_the_same_convention_agrees_to_the_last_digit(market):
    found = compared(market)
    assert all(row.within and row.worst < 1e-12 and row.cause == "" for row in found.values())


def test_an_unrecorded_split_is_named_with_its_day(market):
    row = compared(market, drop="split")["AAPL"]
    assert not row.within and row.worst == pytest.approx(0.5, abs=0.01)
    assert (row.first_date, row.cause_date) == ("2005-02-28", "2005-02-28")
    assert row.cause == "a split of 2 is not recorded; the price moves on 2005-02-28"


def test_a_split_that_the_vendor_applies_early_is_named(market):
    def early(vendor):
        at = vendor.index[(vendor["symbol"] == "AAPL") & (vendor["date"] == "2005-02-25")]
        vendor.loc[at, "adjusted_close"] *= 2

    row = compared(market, early)["AAPL"]
    assert row.first_date == "2005-02-28" and row.cause.endswith("on 2005-02-28 1 session(s) too early")


def test_a_factor_out_of_nothing_is_named(market):
    def wrong(vendor):
        vendor.loc[(vendor["symbol"] == "IBM") & (vendor["date"] < DAY), "adjusted_close"] *= 1.1

    row = compared(market, wrong)["IBM"]
    assert (
        row.cause_date == DAY and "no action is recorded; the vendor counts a factor of 0.9091" in row.cause
    )


def read(path):
    with path.open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_the_report_lists_what_the_tables_hold(database, tmp_path, market):
    rows = change(market, "AAPL", DAY, high=1.0)
    rows = change(rows, "MSFT", "2005-03-15", volume=0)
    home = open_home(database, tmp_path, rows)
    home.ingest()
    vendor = adjusted_of(market)[2]
    vendor.to_parquet(tmp_path / "vendor.parquet")
    for _ in range(2):
        written = write_report(database.reader, tmp_path / "report", tmp_path / "vendor.parquet")
    assert [path.name for path in written] == [
        "report.md",
        "findings.csv",
        "quarantine.csv",
        "adjusted_closes.csv",
    ]
    found = read(written[1])
    assert {(r["check_name"], r["symbol"], r["session_date"]) for r in found} >= {
        ("zero_volume", "MSFT", "2005-03-15"), ("missing_bar", "AAPL", DAY),
    }  # fmt: skip
    assert [(r["symbol"], r["reason"]) for r in read(written[2])] == [
        ("AAPL", "high is below another price of the bar")
    ]
    assert [r["within"] for r in read(written[3])] == ["True"] * 3
    text = written[0].read_text()
    assert "3 of 3 symbols (100.0%)" in text and "In quarantine: AAPL 2005-03-10" in text
    assert "- zero volume of MSFT on 2005-03-15 (defect)" in text


def test_a_report_needs_bars_and_the_vendors_column(database, tmp_path, market):
    with pytest.raises(ConfigError, match="no bars are stored"):
        write_report(database.reader, tmp_path / "report", None)
    home = open_home(database, tmp_path, market)
    home.ingest()
    assert len(write_report(database.reader, tmp_path / "report", None)) == 3
    with pytest.raises(ConfigError, match="adjusted_close"):
        write_report(database.reader, tmp_path / "report", home.path)
    with pytest.raises(ConfigError, match="cannot be read"):
        write_report(database.reader, tmp_path / "report", tmp_path / "gone.parquet")
