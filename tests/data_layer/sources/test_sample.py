"""Facts of the sample that anybody can look up."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data_layer.features.adjustment import forward_factors
from data_layer.quality.action_checks import check_actions
from data_layer.quality.row_checks import check_rows
from data_layer.sessions import sessions_between
from data_layer.settings import parse_settings
from data_layer.sources.sample import SampleSource
from tests.support.chain import NOW

FIRST, LAST = dt.date(2000, 3, 1), dt.date(2013, 3, 1)
# As the companies declared them, per share held on the ex-date.
DECLARED = [
    ("AAPL", "2012-08-09", "2.65"),
    ("AAPL", "2012-11-07", "2.65"),
    ("MSFT", "2004-11-15", "3.08"),  # 3.00 special and 0.08
    ("MSFT", "2012-11-13", "0.23"),
    ("IBM", "2012-08-08", "0.85"),
    ("IBM", "2011-02-08", "0.65"),
]


@pytest.fixture(scope="module")
def source():
    return SampleSource(parse_settings(Path("/nowhere"), {}))


@pytest.fixture(scope="module")
def bars(source):
    return source.bars(None, FIRST, LAST)


@pytest.fixture(scope="module")
def actions(source):
    return source.actions(None, FIRST, LAST)


def test_it_holds_every_session(source):
    assert source.sessions() == sessions_between(FIRST, LAST)
    assert len(source.sessions()) == 3270


def test_every_row_is_a_possible_bar(bars):
    checked = check_rows(bars, source="sample", now=NOW)
    assert len(checked.accepted) == len(bars)
    assert checked.duplicates == 0 and checked.quarantined.empty


def test_symbols_enter_with_their_listing(source):
    held = source.instruments().set_index("symbol")
    assert held["active_from"].to_dict() == {
        "AAPL": FIRST,
        "FB": dt.date(2012, 5, 18),
        "GOOG": dt.date(2004, 8, 19),
        "IBM": FIRST,
        "MSFT": FIRST,
    }
    assert held["active_to"].isna().all()
    assert held.loc["GOOG", "sector"] == "Communication Services"


def test_the_fall_of_apple_in_september_2000_is_a_true_move(bars):
    apple = bars[bars["symbol"] == "AAPL"].set_index("date")["close"].astype(float)
    assert apple["2000-09-29"] / apple["2000-09-28"] - 1 == pytest.approx(-0.52, abs=0.005)


def test_splits_are_stated(actions):
    splits = actions[actions["action_type"] == "split"]
    assert list(zip(splits["symbol"], splits["ex_date"], splits["value"], strict=True)) == [
        ("AAPL", dt.date(2000, 6, 21), Decimal(2)),
        ("AAPL", dt.date(2005, 2, 28), Decimal(2)),
        ("MSFT", dt.date(2003, 2, 18), Decimal(2)),
    ]
    assert not splits["inferred"].any()


@pytest.mark.parametrize(("symbol", "day", "declared"), DECLARED)
def test_dividends_are_near_the_declared_ones_and_say_inferred(actions, symbol, day, declared):
    chosen = actions[(actions["symbol"] == symbol) & (actions["ex_date"] == dt.date.fromisoformat(day))]
    assert chosen["action_type"].to_list() == ["dividend"]
    assert chosen["inferred"].all()
    assert float(chosen["value"].iloc[0]) == pytest.approx(float(declared), rel=0.08)


def test_no_dividend_is_made_up(actions):
    paid = actions[actions["action_type"] == "dividend"]
    assert paid["inferred"].all()
    # Google and Facebook paid none in these years, Apple three from August 2012 on. IBM paid every quarter
    # from May 2000 to February 2013 (3 + 12 * 4 + 1), Microsoft twice in 2003 and in 2004, then every
    # quarter too.
    assert paid.groupby("symbol").size().to_dict() == {"AAPL": 3, "IBM": 52, "MSFT": 37}


def test_every_action_is_possible(bars, actions):
    closes = bars.assign(close=bars["close"].astype(float)).sort_values("date")
    wanted = actions[["symbol", "ex_date"]].assign(
        day=pd.to_datetime(actions["ex_date"]).astype("datetime64[us]")
    )
    before = closes.assign(date=closes["date"].astype("datetime64[us]"))
    eves = pd.merge_asof(
        wanted.sort_values("day"),
        before[["symbol", "date", "close"]],
        left_on="day",
        right_on="date",
        by="symbol",
        allow_exact_matches=False,
    )
    checked = check_actions(actions, eves[["symbol", "ex_date", "date", "close"]], source="sample")
    assert checked.quarantined.empty and len(checked.accepted) == len(actions)


def test_raw_prices_and_actions_rebuild_the_vendors_adjusted_close(source, bars, actions):
    typed = check_rows(bars, source="sample", now=NOW).accepted
    ours = forward_factors(typed, actions.astype({"value": float}))
    ours["vendor"] = source.rows["adj_close"].to_numpy(float)
    for symbol, rows in ours.groupby("symbol"):
        adjusted = (rows["close"] * rows["return_factor"]).to_numpy()
        vendor = rows["vendor"].to_numpy()
        # Both are known up to a constant: the vendor's series ends at the raw close, ours begins at it.
        error = np.abs(adjusted / adjusted[-1] / (vendor / vendor[-1]) - 1)
        assert error.max() < 0.01, (symbol, error.max())
