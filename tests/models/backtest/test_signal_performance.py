import datetime as dt
import math
import time

import empyrical
import numpy as np
import pandas as pd
import pytest

from models.backtest.signal_performance import (
    TRADE_STATISTICS,
    cost_per_side,
    model_performance,
    portfolio_returns,
    signal_matrices,
    signal_trades,
    trade_statistics,
)
from models.errors import ConfigError, DataQualityError

NAN = math.nan
COST = 0.001


def market(sessions=160, symbols=5, seed=0, gaps=0.06):
    """Opens with single gaps, a long halt and a listing that ends; sides and sizes with missing rows."""
    rng = np.random.default_rng(seed)
    opens = 50 * np.exp(np.cumsum(rng.normal(0.0003, 0.02, (sessions, symbols)), axis=0))
    opens[rng.random(opens.shape) < gaps] = NAN
    opens[60:75, 0] = NAN
    opens[sessions - 30 :, 1] = NAN
    opens[:20, 2] = NAN
    sides = rng.choice([NAN, 0.0, 1.0, -1.0], opens.shape, p=[0.2, 0.3, 0.3, 0.2])
    return opens, sides, sides * rng.uniform(0, 0.4, opens.shape)


def slow_statistics(opens, sides, holding, cost, t):
    """As of session t, trade by trade, from nothing but the rows up to t."""
    opens, sides = opens[: t + 1], sides[: t + 1]
    net, correct, waiting = [], [], 0
    for n in range(opens.shape[1]):
        for s in range(t + 1):
            if math.isnan(sides[s, n]) or sides[s, n] == 0:
                continue
            if s + 1 > t:
                waiting += 1
                continue
            entry = opens[s + 1, n]
            if math.isnan(entry):
                continue
            exits = [e for e in range(s + 1 + holding, t + 1) if not math.isnan(opens[e, n])]
            if not exits:
                waiting += 1
                continue
            leave = opens[exits[0], n]
            spent = cost * entry + cost * leave
            net.append((sides[s, n] * (leave - entry) - spent) / entry)
            correct.append(sides[s, n] * (leave - entry) > 0)
    wins, losses = [r for r in net if r > 0], [r for r in net if r < 0]

    def mean(values):
        return sum(values) / len(values) if len(values) else NAN

    rate = len(wins) / len(net) if net else NAN
    return mean(net), rate, mean(wins), mean(losses), mean(correct), len(net), waiting


def slow_portfolio(opens, weights, cost):
    """An account in dollars and shares, bought and sold open by open."""
    sessions, symbols = opens.shape
    cash, shares, last, worth, started, out = 1.0, [0.0] * symbols, [NAN] * symbols, 1.0, False, []
    for t in range(sessions):
        for n in range(symbols):
            if not math.isnan(opens[t, n]):
                last[n] = opens[t, n]
        equity = cash + sum(q * p for q, p in zip(shares, last, strict=True) if q)
        fees = 0.0
        if t:
            wanted = [0.0 if math.isnan(w) else w for w in weights[t - 1]]
            scale = max(sum(abs(w) for w in wanted), 1.0)
            for n in range(symbols):
                if math.isnan(opens[t, n]):
                    continue
                change = wanted[n] / scale * equity / opens[t, n] - shares[n]
                if change:
                    started = True
                    shares[n] += change
                    cash -= change * opens[t, n]
                    fees += abs(change) * opens[t, n] * cost
        # Fees come out of every holding alike, so that the weights stay the wanted ones.
        keep = 1.0 - fees / equity
        cash, shares = cash * keep, [q * keep for q in shares]
        # Cash already held what the purchases left, so scaling both by keep pays the fees once.
        out.append((equity - fees) / worth - 1.0 if started else NAN)
        worth = equity - fees
    return out


