"""The engine against vectorbt and backtesting.py on real bars: the same orders, the same account."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from models.backtest.book import GOAL, ORDER, STOP, TRADE
from models.backtest.curve import MEASURES
from models.backtest.grid import RESULTS, run_grid
from models.backtest.kernel import DIVIDEND, SPLIT, run_account
from models.backtest.portfolio import run_portfolio
from models.backtest.rules import Rules
from models.strategies.discovery import discover_strategies
from plugins.backtest.market import market_from_file
from plugins.backtest.orders import wanted
from tests.benchmarks.peers import (
    backtesting_script,
    bench_python,
    run_in_turn,
    vectorbt_script,
    vectorbt_stops_script,
)
from tests.support.models import TRAINED

SYMBOLS = ("AAPL", "AIG", "BA", "F", "GE", "KO", "MSFT", "XOM")
COSTS = Rules(
    cash=100_000.0, commission_per_share=0.0, commission_minimum=0.0, commission_bps=10.0, slippage_bps=5.0,
    borrow_rate=0.0, whole_shares=False,
)  # fmt: skip
# What vectorbt cannot say: more than the account's value (volatility_targeting), a drift band (balanced_portfolio);
# ml_ensemble reads predictions of trained models, and others trade one.
BEYOND = {"volatility_targeting", "balanced_portfolio", "ml_ensemble", *TRAINED}
# Compared with their stops, all of the account long, short or out; NAMES are compared by weights and without stops, for
# vectorbt has stops for signals only.
STOPPED = ("enhanced_momentum", "golden_cross", "mean_reversion", "rsi_reversion", "trend_following")
BRACKETED = ("AAPL", "F")
NAMES = sorted(set(discover_strategies().classes) - BEYOND)


@pytest.fixture(scope="module")
def python():
    found = bench_python("vectorbt")
    if not found:
        pytest.skip("no environment with the peers (BENCH_VENV, or make peers)")
    return found


@pytest.fixture(scope="module")
def market(shared_market):
    """Real bars with their splits; dividends off, for vectorbt knows of none."""
    found = market_from_file(shared_market, SYMBOLS)
    found.bars[:, DIVIDEND] = 0.0
    assert (np.diff(found.offsets) == len(found.sessions)).all()
    return found


def by_weights(market, file):
    """By strategy: our account's curve and measures; into the file what vectorbt is given."""
    shape = (len(SYMBOLS), len(market.sessions))
    factor = market.frame["split_factor"].to_numpy().reshape(shape).T
    opens, closes = (market.bars[:, i].reshape(shape).T * factor for i in (0, 3))
    sizes, kinds, ours = [], [], {}
    for name in NAMES:
        target, _, rules = wanted(market, discover_strategies().classes[name](), COSTS)
        target = np.nan_to_num(target)
        rules = rules._replace(stop_loss=np.nan, take_profit=np.nan, cash_rate=0.0)  # vectorbt has neither
        size = np.full(target.shape, np.nan)
        if rules.buys_amounts:
            size[1:] = np.where(target[:-1] != 0.0, target[:-1], np.nan)
        else:
            before = np.vstack([np.zeros((1, target.shape[1])), target[:-1]])
            size[1:] = np.where(target != before, target, np.nan)[:-1]
        sizes.append(size)
        kinds.append(int(rules.buys_amounts))
        rows = np.ascontiguousarray(target.T).reshape(1, -1)
        whole = np.tile([[[0, shape[1] - 1]]], (shape[0], 1, 1))
        none = np.full(rows.shape, np.nan)
        found = run_grid(
            market.bars, market.offsets, rows, none, np.array([-1]), np.array([rules], float), whole,
            market.benchmark, 0.0,
        )[0, :, 0]  # fmt: skip
        curves = np.empty((shape[1], shape[0]))
        for n in range(shape[0]):
            part = slice(market.offsets[n], market.offsets[n + 1])
            curve = np.empty(shape[1])
            run_account(market.bars[part], 0, shape[1] - 1, rows[0, part], none[0, part], rules, curve)
            curves[:, n] = curve
        ours[name] = curves, dict(zip(RESULTS, found.T, strict=True))
    np.savez(file, open=opens, close=closes, size=np.array(sizes), kind=kinds, fees=0.001, slippage=0.0005,
             cash=COSTS.cash)  # fmt: skip
    return ours


