"""Yahoo: prices divided by later splits are brought back, and stay where they are when another split comes."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
import urllib3

from models.errors import ConfigError, RetryableError
from tests.support import vendor_formats
from tests.support.vendor_cases import vendor_source
from tests.support.vendor_market import Market
from tests.support.vendor_stub import Fault, serve

D = dt.date.fromisoformat
# Apple around its split of four for one, as traded.
BARS = [
    ("2020-08-27", 508.57, 509.94, 495.33, 500.04, 38_888_096),
    ("2020-08-28", 504.05, 505.77, 498.31, 499.23, 46_907_479),
    ("2020-08-31", 127.58, 131.00, 126.00, 129.04, 225_702_700),
    ("2020-09-01", 132.76, 134.80, 130.53, 134.18, 151_948_100),
]
SPLIT = ("AAPL", D("2020-08-31"), "split", Decimal(4), None)
DIVIDENDS = [
    ("AAPL", D("2020-08-07"), "dividend", Decimal("0.82"), None),
    ("AAPL", D("2020-11-06"), "dividend", Decimal("0.205"), None),
]
WHEN = D("2020-08-27"), D("2020-09-01")
WINDOW = {"symbols": "AAPL", "start": "2020-08-03", "end": "2020-12-31"}


def market():
    names = ("open", "high", "low", "close", "volume")
    rows = [
        {"symbol": "AAPL", "date": D(day), **dict(zip(names, values, strict=True))} for day, *values in BARS
    ]
    return Market(rows, [SPLIT, *DIVIDENDS])


@pytest.fixture
def stub():
    with serve(market()) as running:
        yield running


def bars(stub, home, first="2020-08-27", last="2020-09-01"):
    rows = vendor_source("yfinance", stub, home, **WINDOW).bars(None, D(first), D(last))
    return [(str(r.date.date()), r.open, r.high, r.low, r.close, r.volume) for r in rows.itertuples()]


def test_a_known_split_is_undone(stub, tmp_path):
    address = f"{stub.url}/v8/finance/chart/AAPL?period1=1598500800&period2=1700000000"
    with urllib3.PoolManager() as pool:
        sent = pool.request("GET", address).json()["chart"]["result"][0]["indicators"]["quote"][0]
    # So Yahoo answers for 2020-08-28 since then.
    assert [sent[name][1] for name in ("open", "high", "low", "close", "volume")] == [
        126.01249694824219, 126.44249725341797, 124.57749938964844, 124.80750274658203, 187_629_916
    ]  # fmt: skip
    assert bars(stub, tmp_path) == BARS


def test_the_next_split_corrects_nothing(stub, tmp_path):
    before = bars(stub, tmp_path)
    for ratio in (Decimal(7), Decimal(3), Decimal("0.1")):
        stub.market.actions.append(("AAPL", D("2020-12-01"), "split", ratio, None))
        after = bars(stub, tmp_path)
        if ratio < 1:  # shares that a reverse split has joined cannot be told apart again
            assert all(abs(a[5] - b[5]) <= 5 for a, b in zip(after, before, strict=True))
            after = [(*a[:5], b[5]) for a, b in zip(after, before, strict=True)]
        assert after == before
        actions = vendor_source("yfinance", stub, tmp_path, **WINDOW).actions(
            None, D("2020-08-03"), D("2020-11-30")
        )
        assert actions["value"].to_list() == [Decimal("0.8200"), Decimal(4), Decimal("0.2050")]
        stub.market.actions.pop()


def test_a_window_that_ends_before_the_split_undoes_it_all_the_same(stub, tmp_path):
    assert bars(stub, tmp_path, last="2020-08-28") == BARS[:2]
    assert bars(stub, tmp_path, first="2020-08-31") == BARS[2:]


def test_dividends_are_in_the_share_basis_of_their_day(stub, tmp_path):
    source = vendor_source("yfinance", stub, tmp_path, **WINDOW)
    actions = source.actions(None, D("2020-08-03"), D("2020-12-31"))
    assert actions[["ex_date", "action_type", "value"]].to_numpy().tolist() == [
        [D("2020-08-07"), "dividend", Decimal("0.8200")],
        [D("2020-08-31"), "split", Decimal(4)],
        [D("2020-11-06"), "dividend", Decimal("0.2050")],
    ]
    assert actions["announced"].to_list() == [None] * 3


def test_texts_are_undone_too_and_what_is_no_number_stays(stub, tmp_path):
    stub.fault = Fault("strings")
    assert bars(stub, tmp_path) == BARS
    stub.fault = Fault("text")
    assert bars(stub, tmp_path)[2][4] == "n/a"


@pytest.mark.parametrize(
    ("event", "what"),
    [({"numerator": 0}, "not a split"), ({"denominator": None}, "not a split"),
     ({"numerator": "<<NaN>>"}, "not a split"), ({"date": "soon"}, "without a day"), (None, "without a day")],
)  # fmt: skip
def test_a_split_that_cannot_be_read_spoils_the_answer(stub, tmp_path, monkeypatch, event, what):
    good = {"date": 1598880600, "numerator": 4, "denominator": 1}
    splits = {"1598880600": event and {**good, **event}}
    monkeypatch.setattr(vendor_formats, "_yahoo_events", lambda *_: {"splits": splits})
    with pytest.raises(RetryableError, match=what):
        bars(stub, tmp_path)


def test_a_refused_call_and_an_empty_answer_are_told_apart(stub, tmp_path):
    stub.fault = Fault("429")
    with pytest.raises(RetryableError, match="no usable answer of yfinance: HTTP 429"):
        list(vendor_source("yfinance", stub, tmp_path, **WINDOW).load_bars(["AAPL"], *WHEN))
    assert len(stub.asked) == 3  # the library by itself asks twice each time
    stub.fault = None
    with pytest.raises(RetryableError, match="no bar of AAPL on 2020-09-02"):
        bars(stub, tmp_path, first="2020-09-02", last="2020-09-02")
    assert bars(stub, tmp_path, first="2020-09-05", last="2020-09-07") == []  # a weekend and Labor Day


def test_one_call_a_symbol_written_with_a_dash(tmp_path):
    held = market()
    held.rows = [{**row, "symbol": "BRK.B"} for row in held.rows]
    with serve(held) as stub:
        source = vendor_source("yfinance", stub, tmp_path, **{**WINDOW, "symbols": "BRK.B"})
        assert source.instruments()["symbol"].to_list() == ["BRK.B"]
        stub.asked.clear()
        assert len(source.bars(None, D("2020-08-27"), D("2020-09-01"))) == 4
        assert [path.split("?")[0] for path, _ in stub.asked] == ["/v8/finance/chart/BRK-B"]


def test_an_unknown_symbol_is_told_by_name(stub, tmp_path):
    with pytest.raises(ConfigError, match=r"'NOSUCH'.*yfinance does not know it"):
        vendor_source("yfinance", stub, tmp_path, **{**WINDOW, "symbols": "NOSUCH"}).instruments()
    with pytest.raises(ConfigError, match="has no list to choose from"):
        vendor_source("yfinance", stub, tmp_path, **{**WINDOW, "symbols": ""}).instruments()
