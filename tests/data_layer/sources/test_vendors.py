"""What all live vendors do alike; the whole list of faults is in tests/faults."""

from __future__ import annotations

import datetime as dt
import logging
from decimal import Decimal

import pandas as pd
import pytest

from data_layer.quality.action_checks import check_actions
from data_layer.quality.row_checks import check_rows
from data_layer.settings import Settings, load_settings, parse_settings
from data_layer.sources import available_sources, open_source
from data_layer.sources.limits import bucket_of
from data_layer.sources.received import (
    add_up_dividends,
    as_received,
    bar_frame,
    bar_row,
    epoch_day,
    exact,
    iso_day,
    row_id,
)
from models.errors import ConfigError, RetryableError
from tests.support.vendor_cases import FIRST, LAST, NOW, VENDORS, cases, run_case, vendor_source
from tests.support.vendor_market import sample_market
from tests.support.vendor_stub import Stub, serve

HANDFUL = {
    "truncated", "short", "no_results", "not_authorized", "cyclic", "next_elsewhere", "redirect", "429:long",
    "429:short", "502", "html_200", "nan", "digits23", "hostile", "page_again", "403", "missing_field", "silent",
}  # fmt: skip
D = dt.date.fromisoformat


@pytest.fixture(scope="module")
def stub():
    with serve(sample_market(end=str(LAST))) as running:
        yield running


@pytest.mark.parametrize("vendor", VENDORS)
def test_never_a_short_load(stub, tmp_path, vendor):
    tried = [c for c in cases() if c[0] == vendor and c[1] in HANDFUL and c[2] in {"middle", "last", "all"}]
    assert len(tried) >= 25
    for case in tried:
        run_case(stub, tmp_path, case)


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("symbols", ["AAPL", "AAPL IBM MSFT"])  # of one its history is asked, of three a whole day
def test_averages_are_those_the_vendor_sends(tmp_path, vendor, symbols):
    market = sample_market(start=str(FIRST), end="2005-02-02")
    for row in market.rows:
        if row["symbol"] != "IBM":
            row["vwap"] = round((row["high"] + row["low"]) / 2, 4)
    with serve(market) as running:
        source = vendor_source(vendor, running, tmp_path, symbols=symbols, end="2005-02-02")
        checked = check_rows(source.bars(None, FIRST, D("2005-02-02")), source=vendor, now=NOW)
    given = {(v["symbol"], v["date"].date()): v["vwap"] for v in checked.vwaps.to_dict("records")}
    sent = {
        (r["symbol"], r["date"]): r["vwap"] for r in market.rows if "vwap" in r and r["symbol"] in symbols
    }
    assert given == ({} if vendor == "yfinance" else sent) and len(sent) in {2, 4}


@pytest.mark.parametrize("vendor", VENDORS)
def test_start_must_be_named_and_hold_a_session(tmp_path, vendor):
    with pytest.raises(ConfigError, match=rf"START=''.*SOURCE={vendor} START=2020"):
        open_source(parse_settings(tmp_path, {"SOURCE": vendor}))
    for end in ("2005-01-01", ""):
        start = end or "2090-01-01"
        with pytest.raises(ConfigError, match=rf"no session between START and END.*{start}"):
            open_source(parse_settings(tmp_path, {"SOURCE": vendor, "START": start, "END": end}))


@pytest.mark.parametrize(
    ("vendor", "key"),
    [("polygon", "POLYGON_API_KEY"), ("alpaca", "ALPACA_API_KEY"), ("alpaca", "ALPACA_SECRET_KEY")],
)
def test_a_missing_key_is_told_with_where_it_goes(stub, tmp_path, vendor, key):
    source = vendor_source(vendor, stub, tmp_path, **{key: ""})
    assert source.sessions()  # which needs none
    with pytest.raises(ConfigError, match=rf"key is missing.*{key}.*\.env.*connection `{vendor}`"):
        source.bars(None, FIRST, LAST)


@pytest.mark.parametrize("vendor", VENDORS)
def test_keys_go_into_headers_and_nowhere_else(stub, tmp_path, vendor, caplog):
    caplog.set_level(logging.DEBUG)
    source = vendor_source(vendor, stub, tmp_path)
    stub.asked.clear()
    source.bars(None, FIRST, LAST)
    source.actions(None, FIRST, LAST)
    source.instruments()
    keys = ("polygon-key-1", "alpaca-key-1", "alpaca-secret-1")
    wanted = [key for key in keys if vendor in key or (vendor == "alpaca" and "alpaca" in key)]
    for path, headers in stub.asked:
        assert not any(key in path for key in keys)
        sent = " ".join(headers.values())
        assert [key for key in keys if key in sent] == wanted
    shown = caplog.text + repr(source.settings) + repr(source) + str(source.settings.vendors)
    assert "POLYGON_URL" in shown and not any(key in shown for key in keys)