def by_stops(market, file):
    """By strategy with a stop: our curves and measures, and why our trades ended; into the file as above."""
    shape = (len(market.sessions), len(SYMBOLS))
    factor = market.frame["split_factor"].to_numpy()
    bars = market.bars.copy()  # in one share basis: vectorbt knows of no splits
    bars[:, :4] *= factor[:, None]
    bars[:, SPLIT] = 1.0
    columns = {name: bars[:, i].reshape(shape[::-1]).T for i, name in enumerate(("open", "high", "low", "close"))}
    sides, trails, table, ours = [], [], [], {}
    for name in STOPPED:
        target, trail, rules = wanted(market, discover_strategies().classes[name](), COSTS)
        target, trail = np.nan_to_num(target), trail * factor
        # Our targets are limit orders and do not slip; vectorbt's slip with its stops, or both do not.
        rules = rules._replace(cash_rate=0.0, slippage_bps=0.0 if rules.take_profit > 0.0 else COSTS.slippage_bps)
        assert set(np.unique(target)) <= {-1.0, 0.0, 1.0}
        curves, logs = np.empty(shape), []
        for n in range(shape[1]):
            part = slice(market.offsets[n], market.offsets[n + 1])
            curve, cash = np.empty(shape[0]), np.empty(shape[0])
            _, _, log = run_portfolio(
                bars[part], np.arange(shape[0])[:, None], 0, shape[0] - 1, np.ascontiguousarray(target[:, n : n + 1]),
                np.full((shape[0], 1), rules.band), trail[part], np.zeros(shape[0], bool), rules, curve, cash,
            )  # fmt: skip
            curves[:, n] = curve
            logs.append(log)
        rows = np.ascontiguousarray(target.T).reshape(1, -1)
        whole = np.tile([[[0, shape[0] - 1]]], (shape[1], 1, 1))
        found = run_grid(
            bars, market.offsets, rows, trail[None], np.array([0]), np.array([rules], float), whole,
            market.benchmark, 0.0,
        )[0, :, 0]  # fmt: skip
        ours[name] = curves, dict(zip(RESULTS, found.T, strict=True)), np.concatenate(logs)
        sides.append(target)
        trails.append(trail.reshape(shape[::-1]).T)
        table.append((rules.stop_loss, rules.take_profit, rules.slippage_bps / 1e4))
    stop, goal, slippage = np.array(table).T
    np.savez(file, **columns, side=sides, trail=trails, stop=stop, goal=goal, slippage=slippage, fees=0.001,
             cash=COSTS.cash)  # fmt: skip
    return ours


def by_bracket(market, symbol, file):
    """Our account's curve and trades with a stop and a target in one symbol; into the file what backtesting.py gets."""
    n = SYMBOLS.index(symbol)
    part = slice(market.offsets[n], market.offsets[n + 1])
    bars = market.bars[part].copy()
    factor = market.frame["split_factor"].to_numpy()[part]
    bars[:, :4] *= factor[:, None]
    bars[:, SPLIT] = 1.0
    rising = np.append(0.0, (bars[20:, 3] > bars[:-20, 3]).astype(float))
    target = np.concatenate([np.zeros(len(bars) - len(rising)), rising])
    for t in range(
        1, len(bars) - 1
    ):  # it takes no order whose stop or target the last close has passed already
        if target[t] > target[t - 1] and abs(bars[t + 1, 0] / bars[t, 3] - 1.0) > 0.015:
            target[t] = 0.0
    rules = COSTS._replace(commission_bps=0.0, slippage_bps=0.0, whole_shares=True, stop_loss=0.02, take_profit=0.03,
                           cash=1e6)  # fmt: skip
    equity, cash = np.empty(len(bars)), np.empty(len(bars))
    rows, none = np.arange(len(bars))[:, None], np.full(len(bars), np.nan)
    _, _, trades = run_portfolio(
        bars, rows, 0, len(bars) - 1, target[:, None], none[:, None], none, np.zeros(len(bars), bool), rules, equity,
        cash,
    )  # fmt: skip
    np.savez(file, prices=bars[:, :4], target=target, stop=0.02, goal=0.03, cash=1e6)
    return equity, trades