@pytest.mark.parametrize("holding", [1, 5, 21])
def test_trades_equal_a_plain_loop_as_of_every_session(holding):
    opens, sides, _ = market()
    found = trade_statistics(signal_trades(opens, sides, holding, COST), len(opens))
    assert tuple(found) == TRADE_STATISTICS
    for t in range(0, len(opens), 3):
        expected = slow_statistics(opens, sides, holding, COST, t)
        np.testing.assert_allclose([found[n][t] for n in TRADE_STATISTICS], expected, rtol=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_portfolio_equals_an_account_in_shares(seed):
    opens, _, weights = market(seed=seed)
    expected = slow_portfolio(opens, weights, COST)
    found = portfolio_returns(opens, weights, COST)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    assert np.isnan(found[0]) and not np.isnan(found[5:]).any()


def test_one_trade_worked_by_hand():
    opens = np.array([[9.0], [10.0], [11.0], [12.0]])
    sides = np.array([[1.0], [-1.0], [0.0], [NAN]])
    trades = signal_trades(opens, sides, 1, 0.01)
    assert trades.decided.tolist() == [0, 1] and trades.exited.tolist() == [2, 3]
    np.testing.assert_allclose(trades.gross, [0.1, -1 / 11])
    np.testing.assert_allclose(trades.net, [0.1 - 0.01 * 2.1, -1 / 11 - 0.01 * (1 + 12 / 11)])


def test_no_exit_price_is_open_and_no_entry_price_is_no_trade():
    opens = np.array([[10.0, NAN], [10.0, NAN], [NAN, 5.0], [NAN, NAN], [11.0, NAN]])
    sides = np.zeros((5, 2))
    sides[0] = 1.0
    sides[1, 1] = 1.0
    found = trade_statistics(signal_trades(opens, sides, 1, 0.0), 5)
    assert found["open_trades"].tolist() == [2, 2, 2, 2, 1]
    assert found["total_trades"].tolist() == [0, 0, 0, 0, 1]
    np.testing.assert_allclose(found["avg_return"], [NAN] * 4 + [0.1])


def test_portfolio_worked_by_hand():
    opens = np.array([[10.0], [10.0], [11.0], [11.0]])
    weights = np.array([[0.5], [0.5], [0.0], [0.0]])
    found = portfolio_returns(opens, weights, 0.01)
    drifted = 0.5 * 1.1 / 1.05
    second = 1.05 * (1 - 0.01 * (drifted - 0.5)) - 1  # traded back to one half
    np.testing.assert_allclose(found, [NAN, -0.005, second, -0.005])


def test_a_missing_open_delays_the_return_and_loses_none():
    steady = np.array([[10.0], [10.0], [12.0], [15.0], [15.0]])
    gap = np.array([[10.0], [10.0], [NAN], [15.0], [15.0]])
    weights = np.full((5, 1), 1.0)
    np.testing.assert_allclose(portfolio_returns(steady, weights, 0.0)[1:], [0, 0.2, 0.25, 0])
    np.testing.assert_allclose(portfolio_returns(gap, weights, 0.0)[1:], [0, 0, 0.5, 0])


def test_sizes_beyond_the_capital_are_scaled_to_it():
    opens = np.array([[1.0, 1.0], [1.0, 1.0], [1.1, 0.9]])
    found = portfolio_returns(opens, np.tile([3.0, -1.0], (3, 1)), 0.0)
    assert found[2] == pytest.approx(0.75 * 0.1 + 0.25 * 0.1)


def test_a_lost_account_stays_lost():
    opens = np.array([[1.0], [1.0], [3.0], [1.0], [0.5]])
    found = portfolio_returns(opens, np.full((5, 1), -1.0), 0.0)
    np.testing.assert_array_equal(found, [NAN, 0, -1, 0, 0])


def head(frame, rows):
    return [frame[name].to_numpy()[:rows].tobytes() for name in frame.columns]


@pytest.mark.parametrize("t", [0, 1, 30, 70, 158])
def test_later_opens_and_signals_move_no_earlier_byte(t):
    opens, sides, weights = market()
    before = model_performance(range(160), opens, sides, weights, holding=5, cost=COST, risk_free_rate=0.02)
    for seed in (1, 2):
        other, other_sides, other_weights = market(seed=seed, gaps=0.3)
        mixed = [np.vstack([a[: t + 1], b[t + 1 :]]) for a, b in
                 ((opens, other), (sides, other_sides), (weights, other_weights))]  # fmt: skip
        after = model_performance(range(160), *mixed, holding=5, cost=COST, risk_free_rate=0.02)
        assert head(after, t + 1) == head(before, t + 1)
    short = [m[: t + 1] for m in (opens, sides, weights)]
    after = model_performance(range(t + 1), *short, holding=5, cost=COST, risk_free_rate=0.02)
    assert head(after, t + 1) == head(before, t + 1)


def test_portfolio_metrics_are_empyricals():
    opens, sides, weights = market()
    frame = model_performance(range(160), opens, sides, weights, holding=5, cost=COST, risk_free_rate=0.02)
    returns = portfolio_returns(opens, weights, COST)
    returns = returns[~np.isnan(returns)]
    last = frame.iloc[-1]
    assert last["total_return"] == pytest.approx(empyrical.cum_returns_final(returns), rel=1e-10)
    assert last["max_drawdown"] == pytest.approx(empyrical.max_drawdown(returns), rel=1e-10)
    daily = 1.02 ** (1 / 252) - 1
    assert last["sharpe_ratio"] == pytest.approx(empyrical.sharpe_ratio(returns, daily), rel=1e-10)
    assert frame["total_trades"].dtype == frame["open_trades"].dtype == np.int64
    assert frame["run_date"].tolist() == list(range(160))


def test_costs_only_lower_returns():
    opens, sides, weights = market()
    free, dear = (signal_trades(opens, sides, 5, c) for c in (0.0, COST))
    closed = ~np.isnan(free.net)
    assert (free.net[closed] == free.gross[closed]).all()
    assert (dear.net[closed] < free.net[closed]).all()
    start = 3
    cheaper, dearer = (portfolio_returns(opens, weights, c)[start:] for c in (0.0, COST))
    assert (dearer <= cheaper + 1e-15).all() and (dearer < cheaper).mean() > 0.9


def test_cost_per_side():
    opens = np.array([[10.0, 1.0, NAN]])
    cost = cost_per_side(opens, slippage_bps=5, commission_per_share=0.005, commission_minimum=1.0,
                         order_usd=5000.0)  # fmt: skip
    np.testing.assert_allclose(cost, [[0.0005 + 0.0005, 0.0005 + 0.005, NAN]])
    dear = cost_per_side(opens, slippage_bps=0, commission_per_share=0.005, commission_minimum=1.0,
                         order_usd=100.0)  # fmt: skip
    np.testing.assert_allclose(dear, [[0.01, 0.01, NAN]])
    with pytest.raises(ConfigError, match="order_usd"):
        cost_per_side(opens, slippage_bps=0, commission_per_share=0, commission_minimum=1, order_usd=0)


def test_costs_may_differ_by_session_and_symbol():
    opens, sides, weights = market()
    matrix = np.where(np.isnan(opens), NAN, COST)
    for function, last in ((portfolio_returns, ()), (lambda o, w, c: signal_trades(o, w, 5, c).net, ())):
        np.testing.assert_array_equal(function(opens, weights, matrix, *last), function(opens, weights, COST))
    assert not np.isnan(signal_trades(opens, sides, 5, matrix).net).all()


def test_signal_matrices_place_rows_by_session_and_symbol():
    days = [dt.date(2024, 7, d) for d in (1, 2, 3)]
    signals = pd.DataFrame({
        "symbol": ["B", "A", "A", "B"], "session_date": [days[0], days[0], days[2], days[2]],
        "side": ["long", "short", "flat", "long"], "position_size": [0.02, 0.05, 0.0, None],
    })  # fmt: skip
    sides, weights = signal_matrices(signals, days, ["A", "B"])
    np.testing.assert_array_equal(sides, [[-1, 1], [NAN, NAN], [0, 1]])
    np.testing.assert_array_equal(weights, [[-0.05, 0.02], [NAN, NAN], [0, NAN]])
    with pytest.raises(DataQualityError, match=r"unknown side.*'up'"):
        signal_matrices(signals.assign(side="up"), days, ["A", "B"])


@pytest.mark.parametrize(
    ("error", "opens", "sides", "holding"),
    [
        (DataQualityError, [[0.0]], [[1.0]], 5),
        (DataQualityError, [[math.inf]], [[1.0]], 5),
        (DataQualityError, [[1.0]], [[math.inf]], 5),
        (ConfigError, [[1.0]], [[1.0]], 0),
        (ConfigError, [[1.0]], [[1.0, 1.0]], 5),
    ],
)
def test_refusals(error, opens, sides, holding):
    with pytest.raises(error, match="performance"):
        signal_trades(np.array(opens), np.array(sides), holding, 0.0)


def test_three_models_over_the_sample_take_well_under_a_second():
    opens, sides, weights = market(sessions=3270)
    start = time.perf_counter()
    for _ in range(3):
        model_performance(range(3270), opens, sides, weights, holding=5, cost=COST, risk_free_rate=0.02)
    assert time.perf_counter() - start < 2.0  # 0.4 s on two quiet cores
