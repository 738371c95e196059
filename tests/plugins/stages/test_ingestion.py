"""data_ingestion and bad input: it stops cleanly, and once mended ends where good input would have."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from models.errors import ConfigError, DataQualityError
from tests.support.bars import change, files_settings, without
from tests.support.chain import run_stage, sample_settings
from tests.support.files_home import DAY, HALF, LAST, SESSIONS, D, open_home

# What the gate writes while it refuses: the bars, what it refused, and that it did.
GATE = {"market_data", "corporate_actions", "quarantine", "stage_runs", "quality_findings"}
RECORDED = {"quarantine", "quality_findings"}  # what was found wrong stays on record
# Rows that belong to no session: what they say is told with the run's last one.
HOMELESS = {"weekend", "holiday", "weekend at the end", "future", "no date"}


def add(rows, of="AAPL", **values):
    """The rows and one more, a symbol's of DAY with some values of its own."""
    one = rows[(rows["symbol"] == of) & (rows["date"] == D(DAY))]
    return pd.concat([rows.astype(object), one.assign(**values).astype(object)], ignore_index=True)


# Of one symbol's bar; two symbols' are more than the threshold lets pass.
BAD_ROWS = {
    "not a number": (lambda r, s: change(r, s, DAY, close="ten"), "missing or not a number"),
    "NaN": (lambda r, s: change(r, s, DAY, open=float("nan")), "missing or not a number"),
    "infinite": (lambda r, s: change(r, s, DAY, high="inf"), "infinite"),
    "negative": (lambda r, s: change(r, s, DAY, low=-1.0), "not above zero"),
    "high below low": (lambda r, s: change(r, s, DAY, high=1.0), "high is below"),
    "part of a share": (lambda r, s: change(r, s, DAY, volume=0.5), "not whole shares"),
    "two that differ": (lambda r, s: add(r, s, volume=42), "two rows of one symbol and date differ"),
    "weekend": (lambda r, s: add(r, s, date=D("2005-03-12")), "not a session"),
    "holiday": (lambda r, s: add(r, s, date=D("2005-03-25")), "not a session"),
    "weekend at the end": (lambda r, s: add(r, s, date=D("2005-04-02")), "not a session"),
    "future": (lambda r, s: add(r, s, date=D("2027-03-10")), "not closed yet"),
    "no date": (lambda r, s: add(r, s, date="soon"), "unreadable date"),
    "line end in a symbol": (lambda r, s: add(r, s, symbol=f"{s}\n"), "malformed symbol"),
    "path for a symbol": (lambda r, s: add(r, s, symbol="../x"), "malformed symbol"),
    "SQL for a symbol": (lambda r, s: add(r, s, symbol="'; DROP TABLE market_data; --"), "malformed symbol"),
    "no symbol": (lambda r, s: add(r, s, symbol=None), "malformed symbol"),
}


@pytest.fixture(scope="module")
def before(half_done, market, tmp_path_factory):
    """Hashes of every test's home as it begins."""
    return open_home(half_done, tmp_path_factory.mktemp("before"), market).hashes(without=GATE)


@pytest.fixture(scope="module")
def undisturbed(all_done, market, tmp_path_factory):
    """Hashes of a home in which nothing ever went wrong."""
    return open_home(all_done, tmp_path_factory.mktemp("undisturbed"), market).hashes(without=RECORDED)


@pytest.mark.parametrize("name", BAD_ROWS)
def test_bad_rows_stop_the_run_and_their_mending_leaves_no_trace(home, before, undisturbed, market, name):
    spoil, reason = BAD_ROWS[name]
    spoilt = spoil(spoil(market, "AAPL"), "MSFT")
    completed = home.completed()
    for _ in range(2):  # a retry finds the same
        with pytest.raises(DataQualityError, match=reason) as caught:
            home.ingest(spoilt)
        assert caught.value.stage == "data_ingestion" and caught.value.key == "quarantine"
        assert "make quarantine" in caught.value.remedy
    assert home.completed() == completed
    assert home.hashes(without=GATE) == before
    bad = home.query("SELECT reason, raw ->> 'symbol' FROM quarantine")
    assert len(bad) == (4 if name == "two that differ" else 2) and all(reason in row[0] for row in bad)
    received = home.query(
        "SELECT received, accepted + duplicates + quarantined FROM ingestion_batches "
        "WHERE kind = 'bars' ORDER BY id"
    )[-1]
    assert received[0] == received[1]

    home.ingest(market)
    assert home.completed() == SESSIONS
    assert home.hashes(without=RECORDED) == undisturbed
    standing = "SELECT * FROM quality_findings WHERE resolved_at IS NULL AND check_name IN ('missing_bar', 'coverage')"
    assert home.query(standing) == []


@pytest.mark.parametrize("name", BAD_ROWS)
def test_one_bad_row_is_put_aside_with_a_warning(home, market, name):
    spoil, reason = BAD_ROWS[name]
    home.ingest(spoil(market, "AAPL"))
    assert home.completed() == SESSIONS
    bad = home.query("SELECT reason FROM quarantine")
    assert len(bad) == (2 if name == "two that differ" else 1) and all(reason in row[0] for row in bad)
    session = DAY if name not in HOMELESS else LAST
    warnings = dict(home.warnings())
    assert any(reason in text for text in warnings[D(session)])
    assert home.query("SELECT count(*) FROM trading_universe WHERE active_to IS NULL") == [(3,)]