@pytest.fixture(scope="module")
def answers(python, market, tmp_path_factory):
    """By question: ours, and theirs as arrays."""
    folder = tmp_path_factory.mktemp("peers")
    asked = {"weights": (vectorbt_script(), by_weights), "stops": (vectorbt_stops_script(), by_stops)}
    for symbol in BRACKETED:
        asked[symbol] = backtesting_script(), partial(by_bracket, symbol=symbol)
    ours = {name: question(market, file=folder / f"{name}.npz") for name, (_, question) in asked.items()}
    run_in_turn(python, [(script, folder / f"{name}.npz", folder / f"{name}.out.npz")
                         for name, (script, _) in asked.items()])  # fmt: skip
    return {name: (ours[name], dict(np.load(folder / f"{name}.out.npz"))) for name in asked}


@pytest.fixture(scope="module")
def compared(answers):
    """By strategy: our account's curve and measures, and vectorbt's."""
    ours, theirs = answers["weights"]
    return {name: (ours[name], {k: values[i] for k, values in theirs.items()}) for i, name in enumerate(NAMES)}


@pytest.fixture(scope="module")
def stopped(answers):
    """By strategy with a stop: our curves and measures, why our trades ended, and vectorbt's."""
    ours, theirs = answers["stops"]
    return {name: (*ours[name], {k: values[i] for k, values in theirs.items()}) for i, name in enumerate(STOPPED)}


@pytest.mark.parametrize("name", NAMES)
def test_equal_to_vectorbt(compared, name):
    (curves, measures), theirs = compared[name]
    # An account that shorts without a stop may lose more than it has: ours ends what it holds, vectorbt goes on owing.
    ruined = (curves <= 0.0).cumsum(axis=0) > 0
    np.testing.assert_allclose(
        np.where(ruined, 0.0, curves), np.where(ruined, 0.0, theirs["equity"]), rtol=1e-9
    )
    alive = ~ruined[-1]
    assert alive.sum() >= len(SYMBOLS) - 2
    measures = {key: values[alive] for key, values in measures.items()}
    theirs = {key: theirs[key][..., alive] for key in ("positions", "wins", "total_return", "max_drawdown")}
    np.testing.assert_array_equal(measures["trades"], theirs["positions"])
    rate = theirs["wins"] / np.where(theirs["positions"] > 0, theirs["positions"], np.nan)
    np.testing.assert_array_equal(measures["win_rate"], rate)
    np.testing.assert_allclose(measures["total_return"], theirs["total_return"], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(measures["max_drawdown"], theirs["max_drawdown"], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", STOPPED)
def test_stops_equal_to_vectorbt(stopped, name):
    """Resting inside the bar from the entry's own on, filled at the open that jumps over them, the stop first."""
    curves, measures, log, theirs = stopped[name]
    np.testing.assert_allclose(curves, theirs["equity"], rtol=1e-9)
    np.testing.assert_array_equal(measures["trades"], theirs["positions"])
    np.testing.assert_array_equal(measures["win_rate"], theirs["wins"] / theirs["positions"])
    equity = theirs["equity"]
    np.testing.assert_allclose(measures["total_return"], equity[-1] / equity[0] - 1.0, rtol=1e-9, atol=1e-9)
    worst = (equity / np.maximum.accumulate(equity) - 1.0).min(axis=0)
    np.testing.assert_allclose(measures["max_drawdown"], worst, rtol=1e-9, atol=1e-9)
    reasons = log[~np.isnan(log[:, TRADE.index("exit_day")]), TRADE.index("reason")]
    assert (reasons == STOP).sum() > 20 and (reasons == ORDER).sum() > 20
    assert ((reasons == GOAL).sum() > 20) == (name == "mean_reversion")


def test_most_strategies_trade(compared):
    assert sum(found[0][1]["trades"].sum() > 10 for found in compared.values()) >= 9
    assert len(MEASURES) < len(RESULTS)


@pytest.mark.parametrize("symbol", BRACKETED)
def test_stops_and_targets_equal_to_backtesting_py(answers, symbol):
    (equity, trades), theirs = answers[symbol]
    np.testing.assert_allclose(equity, theirs["equity"], rtol=1e-9)
    done = trades[~np.isnan(trades[:, 3])]
    assert len(done) > 100 and {STOP, GOAL, ORDER} <= set(done[:, 9])
    np.testing.assert_array_equal(done[:, 2:4], np.column_stack([theirs["entry"], theirs["exit"]]))
    np.testing.assert_allclose(done[:, 7], theirs["profit"], rtol=1e-9, atol=1e-6)
