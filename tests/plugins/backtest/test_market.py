"""The market as arrays: from the database and from files, the same data gives the same."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from models.backtest.kernel import CLOSE, DIVIDEND, GAP, LEFT, MISSED, SPLIT, VOLATILITY
from models.errors import ConfigError
from models.strategies.trend.golden_cross import GoldenCross
from plugins.backtest.market import market_from_database, market_from_file
from plugins.backtest.orders import Orders, joined, orders, panel
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
    targets, trails, trail_of, rules = orders(market, [GoldenCross()])
    scores = GoldenCross().score(panel(market, GoldenCross().features)).score
    np.testing.assert_array_equal(targets[0], scores[market.row_session, market.row_symbol])
    assert np.isnan(trails).all() and trail_of.tolist() == [-1] and rules.shape[0] == 1
    assert (market.bars[:, CLOSE] > 0).all()


def write_file(folder, **changes):
    """Two symbols over ten sessions in a file; GONE has left after six."""
    days = pd.bdate_range("2015-01-05", periods=10)
    rows = [
        {"symbol": symbol, "date": day.date(), "open": 10.0, "high": 11.0, "low": 9.0, "close": 10.0, "volume": 1000,
         "dividend": 0.0, "split_ratio": 1.0, "sector": "Energy"}
        for symbol, count in (("GONE", 6), ("STAYS", 10)) for day in days[:count]
    ]  # fmt: skip
    for (place, column), value in changes.get("cells", {}).items():
        rows[place][column] = value
    rows = [row for i, row in enumerate(rows) if i not in changes.get("missing", ())]
    path = folder / "bars.parquet"
    pd.DataFrame(rows).to_parquet(path)
    return path


def test_a_file_tells_who_has_left_what_is_missing_and_what_cannot_be_true(tmp_path):
    cells = {(8, "split_ratio"): 2.0, (8, "dividend"): 0.3, (13, "dividend"): 50.0, (2, "high"): 1.0}
    found = market_from_file(write_file(tmp_path, cells=cells, missing=(10,)))
    assert found.symbols == ("GONE", "STAYS") and found.has_delisted and found.sectors["GONE"] == "Energy"
    assert found.refused == 2  # a high below the low, a dividend above the price
    gaps = {(int(r), g) for r, g in enumerate(found.bars[:, GAP]) if g}
    # GONE lacks its third session and ends with its fifth row; STAYS lacks its fifth.
    assert gaps == {(2, MISSED), (4, LEFT), (9, MISSED)}
    assert found.bars[7, SPLIT] == 2.0 and found.bars[7, DIVIDEND] == 0.3 and found.known_at is None


def test_an_action_without_a_bar_counts_on_the_next_one_in_its_share_basis(tmp_path):
    cells = {(8, "dividend"): 0.4, (9, "split_ratio"): 2.0}
    path = write_file(tmp_path, cells=cells)
    frame = pd.read_parquet(path)
    frame.loc[8, ["open", "high", "low", "close"]] = -1.0  # the gate leaves the bar out, not its dividend
    frame.to_parquet(path)
    found = market_from_file(path)
    row = found.offsets[1] + 2
    assert found.bars[row, SPLIT] == 2.0 and found.bars[row, DIVIDEND] == pytest.approx(0.2)
    assert found.frame["return_factor"].iloc[row] == pytest.approx(2.0 / (1.0 - 0.4 / 10.0))


def test_only_symbols_asked_for_and_who_left_is_judged_by_all(tmp_path):
    path = write_file(tmp_path)
    assert market_from_file(path, ["GONE"]).has_delisted
    assert not market_from_file(path, ["STAYS"]).has_delisted


@pytest.mark.parametrize(("symbols", "is_plausible"), [(50, True), (210, False)])
def test_one_leaver_among_hundreds_is_still_a_list_of_survivors(tmp_path, symbols, is_plausible):
    """Two years of so many shares, one of which leaves half a year before the end; of 420 years two would have to."""
    days = pd.bdate_range("2015-01-05", periods=504)
    bar = {"open": 10.0, "high": 11.0, "low": 9.0, "close": 10.0, "volume": 1000}
    parts = [pd.DataFrame({"date": days.date, **bar}).assign(symbol=f"S{i}") for i in range(symbols)]
    parts[0] = parts[0].iloc[:-126]
    path = tmp_path / "bars.parquet"
    pd.concat(parts).to_parquet(path)
    assert market_from_file(path).has_delisted is is_plausible


def test_what_works_on_files_imports_no_driver_and_reads_before_anything_compiled():
    script = """
import sys
from plugins.backtest import assess
import plugins.backtest.received
print(*sys.modules)
import plugins.backtest.assess_bars
print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    reading, all_of_it = (set(line.split()) for line in done.stdout.splitlines())
    assert not {"psycopg", "adbc_driver_postgresql", "urllib3", "scipy.linalg"} & all_of_it
    assert "numba" in all_of_it - reading


def test_orders_put_together_keep_their_own_trails():
    def part(trails, trail_of):
        count = len(trail_of)
        none = np.zeros((count, 2))
        return Orders(none, np.full((trails, 2), float(trails)), np.array(trail_of), none)

    found = joined([part(1, [-1, 0]), part(0, [-1]), part(2, [1, 0])])
    assert found.trail_of.tolist() == [-1, 0, -1, 2, 1] and found.trails[:, 0].tolist() == [1.0, 2.0, 2.0]
    assert len(found.targets) == len(found.rules) == 5
