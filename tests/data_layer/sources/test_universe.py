"""The universe file: every malformed line is named, and the list joins what a source has by stated rules."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest

from data_layer.settings import parse_settings
from data_layer.sources.renames import read_renames
from data_layer.sources.universe import asked_for, join_universe, read_universe
from models.errors import ConfigError

D = dt.date.fromisoformat
HEADER = "symbol,name,sector,active_from,active_to,restricted\n"


def settings(**values):
    return parse_settings(Path("/nowhere"), {k.upper(): str(v) for k, v in values.items()})


def universe(folder, text, header=HEADER):
    path = folder / "universe.csv"
    path.write_text(header + text)
    return settings(universe=path)


@pytest.mark.parametrize(
    ("text", "line", "column", "value"),
    [
        ("aapl,,,,,\n", 2, "symbol", "aapl"),
        ("AAPL,,,,,\n,,,,,x\n", 3, "symbol", ""),
        ("../X,,,,,\n", 2, "symbol", "../X"),
        ("AAPL,,,2012-1-3,,\n", 2, "active_from", "2012-1-3"),
        ("AAPL,,,,20120103,\n", 2, "active_to", "20120103"),
        ("AAPL,,,2012-01-04,2012-01-03,\n", 2, "active_to", "2012-01-03"),
        ("AAPL,,,,,maybe\n", 2, "restricted", "maybe"),
        ("AAPL,,,,2012-01-03,\nAAPL,,,2012-01-03,,\n", 3, "active_from", "2012-01-03"),
        ("AAPL,,,,,\nAAPL,,,,,\n", 3, "active_from", ""),
        ('AAPL,"Apple, Inc.",,,,\nIBM,a,b\n', 3, "symbol", "IBM"),
    ],
)
def test_a_malformed_line_is_named(tmp_path, text, line, column, value):
    with pytest.raises(ConfigError) as caught:
        read_universe(universe(tmp_path, text))
    assert f"universe.csv, line {line}, column {column} (UNIVERSE={value!r})" in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        (HEADER.replace("sector", "industry"), "unknown column 'industry'"),
        (HEADER.replace(",restricted", ""), "missing or repeated column 'restricted'"),
        (HEADER.replace("name", "sector"), "missing or repeated column 'sector'"),
        ("", "unknown column 'AAPL'"),
    ],
)
def test_a_wrong_header_is_refused(tmp_path, header, problem):
    with pytest.raises(ConfigError, match=problem):
        read_universe(universe(tmp_path, "AAPL,,,,,\n", header))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        read_universe(settings(universe=tmp_path / "none.csv"))


def test_the_list_that_comes_with_it_is_sound():
    listed = read_universe(settings())
    assert {"AAPL", "FB", "GOOG", "IBM", "MSFT", "META"} <= set(listed["symbol"])
    assert listed["sector"].nunique() == 11 and listed["restricted"].isna().all()
    changes = {(r.old, r.new): r.effective for r in read_renames(settings())}
    assert changes["FB", "META"] == D("2022-06-09")


HELD = pd.DataFrame(
    [
        ("AAPL", "apple", None, D("2010-01-04"), None),
        ("IBM", "ibm", "Tech", D("2010-01-04"), D("2015-12-31")),
        ("XYZ", "xyz", None, D("2011-01-03"), None),
    ],
    columns=["symbol", "name", "sector", "active_from", "active_to"],
    dtype=object,
)
LISTED = "AAPL,Apple,Tech,2000-01-03,2012-12-31,\nAAPL,,Hardware,2014-01-02,,yes\nIBM,,,,,\nMSFT,Microsoft,Tech,,,\n"


def test_a_listed_symbol_is_what_the_list_and_the_source_both_have(tmp_path):
    listed = read_universe(universe(tmp_path, LISTED))
    rows = [tuple(r.values()) for r in join_universe(HELD, listed, only_listed=False).to_dict("records")]
    assert rows == [
        ("AAPL", "Apple", "Tech", D("2010-01-04"), D("2012-12-31"), None),
        ("AAPL", "apple", "Hardware", D("2014-01-02"), None, True),
        ("IBM", "ibm", "Tech", D("2010-01-04"), D("2015-12-31"), None),
        ("XYZ", "xyz", None, D("2011-01-03"), None, None),
    ]
    assert set(join_universe(HELD, listed, only_listed=True)["symbol"]) == {"AAPL", "IBM"}


def test_a_live_vendor_without_symbols_is_asked_for_the_listed_ones(tmp_path):
    listed = read_universe(
        universe(tmp_path, "AAPL,,,,,\nFB,,,,2022-06-08,\nIBM,,,,2012-12-31,\nIBM,,,2014-01-02,,\n")
    )
    assert asked_for(settings(source="vendor"), listed).symbols == ("AAPL", "IBM")
    assert asked_for(settings(source="vendor", start="2020-01-02"), listed).symbols == ("AAPL", "FB", "IBM")
    assert asked_for(settings(source="vendor", symbols="XOM"), listed).symbols == ("XOM",)
    assert asked_for(settings(source="files"), listed).symbols == ()


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("FB,META,\n", "effective"),
        ("FB,FB,2022-06-09\n", "new"),
        ("fb,META,2022-06-09\n", "old"),
        ("FB,META,2022-06-09\nFB,X,2022-06-09\n", "effective"),
        ("FB,META,June\n", "effective"),
    ],
)
def test_a_malformed_rename_is_named(tmp_path, text, column):
    path = tmp_path / "changes.csv"
    path.write_text("old,new,effective\n" + text)
    with pytest.raises(ConfigError, match=rf"changes\.csv, line \d, column {column}"):
        read_renames(settings(symbol_changes=path))
