"""make backtest and make sweep on real Postgres: what they print, store, count and refuse."""

from __future__ import annotations

import numpy as np
import pytest

from models.backtest.grid import RESULTS, run_grid
from models.errors import ConfigError
from plugins.backtest.market import market_from_database
from plugins.backtest.orders import orders
from plugins.backtest.request import read_request
from plugins.backtest.run import backtest
from plugins.backtest.sweep import sweep
from tests.support.chain import query

TABLES = ("strategy_trials", "backtest_runs", "backtest_results", "backtest_equity", "backtest_trades")


@pytest.fixture(scope="module")
def home(small_chain, copy_database):
    """A database for this file's runs."""
    return copy_database(small_chain.name)


def request_of(settings, **given):
    return read_request({"STRATEGY": "rsi_reversion", **given}, settings)


def counts(home):
    return {t: query(home.reader, f"SELECT count(*) AS n FROM {t}")[0]["n"] for t in TABLES}


def test_a_backtest_is_stored_whole_and_only_once(home, small_settings, capsys):
    request = request_of(small_settings, SYMBOLS="AAPL", START="2005-01-03", CASH="50000")
    first = backtest(home.writer, request)
    printed = capsys.readouterr().out
    assert all(name in printed for name in RESULTS) and "survivors" in printed
    held = counts(home)
    assert backtest(home.writer, request) == first and counts(home) == held
    run = query(home.reader, f"SELECT * FROM backtest_runs WHERE id = {first}")[0]
    assert (run["form"], run["cash_usd"], str(run["first_session"])) == ("grid", 50000, "2005-01-03")
    assert run["data_version"] == market_from_database(home.reader, ["AAPL"]).data_version
    result = query(home.reader, f"SELECT * FROM backtest_results WHERE run_id = {first}")
    curve = query(home.reader, f"SELECT * FROM backtest_equity WHERE run_id = {first} ORDER BY date")
    trades = query(home.reader, f"SELECT * FROM backtest_trades WHERE run_id = {first} ORDER BY number")
    assert len(result) == 1 and result[0]["sessions"] == len(curve) == 252
    assert curve[-1]["equity_usd"] == result[0]["final_equity"] and curve[0]["equity_usd"] == 50000
    done = [t for t in trades if t["exit_date"]]
    assert len(done) == result[0]["trades"] > 0
    assert sum(t["profit_usd"] > 0 for t in done) / len(done) == pytest.approx(result[0]["win_rate"])
    assert run["parameters"]["strategies"][0]["parameters"]["oversold"] == 30


def test_the_grid_form_is_the_assessments_grid(home, small_settings):
    request = request_of(small_settings, FORM="grid")
    run_id = backtest(home.writer, request)
    market = market_from_database(home.reader)
    strategy = request.strategy()
    windows = np.array([[[0, count - 1]] for count in np.diff(market.offsets)])
    found = run_grid(
        market.bars, market.offsets, *orders(market, [strategy], request.rules), windows, market.benchmark,
        request.rules.cash_rate,
    )  # fmt: skip
    rows = query(home.reader, f"SELECT * FROM backtest_results WHERE run_id = {run_id} ORDER BY symbol")
    assert [row["symbol"] for row in rows] == list(market.symbols)
    stored = np.array([[np.nan if row[name] is None else row[name] for name in RESULTS] for row in rows])
    np.testing.assert_allclose(stored, found[0, :, 0], rtol=1e-9, atol=1e-12)


def test_a_portfolio_is_one_account(home, small_settings):
    request = request_of(small_settings, REBALANCE="week", MAX_WEIGHT="0.4", CASH_BUFFER="0.05", COSTS="slippage_bps=7")
    assert request.rules.slippage_bps == 7.0
    run_id = backtest(home.writer, request)
    rows = query(home.reader, f"SELECT * FROM backtest_results WHERE run_id = {run_id}")
    assert [row["symbol"] for row in rows] == [""]
    curve = query(home.reader, f"SELECT min(cash_usd) AS least FROM backtest_equity WHERE run_id = {run_id}")
    assert curve[0]["least"] >= 0
    traded = query(home.reader, f"SELECT DISTINCT symbol FROM backtest_trades WHERE run_id = {run_id}")
    assert {row["symbol"] for row in traded} <= {"AAPL", "GOOG", "MSFT"} and len(traded) > 1


def test_a_sweep_counts_every_configuration_once(home, small_settings, capsys):
    def trials():
        asked = "SELECT count(*) AS n FROM strategy_trials WHERE universe = 'MSFT'"
        return query(home.reader, asked)[0]["n"]

    request = request_of(small_settings, SYMBOLS="MSFT")
    run_id = sweep(home.writer, request, "oversold=25:35:5 exit_level=48,52")
    assert trials() == 6 and "configurations of rsi_reversion were tried" in capsys.readouterr().out
    assert sweep(home.writer, request, "oversold=25:35:5 exit_level=48,52") == run_id and trials() == 6
    assert sweep(home.writer, request, "oversold=30:40:5 exit_level=48,52") != run_id and trials() == 8
    again = request_of(small_settings, SYMBOLS="MSFT", PARAMETERS="oversold=25 exit_level=48")
    backtest(home.writer, again)
    assert trials() == 8
    rows = query(home.reader, f"SELECT count(DISTINCT trial_id) AS n FROM backtest_results WHERE run_id = {run_id}")
    assert rows[0]["n"] == 6


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"STRATEGY": "golden_cros"}, "did you mean golden_cross"),
        ({"STRATEGY": ""}, "unknown strategy"),
        ({"START": "2006-01-01", "END": "2005-01-01"}, "START lies after END"),
        ({"START": "soon"}, "YYYY-MM-DD"),
        ({"CASH": "-5"}, "from 1.0"),
        ({"CASH": "nan"}, "rule out of range"),
        ({"CASH": "much"}, "not a number"),
        ({"FORM": "both"}, "grid or portfolio"),
        ({"REBALANCE": "hourly"}, "change, session, week, month"),
        ({"MAX_WEIGHT": "0"}, "max_weight"),
        ({"PARAMETERS": "oversold"}, "name=value"),
        ({"PARAMETERS": "oversol=20"}, "did you mean oversold"),
        ({"PARAMETERS": "oversold=99"}, "from 1.0 to 45"),
        ({"SYMBOLS": "../x"}, "malformed symbol"),
    ],
)
def test_a_bad_request_is_refused(small_settings, given, words):
    with pytest.raises(ConfigError, match=words):
        request_of(small_settings, **given)


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        ("", "empty"),
        ("oversold=20:40", "range"),
        ("oversold=20:40:0", "range"),
        ("oversold=40:20:5", "range"),
        ("oversold=nan:20:5", "range"),
        ("oversold=20:60:5", "from 1.0 to 45"),
        ("low=1,2", "no such parameter"),
        ("oversold=20 oversold=30", "once"),
        ("oversold=1:45:0.01 exit_level=45:55:0.01", "too many"),
    ],
)
def test_a_bad_grid_is_refused(small_settings, grid, words):
    with pytest.raises(ConfigError, match=words):
        sweep("", request_of(small_settings), grid)


def test_symbols_and_sessions_not_held_are_refused(home, small_settings):
    with pytest.raises(ConfigError, match="did you mean AAPL"):
        backtest(home.writer, request_of(small_settings, SYMBOLS="AAPLE"))
    with pytest.raises(ConfigError, match="no bars from START to END"):
        backtest(home.writer, request_of(small_settings, START="2019-01-02"))
