"""The grid: each cell is an account of its own, and what is found once for many of them is right for each."""

from __future__ import annotations

import numpy as np
import pytest

from models.backtest.daily import mean_daily_returns
from models.backtest.grid import RESULTS, run_grid
from models.backtest.kernel import DIVIDEND, LEFT, SPLIT, find_changes, find_events, run_account
from models.backtest.rules import Rules
from tests.models.backtest.test_kernel import make_bars

SESSIONS, SYMBOLS = 80, 2
WINDOWS = ((0, 79), (13, 40), (31, 79), (60, 66))


@pytest.fixture
def world():
    """Bars of two symbols with splits and dividends; two targets, of which the second has a trailing stop."""
    random = np.random.default_rng(3)
    parts = []
    for _ in range(SYMBOLS):
        close = 50.0 * np.exp(np.cumsum(random.normal(0, 0.02, SESSIONS)))
        bars = make_bars(np.column_stack([close, close * 1.01, close * 0.99, close]))
        bars[1:, SPLIT] = np.where(random.random(SESSIONS - 1) < 0.05, 2.0, 1.0)
        bars[1:, DIVIDEND] = np.where(random.random(SESSIONS - 1) < 0.05, 0.3, 0.0)
        parts.append(bars)
    targets = np.repeat(random.choice([0.0, 1.0, np.nan, -0.5], (2, SESSIONS * SYMBOLS // 5)), 5, axis=1)
    trail = np.where(random.random(SESSIONS * SYMBOLS) < 0.5, 2.0, np.nan)
    rules = np.array([Rules(cash_rate=1e-4), Rules(stop_loss=0.04)], float)
    return np.vstack(parts), targets, trail, rules


def test_a_window_in_the_midst_is_an_account_in_its_bars_alone(world):
    bars, targets, trail, rules = world
    windows = np.tile(np.array(WINDOWS), (SYMBOLS, 1, 1))
    offsets, nothing = np.arange(SYMBOLS + 1) * SESSIONS, np.full(len(bars), np.nan)
    found = run_grid(bars, offsets, targets, trail[None], np.array([-1, 0]), rules, windows, nothing, 0.0)
    column = {name: i for i, name in enumerate(RESULTS)}
    trades = 0.0
    for k, own in enumerate((Rules(cash_rate=1e-4), Rules(stop_loss=0.04))):
        for s in range(SYMBOLS):
            for w, (first, last) in enumerate(WINDOWS):
                part = slice(s * SESSIONS + first, s * SESSIONS + last + 1)
                alone, curve = bars[part].copy(), np.empty(last - first + 1)
                distance = trail[part] if k == 1 else np.full(len(curve), np.nan)
                account, held = run_account(alone, 0, last - first, targets[k, part], distance, own, curve)
                cell = found[k, s, w]
                assert cell[column["final_equity"]] == curve[-1] and cell[column["trades"]] == account.trades
                assert cell[column["exposure"]] == held / len(curve)
                assert cell[column["cost_drag"]] == account.costs / own.cash
                trades += account.trades
    assert trades > 20


def test_daily_returns_know_whose_trail_it_is(world):
    bars, targets, trail, rules = world
    offsets, sessions = np.arange(SYMBOLS + 1) * SESSIONS, np.tile(np.arange(SESSIONS), SYMBOLS)

    def returns(trails, trail_of):
        return mean_daily_returns(bars, offsets, sessions, targets, trails, trail_of, rules, 0, SESSIONS)[0]

    both = np.vstack([np.full(len(bars), np.nan), trail])
    np.testing.assert_array_equal(returns(trail[None], np.array([-1, 0])), returns(both, np.array([0, 1])))
    assert (returns(trail[None], np.array([-1, 0]))[1] != returns(both, np.array([-1, -1]))[1]).any()


def test_where_a_quiet_stretch_ends():
    bars = make_bars([(1.0, 1.0, 1.0, 1.0)] * 6)
    bars[1, SPLIT], bars[3, DIVIDEND], bars[4, 7] = 2.0, 0.1, LEFT
    events, changes = np.empty(6, np.int64), np.empty(7, np.int64)
    find_events(bars, events)
    assert events.tolist() == [1, 1, 3, 3, 4, 6]
    find_changes(np.array([1.0, 1.0, 0.5, np.nan, np.nan, 0.0]), changes)
    assert changes.tolist() == [0, 2, 2, 3, 4, 5, 6]
