"""The engine: cases worked by hand, and what must hold on any bars."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.backtest.kernel import DIVIDEND, GAP, SPLIT, run_account
from models.backtest.rules import Rules, checked_rules
from models.errors import ConfigError

FREE = Rules(
    cash=1000.0, commission_per_share=0.0, commission_minimum=0.0, slippage_bps=0.0, borrow_rate=0.0, whole_shares=False
)  # fmt: skip


def make_bars(prices):
    """Return bars [T, 9] from (open, high, low, close) rows, a million shares a day, no actions."""
    prices = np.asarray(prices, dtype=float)
    rest = np.tile([1e6, 1.0, 0.0, 0.0, 0.02], (len(prices), 1))
    return np.ascontiguousarray(np.hstack([prices, rest]))


def trade(bars, target, rules=FREE, trail=None):
    equity = np.empty(len(bars))
    trail = np.full(len(bars), np.nan) if trail is None else np.asarray(trail, dtype=float)
    account, held = run_account(bars, 0, len(bars) - 1, np.asarray(target, float), trail, rules, equity)
    return account, equity, held


def flat(price, times):
    return [(price, price, price, price)] * times


def test_decided_at_the_close_filled_at_the_next_open():
    bars = make_bars([(10, 10, 10, 10), (20, 20, 20, 20), (40, 50, 40, 50), (25, 25, 25, 25)])
    account, equity, held = trade(bars, [1, 1, 0, 0])
    assert equity.tolist() == [1000, 1000, 2500, 1250]  # 50 shares bought at 20, sold at 25
    assert (account.trades, account.wins, account.won, held) == (1, 1, 250, 2)


def test_whole_shares_leave_the_rest_in_cash_and_costs_come_off():
    rules = FREE._replace(whole_shares=True, commission_per_share=0.01, commission_minimum=1.0, slippage_bps=100)
    account, equity, _ = trade(make_bars(flat(99.0, 3)), [1, 1, 1], rules)
    # 99 x 1.01 = 99.99 a share; ten would be 999.90 and leave no dollar for the commission.
    assert account.shares == 9 and account.cash == pytest.approx(1000 - 9 * 99.99 - 1.0)
    assert equity[-1] == pytest.approx(1000 - 9 * 0.99 - 1.0)
    assert account.costs == pytest.approx(9 * 0.99 + 1.0)


def test_a_split_keeps_the_value_and_pays_the_fraction_out():
    bars = make_bars([*flat(300.0, 2), *flat(200.0, 2)])
    bars[2, SPLIT] = 1.5
    account, equity, _ = trade(bars, [1, 1, 1, 1], FREE._replace(whole_shares=True))
    assert account.shares == 4 and account.cash == pytest.approx(100 + 0.5 * 200)  # 3 -> 4.5
    assert equity.tolist() == [1000] * 4
    assert account.entry == pytest.approx(200)


def test_a_dividend_is_per_share_after_the_split_of_its_day_and_part_of_the_trade():
    bars = make_bars([*flat(100.0, 2), *flat(49.0, 2)])
    bars[2, SPLIT], bars[2, DIVIDEND] = 2.0, 1.0
    account, equity, _ = trade(bars, [1, 1, 0, 0])
    assert equity[-1] == pytest.approx(1000)  # 20 shares x 49 + 20
    assert account.trades == 1 and account.wins + account.losses == 0
    account, _, _ = trade(bars, [-1, -1, -1, -1])
    assert account.cash == pytest.approx(2000 - 20)  # who is short pays it


@pytest.mark.parametrize(
    ("bar", "rules", "price"),
    [
        ((100, 101, 94, 99), {"stop_loss": 0.05}, 95),  # inside the bar
        ((90, 92, 89, 91), {"stop_loss": 0.05}, 90),  # jumped over: at the open
        ((100, 111, 99, 105), {"take_profit": 0.1}, 110),
        ((115, 116, 114, 115), {"take_profit": 0.1}, 115),
        ((100, 111, 94, 105), {"stop_loss": 0.05, "take_profit": 0.1}, 95),  # both: the stop counts
    ],
)
def test_stops_and_targets(bar, rules, price):
    account, equity, _ = trade(make_bars([*flat(100.0, 2), bar, bar]), [1] * 4, FREE._replace(**rules))
    assert account.shares == 0 and equity[-1] == pytest.approx(10 * price)  # and not entered again


def test_a_short_is_stopped_above():
    bars = make_bars([*flat(100.0, 2), (100, 106, 99, 101), (101, 101, 101, 101)])
    account, equity, _ = trade(bars, [-1] * 4, FREE._replace(stop_loss=0.05))
    assert account.shares == 0 and equity[-1] == pytest.approx(950)


def test_after_a_stop_the_target_must_turn_before_a_new_entry():
    bars = make_bars([*flat(100.0, 2), (100, 100, 90, 100), *flat(100.0, 4)])
    account, _, held = trade(bars, [1, 1, 1, 1, 0, 1, 1], FREE._replace(stop_loss=0.05))
    assert account.trades == 1 and held == 2 and account.shares > 0


def test_stops_judged_at_the_close_fill_at_the_next_open():
    bars = make_bars([*flat(100.0, 2), (100, 100, 90, 99), (99, 99, 94, 94), (93, 93, 93, 93), *flat(90, 1)])
    account, equity, _ = trade(bars, [1] * 6, FREE._replace(stop_loss=0.05, stops_at_close=True))
    assert account.shares == 0 and equity[-1] == pytest.approx(930)


def test_a_stop_judged_at_the_close_leaves_at_the_first_bar_there_is():
    bars = make_bars([*flat(100.0, 2), (100, 100, 90, 94), (80, 80, 80, 80), (70, 70, 70, 70), *flat(90, 1)])
    bars[3, GAP] = 1.0  # the session after the stop has no bar: its order expires, the next one does not
    account, equity, _ = trade(bars, [1] * 6, FREE._replace(stop_loss=0.05, stops_at_close=True))
    assert account.shares == 0 and equity[-1] == pytest.approx(700)


def test_a_trailing_stop_follows_the_high_of_the_bars_before_and_never_gives_way():
    bars = make_bars([*flat(100.0, 2), (100, 120, 100, 118), (118, 119, 111, 112), (112, 113, 109, 110)])
    _, equity, _ = trade(bars, [1] * 5, trail=[10, 10, 10, 30, 30])
    assert equity[-1] == pytest.approx(1100)  # 120 - 10, hit by the last bar's low
    assert equity[3] == pytest.approx(1120)


def test_an_order_does_not_outlive_a_session_without_a_bar():
    bars = make_bars([*flat(10.0, 1), *flat(20.0, 1), *flat(40.0, 2)])
    bars[1, GAP] = 1.0
    _, equity, _ = trade(bars, [1, 1, 1, 1])
    assert equity.tolist() == [1000] * 4  # bought at 40, not at 20
    _, equity, _ = trade(bars, [1, 0, 0, 0])
    assert equity.tolist() == [1000] * 4


def test_a_band_leaves_small_drifts_alone():
    bars = make_bars([*flat(100.0, 2), *flat(110.0, 1), *flat(200.0, 2)])
    account, _, _ = trade(bars, [0.5] * 5, FREE._replace(band=0.05))
    # 5 shares; 110: weight 0.524 stays; 200: weight 0.667 trades back to half of 1,500.
    assert account.shares == pytest.approx(3.75)


def test_a_band_does_not_keep_a_small_target_from_being_bought():
    account, _, _ = trade(make_bars(flat(100.0, 4)), [0.0, 0.0, 0.03, 0.03], FREE._replace(band=0.05))
    assert account.shares == pytest.approx(0.3)


def test_amounts_buy_more_until_the_money_is_gone():
    account, _, _ = trade(make_bars(flat(10.0, 5)), [400, 0, 400, 400, 400], FREE._replace(buys_amounts=True))
    assert account.shares == pytest.approx(100) and account.cash == pytest.approx(0)


def test_leverage_costs_interest():
    rules = FREE._replace(borrow_rate=0.001)
    account, equity, _ = trade(make_bars(flat(100.0, 3)), [1.5] * 3, rules)
    assert account.shares == pytest.approx(15) and equity[-1] == pytest.approx(1000 - 0.5)


def test_an_account_that_has_lost_all_ends_what_it_holds_and_never_trades_again():
    bars = make_bars([*flat(100.0, 3), *flat(180.0, 1), *flat(260.0, 2), *flat(100.0, 4)])
    account, equity, held = trade(bars, [-1] * 10)
    # Ten shares sold at 100 are bought back at 260, the open after the close that took all.
    assert equity.tolist() == [1000, 1000, 1000, 200, -600, -600, -600, -600, -600, -600]
    assert (account.shares, account.trades, held) == (0, 1, 4)
    again = [-1] * 5 + [0, 1, -1, 1, 1]
    assert trade(bars, again)[1].tolist() == equity.tolist()


def test_a_loan_that_takes_all_ends_the_account():
    bars = make_bars([*flat(100.0, 2), *flat(40.0, 1), *flat(20.0, 1), *flat(90.0, 3)])
    _, equity, _ = trade(bars, [2.0] * 7)
    # 20 shares for 2,000, of which 1,000 are owed: at 40 they are worth 800. They go at 20.
    assert equity.tolist() == [1000, 1000, -200, -600, -600, -600, -600]


def test_what_is_lost_within_the_night_is_back_in_cash_and_stays_there():
    bars = make_bars([*flat(100.0, 2), *flat(210.0, 1), *flat(150.0, 1), *flat(300.0, 3)])
    _, equity, _ = trade(bars, [-1] * 7)
    assert equity.tolist() == [1000, 1000, -100, 500, 500, 500, 500]


def test_a_reversal_is_two_trades():
    account, equity, _ = trade(make_bars([*flat(100.0, 2), *flat(110, 1), *flat(99, 2)]), [1, -1, 0, 0, 0])
    assert account.trades == 2 and account.wins == 2 and equity[-1] == pytest.approx(1100 * 1.1)


def test_impact_grows_with_the_share_of_the_volume():
    rules = FREE._replace(root_impact=1.0)
    small, _, _ = trade(make_bars(flat(100.0, 3)), [1] * 3, rules)
    large, _, _ = trade(make_bars(flat(100.0, 3)), [1] * 3, rules._replace(cash=1_000_000.0))
    # 0.02 x sqrt(10 / 1e6), and with a thousand times the money the root of that.
    assert small.costs / small.traded == pytest.approx(0.02 * math.sqrt(1e-5), rel=1e-3)
    assert large.costs / large.traded == pytest.approx(0.02 * math.sqrt(1e-2), rel=1e-2)


@pytest.mark.parametrize(("name", "value"), [("cash", 0.0), ("stop_loss", 5.0), ("slippage_bps", math.nan)])
def test_rules_out_of_range_are_refused(name, value):
    with pytest.raises(ConfigError, match=name):
        checked_rules(Rules()._replace(**{name: value}))


@st.composite
def markets(draw):
    length = draw(st.integers(2, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    close = 50 * np.exp(np.cumsum(rng.normal(0, 0.03, length)))
    open_ = np.r_[50, close[:-1]] * np.exp(rng.normal(0, 0.02, length))
    high = np.maximum(open_, close) * (1 + rng.random(length) * 0.03)
    low = np.minimum(open_, close) * (1 - rng.random(length) * 0.03)
    bars = make_bars(np.column_stack([open_, high, low, close]))
    bars[:, GAP] = rng.random(length) < 0.1
    target = rng.choice(draw(st.sampled_from([[0, 1], [0, 0.5, 1], [np.nan, 0, 1]])), length)
    rules = Rules(
        whole_shares=draw(st.booleans()),
        stops_at_close=draw(st.booleans()),
        stop_loss=draw(st.sampled_from([math.nan, 0.03])),
        take_profit=draw(st.sampled_from([math.nan, 0.05])),
        band=draw(st.sampled_from([math.nan, 0.05])),
    )
    return bars, target, rules


@settings(deadline=None)
@given(markets())
def test_cash_never_negative_and_the_books_balance(market):
    bars, target, rules = market
    for last in range(1, len(bars)):
        part = bars[: last + 1]
        account, equity, _ = trade(part, target[: last + 1], rules)
        assert account.cash >= -1e-6
        assert equity[-1] == pytest.approx(account.cash + account.shares * part[-1, 3])
        # No look-ahead: what comes later moves no earlier value.
        assert np.array_equal(equity, trade(bars, target, rules)[1][: last + 1])


@settings(deadline=None)
@given(markets())
def test_costs_only_lower_the_equity_of_fractional_shares(market):
    bars, target, rules = market
    rules = rules._replace(whole_shares=False, band=math.nan, stop_loss=math.nan, take_profit=math.nan)
    free = rules._replace(commission_per_share=0.0, commission_minimum=0.0, slippage_bps=0.0)
    assert trade(bars, target, rules)[1][-1] <= trade(bars, target, free)[1][-1] * (1 + 1e-12)


@settings(deadline=None)
@given(markets(), st.sampled_from([0.01, 4.0, 1024.0]))
def test_the_unit_of_prices_changes_no_return(market, unit):
    bars, target, rules = market
    rules = rules._replace(whole_shares=False, commission_per_share=0.0, commission_bps=5.0)
    scaled = bars.copy()
    scaled[:, :4] *= unit
    assert trade(scaled, target, rules)[1] == pytest.approx(trade(bars, target, rules)[1], rel=1e-9)
