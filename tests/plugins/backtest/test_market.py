"""The market as arrays: from the database and from files, the same data gives the same."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from models.backtest.kernel import CLOSE, DIVIDEND, GAP, SPLIT, VOLATILITY
from models.errors import ConfigError
from models.strategies.trend.golden_cross import GoldenCross
from plugins.backtest.market import market_from_database, orders, panel
from tests.support.chain import query


@pytest.fixture(scope="module")
def market(small_chain):
    return market_from_database(small_chain.reader)


def test_rows_stand_symbol_below_symbol_and_name_their_session(small_chain, market):
    assert market.symbols == ("AAPL", "GOOG", "MSFT")
    assert len(market.bars) == market.offsets[-1] == len(market.frame) == len(market.row_session)
    first = query(small_chain.reader, "SELECT min(date) AS d FROM market_data WHERE symbol = 'GOOG'")[0]["d"]
    assert market.sessions[market.row_session[market.offsets[1]]] == np.datetime64(first)
    assert not market.synthetic and not market.has_delisted
    assert (market.bars[:, GAP] == 0).all()
    assert np.isnan(market.bars[market.offsets[:-1], VOLATILITY]).all()


def test_actions_stand_on_their_ex_dates(small_chain, market):
    stated = query(
        small_chain.reader,
        "SELECT symbol, ex_date, action_type, value::float8 AS value FROM corporate_actions",
    )
    inside = {(r["symbol"], np.datetime64(r["ex_date"]), r["action_type"]): r["value"] for r in stated}
    found = {}
    for row in range(len(market.bars)):
        key = (market.symbols[market.row_symbol[row]], market.sessions[market.row_session[row]])
        if market.bars[row, SPLIT] != 1.0:
            found[(*key, "split")] = market.bars[row, SPLIT]
        if market.bars[row, DIVIDEND] != 0.0:
            found[(*key, "dividend")] = market.bars[row, DIVIDEND]
    assert found == inside and len(found) > 3


def test_a_panel_is_what_the_daily_run_stored(small_chain, market):
    seen = panel(market, ["sma_20", "rsi_14"])
    rows = query(small_chain.reader, "SELECT symbol, date, sma_20, rsi_14 FROM features_technical")
    assert len(rows) == len(market.bars)
    place = {day: t for t, day in enumerate(market.sessions)}
    for row in rows:
        t, n = place[np.datetime64(row["date"])], market.symbols.index(row["symbol"])
        for name in ("sma_20", "rsi_14"):
            stored = np.nan if row[name] is None else row[name]
            np.testing.assert_array_equal(np.float32(seen[name][t, n]), np.float32(stored))


def test_the_version_names_the_data(small_chain, market):
    again = market_from_database(small_chain.reader)
    assert again.data_version == market.data_version
    assert market_from_database(small_chain.reader, symbols=["AAPL"]).data_version != market.data_version
    day = dt.date(2005, 11, 30)
    shorter = market_from_database(small_chain.reader, end=day)
    assert shorter.data_version != market.data_version and shorter.sessions[-1] == np.datetime64(day)


def test_the_benchmark_is_of_all_symbols_held(small_chain, market):
    one = market_from_database(small_chain.reader, symbols=["AAPL"])
    own = slice(market.offsets[0], market.offsets[1])
    np.testing.assert_array_equal(one.benchmark, market.benchmark[own])
    named = market_from_database(small_chain.reader, symbols=["AAPL"], benchmark="AAPL")
    frame = named.frame
    total = (frame["close"] * frame["return_factor"]).to_numpy()
    np.testing.assert_allclose(named.benchmark[1:], total[1:] / total[:-1] - 1.0, rtol=1e-13)


def test_start_moves_the_window_and_nothing_else(small_chain, market):
    later = market_from_database(small_chain.reader, start=dt.date(2005, 1, 1))
    assert later.data_version == market.data_version
    assert later.sessions[later.begin] == np.datetime64("2005-01-03")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"symbols": ["AAPX"]}, "AAPL"),
        ({"benchmark": "SPY"}, "no bars of this symbol"),
        ({"start": dt.date(2020, 1, 1)}, "2004-01-02 to 2005-12-30"),
        ({"end": dt.date(1999, 1, 1)}, "no bars"),
    ],
)
def test_what_is_not_held_is_refused(small_chain, arguments, words):
    with pytest.raises(ConfigError, match=words):
        market_from_database(small_chain.reader, **arguments)


def test_no_bars_at_all(database):
    with pytest.raises(ConfigError, match="no bars are held"):
        market_from_database(database.reader)


def test_orders_are_what_the_strategy_says(market):
    targets, trails, rules = orders(market, [GoldenCross()])
    scores = GoldenCross().score(panel(market, GoldenCross().features)).score
    np.testing.assert_array_equal(targets[0], scores[market.row_session, market.row_symbol])
    assert np.isnan(trails).all() and rules.shape[0] == 1
    assert (market.bars[:, CLOSE] > 0).all()