def test_a_bad_row_before_the_first_session_is_seen_too(database, tmp_path, market):
    early = add(add(market, date=D("2005-01-01")), "MSFT", date=D("2005-01-01"))
    with pytest.raises(
        DataQualityError, match="2 of 185 rows in quarantine, first 'AAPL' on 2005-01-01: not a"
    ):
        open_home(database, tmp_path, early).ingest()


def test_parquet_is_judged_alike(database, tmp_path, market):
    rows = change(market, "MSFT", DAY, low=float("nan"))
    rows = change(rows, "IBM", DAY, low=float("nan")).astype({"low": float})
    home = open_home(database, tmp_path, rows, "bars.parquet")
    with pytest.raises(DataQualityError, match=r"'IBM' on 2005-03-10: a price .* is missing"):
        home.ingest()


def test_a_repeated_row_is_counted(database, tmp_path, market):
    home = open_home(database, tmp_path, add(market))
    home.ingest()
    assert home.completed() == SESSIONS
    statement = (
        "SELECT received, accepted, duplicates, quarantined FROM ingestion_batches WHERE kind = 'bars'"
    )
    assert home.query(statement) == [(3 * SESSIONS + 1, 3 * SESSIONS, 1, 0)]


def spoil_file(home, content):
    home.path.write_bytes(content)


BAD_FILES = {
    "empty": (lambda home: spoil_file(home, b""), "cannot be read"),
    "garbage": (lambda home: spoil_file(home, bytes(range(256)) * 9), "FILES"),
    "wrong columns": (
        lambda home: spoil_file(home, b"day,price\n2005-01-03,1\n"),
        "columns missing: symbol, date",
    ),
    "gone": (lambda home: home.path.unlink(), "no such file"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_writes_nothing_at_all(home, market, name):
    spoil, what = BAD_FILES[name]
    before = home.hashes()
    batches = home.query("SELECT count(*) FROM ingestion_batches")
    spoil(home)
    with pytest.raises(ConfigError, match=what) as caught:
        home.ingest()
    assert (caught.value.stage, caught.value.key) == ("data_ingestion", "FILES") and caught.value.remedy
    assert home.hashes() == before and home.query("SELECT count(*) FROM ingestion_batches") == batches


def test_an_unknown_symbol_is_refused(home):
    settings = files_settings(home.path.parent, home.path, symbols="AAPL MSTF")
    with pytest.raises(ConfigError, match=r"\[data_ingestion\].*SYMBOLS='MSTF'.*MSFT"):
        run_stage(home.uri, settings, "data_ingestion")
    with pytest.raises(ConfigError, match=r"\[data_ingestion\].*symbols='MSTF'.*MSFT"):
        home.ingest(start=HALF, symbols="MSTF")


@pytest.mark.parametrize("later", ["", "2004-06-30"])
def test_another_source_in_the_same_database_is_refused(home, later):
    before = home.hashes()
    settings = sample_settings(home.path.parent, end=later)
    for params in ({}, {"start": HALF}, {"logical_date": dt.datetime(2005, 2, 1, tzinfo=dt.UTC)}):
        with pytest.raises(ConfigError, match=r"of files.*SOURCE='sample'.*ALMANAC_HOME=\.almanac-sample"):
            run_stage(home.uri, settings, "data_ingestion", **params)
    assert home.hashes() == before


def test_one_symbols_missing_bar_warns_and_most_symbols_stop(home, market):
    with pytest.raises(DataQualityError, match=r"no bars for AAPL, IBM, MSFT on 2005-03-10"):
        home.ingest(without(market, DAY))
    with pytest.raises(DataQualityError, match=r"no bars for IBM, MSFT on 2005-03-10 \(2 of 3 symbols\)"):
        home.ingest(without(market, DAY, "IBM", "MSFT"))
    home.ingest(without(market, DAY, "IBM"))
    assert home.completed() == SESSIONS


def test_an_exception_releases_missing_bars(home, market):
    rows = without(market, DAY, "IBM", "MSFT")
    home.accept(DAY, "IBM")
    home.ingest(rows)  # one left missing without consent
    assert home.warnings() == [(D(DAY), ["no bar for MSFT"])]


def test_an_exception_releases_bars_in_quarantine(home, market):
    rows = change(change(market, "AAPL", DAY, high=1.0), "MSFT", DAY, high=1.0)
    with pytest.raises(
        DataQualityError, match="2 of 3 bars in quarantine, first 'AAPL' on 2005-03-10: high is"
    ):
        home.ingest(rows)
    home.accept(DAY, "IBM")
    with pytest.raises(DataQualityError, match="high is below"):
        home.ingest(rows)
    home.accept(DAY, "AAPL")
    home.ingest(rows)
    assert home.completed() == SESSIONS
    assert home.query(f"SELECT count(*) FROM market_data WHERE date = '{DAY}'") == [(1,)]
    assert home.query("SELECT count(*) FROM quarantine") == [(2,)]


def test_what_cannot_be_a_symbol_never_joins_the_universe(home, market):
    home.accept(DAY, "../x")
    home.ingest(add(market, symbol="../x"))
    assert home.completed() == SESSIONS
    assert home.query("SELECT symbol FROM trading_universe ORDER BY 1") == [("AAPL",), ("IBM",), ("MSFT",)]