def test_keys_and_addresses_are_read_afresh_and_not_remembered(tmp_path):
    from data_layer.runtime.remember import remember

    given = {"ALMANAC_HOME": str(tmp_path), "SOURCE": "polygon", "START": "2020-01-02",
             "POLYGON_API_KEY": "abc", "POLYGON_URL": "http://127.0.0.1:1",
             "POLYGON_CALLS_PER_MINUTE": "90"}  # fmt: skip
    assert remember(tmp_path, given).vendors.keys["POLYGON_API_KEY"] == "abc"
    kept = (tmp_path / "settings.json").read_text()
    assert "abc" not in kept and "127.0.0.1" not in kept
    later = load_settings({"ALMANAC_HOME": str(tmp_path)}).vendors
    assert (later.keys["POLYGON_API_KEY"], later.limits["POLYGON_CALLS_PER_MINUTE"]) == ("", 90)
    assert later.addresses["POLYGON_URL"] == "https://api.polygon.io"


@pytest.mark.parametrize(
    "text",
    ["https://api.polygon.io.evil.org", "http://api.polygon.io", "https://evil.org", "ftp://127.0.0.1:80",
     "https://paper-api.alpaca.markets", "https://api.alpaca.markets", "http://user:pw@127.0.0.1:80",
     "http://127.0.0.1", "http://127.0.0.1:80/path", "http://127.0.0.1:80?a=b", "127.0.0.1:80",
     "http://127.0.0.1:99999", "http://[::1", "https://api.polygon.io@evil.org"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["POLYGON_URL", "ALPACA_DATA_URL", "YAHOO_URL"])
def test_keys_are_sent_to_the_vendor_or_this_machine_only(tmp_path, name, text):
    with pytest.raises(ConfigError, match=rf"may be sent to.*{name}") as caught:
        parse_settings(tmp_path, {name: text})
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize("key", ["a b", "a\r\nX-Other: 1", "ключ", "a" * 300, "'quoted'"])
def test_a_key_that_could_end_its_header_is_refused_unseen(tmp_path, key):
    with pytest.raises(ConfigError, match=r"not a key.*ALPACA_SECRET_KEY") as caught:
        parse_settings(tmp_path, {"ALPACA_SECRET_KEY": key})
    assert key not in str(caught.value)


def test_limits_are_the_vendors_own_unless_set(tmp_path):
    limits = Settings(tmp_path).vendors.limits
    assert (limits["POLYGON_CALLS_PER_MINUTE"], limits["ALPACA_CALLS_PER_MINUTE"]) == (5, 180)
    source = vendor_source("polygon", Stub(sample_market()), tmp_path, polygon_calls_per_minute="7")
    assert source._calls.bucket.calls == 7 and source._calls.bucket is bucket_of("polygon", 7, tmp_path)


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_session_without_a_bar_is_an_error_and_a_holiday_is_not(tmp_path, vendor):
    with serve(sample_market(end="2005-02-25")) as stub:
        source = vendor_source(vendor, stub, tmp_path, symbols="AAPL MSFT", end="2005-03-31")
        assert source.bars(None, D("2005-02-19"), D("2005-02-21")).empty  # a weekend and Presidents' Day
        assert len(source.bars(None, D("2005-02-18"), D("2005-02-22"))) == 4
        message = (
            rf"no bar of AAPL, MSFT on 2005-02-28.*session='2005-02-28'.*{vendor} has nothing.*try again"
        )
        with pytest.raises(RetryableError, match=message):
            source.bars(None, D("2005-02-25"), D("2005-03-01"))
        with pytest.raises(RetryableError, match=r"no bar of MSFT on 2005-02-28"):
            list(source.bars_in_chunks(["MSFT"], D("2005-02-28"), D("2005-02-28")))


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize(
    "symbol", ["../../v2/orders", "AAPL/../IBM", "AAPL\n", "aapl", "AAPL?x=1", "", "A,B"]
)
def test_no_malformed_symbol_gets_into_an_address(stub, tmp_path, vendor, symbol):
    source = vendor_source(vendor, stub, tmp_path)
    source.instruments()
    stub.asked.clear()
    for ask in (source.bars, source.actions):
        with pytest.raises(ConfigError, match="malformed symbol"):
            ask([symbol], FIRST, LAST)
    assert stub.asked == []


def test_every_vendor_is_live_and_late_by_its_plan():
    for vendor in VENDORS:
        source = available_sources()[vendor]
        assert not source.is_static and source.delay == dt.timedelta(hours=8)
        assert not Settings(None, sources=(vendor,)).is_static


@pytest.mark.parametrize("vendor", ["alpaca", "polygon"])
def test_a_regular_and_a_special_dividend_of_one_day_add_up(tmp_path, vendor):
    """As of Progressive on 2025-01-10: 0.10 and 4.50; here also an equal one, and one that is sent twice."""
    market, day = sample_market(), D("2005-02-15")  # Microsoft pays 0.08
    for value, told in (("4.50", "2005-02-01"), ("0.08", "2005-02-02"), ("4.50", "2005-02-01")):
        market.actions.append(("MSFT", day, "dividend", Decimal(value), D(told)))
    with serve(market) as stub:
        actions = vendor_source(vendor, stub, tmp_path).actions(["MSFT"], day, day)
    eves = pd.DataFrame([("MSFT", day, D("2005-02-14"), 26.0)], columns=["symbol", "ex_date", "date", "close"])
    checked = check_actions(actions, eves, source=vendor)
    assert checked.accepted[["value", "announced"]].to_numpy().tolist() == [[Decimal("4.66"), D("2005-02-02")]]
    assert checked.quarantined.empty and checked.duplicates == 0


def test_what_has_no_sum_goes_to_the_gate_as_it_came():
    def of(*paid, kind="dividend"):
        given = [("A", FIRST, kind, exact(v) or v, *rest) for v, *rest in paid]
        return [(str(value), told) for _, _, _, value, told in add_up_dividends(given)]

    told, later = D("2005-01-03"), D("2005-01-04")
    assert of(("2", told, "x"), ("2", told, "y")) == [("4", told)]  # two payments alike
    assert of(("2", told, "x"), ("3", None, "y")) == [("5", None)]  # who knows when the second was announced
    assert of(("2", told), ("3", later)) == [("5", later)]
    assert of(("2", told), ("2", told)) == [("2", told)]  # without ids a row sent twice
    assert len(of(("2", told), ("2", later))) == 2  # the same, told apart by nothing that counts: a duplicate
    assert len(of(("2", told, "x"), ("3", told, "x"))) == 2  # one row, two values
    for broken in ("1.5 CAD", "-1", "0", "9e999999"):
        assert len(of(("2", told, "x"), (broken, told, "y"))) == 2
    assert len(of(("2", None), ("3", None), kind="split")) == 2
    assert row_id({"id": "E8"}) == "E8" and {row_id({}), row_id({"id": []}), row_id({"id": ""})} == {None}


def test_values_are_read_where_they_can_be_and_kept_where_not():
    assert [as_received(v) for v in (1, 2.5, "x", None)] == [1, 2.5, "x", None]
    assert [as_received(v) for v in (True, [1], {"a": 1}, 10**400)] == [
        "true",
        "[1]",
        '{"a": 1}',
        "1" + "0" * 99,
    ]
    # Midnight, half past nine and four in New York, in winter and in summer.
    for stamp in (1107234000, 1107268200, 1107291600):
        assert epoch_day(stamp) == D("2005-02-01") == epoch_day(stamp * 1000, 1000)
    assert epoch_day(1598846400) == D("2020-08-31") and epoch_day(-252322200) == D("1962-01-02")
    assert [epoch_day(v) for v in (None, "1", True, float("nan"), float("inf"), 1e14)] == [None] * 6
    assert iso_day("2005-02-01") == D("2005-02-01")
    assert [iso_day(v) for v in ("2005-02-30", "20050201", "2005-W05-2", "2005-02-01T", None, 5)] == [
        None
    ] * 6
    assert str(exact(0.82)) == "0.82"
    assert [exact(v) for v in (None, "x", True, float("nan"), float("inf"), [])] == [None] * 6
    frame = bar_frame([bar_row("A", None, [1, 2, 3, 4, 5], "soon")])
    assert frame["date"].isna().all() and frame["date_text"].to_list() == ["soon"]
