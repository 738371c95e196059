"""Signals as trades and as an account: plain loops, cases by hand, and going on as from the beginning."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.backtest.signal_performance import (
    Market,
    book_as_json,
    book_from_json,
    lookback,
    measure_sessions,
)
from models.backtest.signal_portfolio import walk_portfolio
from models.backtest.signal_trades import Said, signal_trades

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


def trades_of(opens, sides, holding, cost, steps=None):
    """Trades by adjusted opens, which have steps of 1, with one cost for all."""
    whole = np.ones(opens.shape)
    return signal_trades(opens, whole if steps is None else steps, sides, whole * 0.5, holding, whole * cost)


def returns_of(opens, weights, cost):
    ones = np.ones(opens.shape)
    names = tuple(f"S{n:02}" for n in range(opens.shape[1]))
    return walk_portfolio(opens, ones, weights, ones * cost, names)[0]["net_return"]


def measured(opens, sides, weights, holding=5, steps=None):
    days = np.arange(len(opens)).astype("datetime64[D]")
    names = tuple(f"S{n:02}" for n in range(opens.shape[1]))
    ones = np.ones(opens.shape)
    whole = Market(days, names, opens, ones if steps is None else steps)
    said = Said(sides, weights, np.where(sides != 0, weights, NAN), np.abs(weights) / 0.4)
    return measure_sessions(whole, said, ones * COST, holding, days[max(len(days) - lookback(holding), 0)])


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
    opens, sides, weights = market()
    found, _ = measured(opens, sides, weights, holding)
    total = {name: np.cumsum(values) for name, values in found.items()}
    for t in range(0, len(opens), 3):
        mean, rate, win, loss, right, closed, waiting = slow_statistics(opens, sides, holding, COST, t)
        assert total["closed"][t] == closed
        assert total["signals"][t] - total["expired"][t] - closed == waiting
        if closed:
            np.testing.assert_allclose(total["net_sum"][t] / closed, mean, rtol=1e-9)
            np.testing.assert_allclose(total["wins"][t] / closed, rate)
            np.testing.assert_allclose(total["correct"][t] / closed, right)
        if total["wins"][t]:
            np.testing.assert_allclose(total["win_sum"][t] / total["wins"][t], win, rtol=1e-9)
        if total["losses"][t]:
            np.testing.assert_allclose(total["loss_sum"][t] / total["losses"][t], loss, rtol=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_portfolio_equals_an_account_in_shares(seed):
    opens, _, weights = market(seed=seed)
    expected = slow_portfolio(opens, weights, COST)
    found = returns_of(opens, weights, COST)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    assert np.isnan(found[0]) and not np.isnan(found[5:]).any()


def test_one_trade_worked_by_hand():
    opens = np.array([[9.0], [10.0], [11.0], [12.0]])
    sides = np.array([[1.0], [-1.0], [0.0], [NAN]])
    trades = trades_of(opens, sides, 1, 0.01)
    assert trades.decided.tolist() == [0, 1] and trades.exited.tolist() == [2, 3]
    np.testing.assert_allclose(trades.gross, [0.1, -1 / 11])
    np.testing.assert_allclose(trades.net, [0.1 - 0.01 * 2.1, -1 / 11 - 0.01 * (1 + 12 / 11)])


def test_a_split_and_a_dividend_are_no_loss():
    opens = np.array([[20.0], [20.0], [10.0], [9.0]])
    steps = np.array([[1.0], [1.0], [2.0], [10 / 9]])  # 2 for 1, then a tenth paid out
    sides = np.array([[1.0], [NAN], [NAN], [NAN]])
    assert trades_of(opens, sides, 2, 0.0, steps).gross.tolist() == [0.0]
    flows, _ = walk_portfolio(opens, steps, np.full((4, 1), 1.0), np.zeros((4, 1)), ("A",))
    np.testing.assert_allclose(flows["net_return"][1:], 0.0, atol=1e-15)


def test_no_exit_price_is_open_and_no_entry_price_is_no_trade():
    opens = np.array([[10.0, NAN], [10.0, NAN], [NAN, 5.0], [NAN, NAN], [11.0, NAN]])
    sides = np.zeros((5, 2))
    sides[0] = 1.0
    sides[1, 1] = 1.0
    found, _ = measured(opens, sides, sides * 0.1, holding=1)
    total = {name: np.cumsum(values) for name, values in found.items()}
    assert (total["signals"] - total["expired"] - total["closed"]).tolist() == [2, 2, 2, 2, 1]
    assert total["closed"].tolist() == [0, 0, 0, 0, 1]


def test_portfolio_worked_by_hand():
    opens = np.array([[10.0], [10.0], [11.0], [11.0]])
    weights = np.array([[0.5], [0.5], [0.0], [0.0]])
    ones = np.ones(opens.shape)
    flows, _ = walk_portfolio(opens, ones, weights, ones * 0.01, ("A",))
    drifted = 0.5 * 1.1 / 1.05
    second = 1.05 * (1 - 0.01 * (drifted - 0.5)) - 1  # traded back to one half
    np.testing.assert_allclose(flows["net_return"], [NAN, -0.005, second, -0.005])
    np.testing.assert_allclose(flows["gross_return"], [NAN, 0, 0.05, 0], atol=1e-15)
    np.testing.assert_allclose(flows["turnover"], [NAN, 0.5, drifted - 0.5, 0.5])
    np.testing.assert_allclose(flows["cost"], flows["turnover"] * 0.01)
    np.testing.assert_allclose(flows["gross_exposure"], [NAN, 0.5, 0.5, 0])


def test_a_missing_open_delays_the_return_and_loses_none():
    steady = np.array([[10.0], [10.0], [12.0], [15.0], [15.0]])
    gap = np.array([[10.0], [10.0], [NAN], [15.0], [15.0]])
    weights = np.full((5, 1), 1.0)
    np.testing.assert_allclose(returns_of(steady, weights, 0.0)[1:], [0, 0.2, 0.25, 0])
    np.testing.assert_allclose(returns_of(gap, weights, 0.0)[1:], [0, 0, 0.5, 0])


def test_sizes_beyond_the_capital_are_scaled_to_it():
    opens = np.array([[1.0, 1.0], [1.0, 1.0], [1.1, 0.9]])
    found = returns_of(opens, np.tile([3.0, -1.0], (3, 1)), 0.0)
    assert found[2] == pytest.approx(0.75 * 0.1 + 0.25 * 0.1)


def test_a_lost_account_stays_lost():
    opens = np.array([[1.0], [1.0], [3.0], [1.0], [0.5]])
    found = returns_of(opens, np.full((5, 1), -1.0), 0.0)
    np.testing.assert_array_equal(found, [NAN, 0, -1, 0, 0])


def head(series, rows):
    return [values[:rows].tobytes() for _, values in sorted(series.items())]


@pytest.mark.parametrize("t", [0, 1, 30, 70, 158])
def test_later_opens_and_signals_move_no_earlier_byte(t):
    before, _ = measured(*market())
    for seed in (1, 2):
        mixed = [np.vstack([a[: t + 1], b[t + 1 :]]) for a, b in
                 zip(market(), market(seed=seed, gaps=0.3), strict=True)]  # fmt: skip
        after, _ = measured(*mixed)
        assert head(after, t + 1) == head(before, t + 1)
    after, _ = measured(*(m[: t + 1] for m in market()))
    assert head(after, t + 1) == head(before, t + 1)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000), holding=st.sampled_from([1, 5, 30]), gaps=st.sampled_from([0.0, 0.05, 0.6]),
    cuts=st.lists(st.integers(1, 139), min_size=1, max_size=6, unique=True),
)  # fmt: skip
def test_going_on_gives_the_bits_of_the_beginning(seed, holding, gaps, cuts):
    """Each piece sees only its window and, of the columns, only those with something in it."""
    opens, sides, weights = market(140, seed=seed, gaps=gaps)
    rng = np.random.default_rng(seed)
    steps = np.where(rng.random(opens.shape) < 0.05, rng.choice([2.0, 1.01], opens.shape), 1.0)
    steps[:, 0] = 1.0  # symbol 0 is halted for longer than a window: the stage starts anew when it comes back
    opens[40:, 3] = NAN
    whole, end = measured(opens, sides, weights, holding, steps)
    days = np.arange(140).astype("datetime64[D]")
    names = [f"S{n:02}" for n in range(5)]
    book, parts, done, keep = None, [], 0, days[0]
    for cut in [*sorted(cuts), 140]:
        first = int(np.searchsorted(days, keep))
        rows = slice(first, cut)
        seen = ~np.isnan(opens[rows]).all(axis=0) | (np.nan_to_num(sides[rows]) != 0).any(axis=0)
        kept = [n for n in range(5) if seen[n] or (book and names[n] in book.symbols)]
        piece = Market(days[rows], tuple(names[n] for n in kept), opens[rows, :][:, kept], steps[rows, :][:, kept])
        part = [m[rows, :][:, kept] for m in (sides, weights)]
        said = Said(*part, np.where(part[0] != 0, part[1], NAN), np.abs(part[1]) / 0.4)
        keep = days[max(cut - lookback(holding), first)]
        cost = np.full(piece.opens.shape, COST)
        series, book = measure_sessions(piece, said, cost, holding, keep, book, done - first)
        book = book_from_json(book_as_json(book))
        parts.append(series)
        done = cut
    for name, values in whole.items():
        assert np.concatenate([part[name] for part in parts]).tobytes() == values.tobytes(), name
    assert book == end


def test_costs_only_lower_returns():
    opens, sides, weights = market()
    free, dear = (trades_of(opens, sides, 5, c) for c in (0.0, COST))
    closed = ~np.isnan(free.net)
    assert (free.net[closed] == free.gross[closed]).all()
    assert (dear.net[closed] < free.net[closed]).all()
    cheaper, dearer = (returns_of(opens, weights, c)[3:] for c in (0.0, COST))
    assert (dearer <= cheaper + 1e-15).all() and (dearer < cheaper).mean() > 0.9
