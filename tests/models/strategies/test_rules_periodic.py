"""Rules that decide once a period, by hand: dollar-cost averaging, momentum, dual momentum."""

import numpy as np
import pytest

from models.panel import Panel
from models.strategies.allocation.dollar_cost_averaging import DollarCostAveraging
from models.strategies.momentum.dual_momentum import DualMomentum
from models.strategies.momentum.momentum import Momentum
from tests.support.panels import NAN, column, panel_of, weekdays

TURN = ["2024-01-30", "2024-01-31", "2024-02-01", "2024-02-02", "2024-02-05", "2024-02-29", "2024-03-01"]


def test_dollar_cost_averaging_buys_at_each_month_s_first_bar():
    bars = [[1, 1], [2, 2], [3, NAN], [4, 4], [0, 0], [3, 3], [4, 4]]
    panel, strategy = panel_of(TURN, day_of_week=bars), DollarCostAveraging(amount_usd=250.0)
    scores = strategy.score(panel)
    expected = np.zeros((7, 2))
    expected[[2, 6], 0] = expected[[3, 6], 1] = 250.0  # January began before the panel
    np.testing.assert_array_equal(strategy.target(panel, scores), expected)
    np.testing.assert_array_equal(scores.score, [[1, 1], [1, 1], [1, NAN], [1, 1], [1, 1], [1, 1], [1, 1]])
    assert strategy.rules() == {"buys_amounts": True} and DollarCostAveraging().amount_usd == 1000


# The four weeks begin on Monday 2024-01-22 and on Monday 2024-02-19, a holiday.
SESSIONS = weekdays("2024-01-16", "2024-02-22", "2024-02-19")
START, NEXT = SESSIONS.index("2024-01-22"), SESSIONS.index("2024-02-20")


def test_momentum_decides_every_four_weeks_and_holds_in_between():
    change = np.full(len(SESSIONS), -1.0)
    change[[START, NEXT - 1]] = 5.0  # seen on the first, not on the last session of a period
    expected = [NAN] * START + [1.0] * (NEXT - START) + [0.0] * (len(SESSIONS) - NEXT)
    np.testing.assert_array_equal(column(Momentum(), SESSIONS, roc_60=change), expected)


def test_momentum_without_a_rate_on_the_day_decides_on_the_next_with_one():
    change = np.full(len(SESSIONS), -1.0)
    change[START], change[START + 1], change[START + 3] = NAN, 5.0, NAN
    scores = column(Momentum(), SESSIONS, roc_60=change)
    assert np.isnan(scores[: START + 1]).all() and np.isnan(scores[START + 3])
    assert scores[START + 1 : START + 3] + scores[START + 4 : NEXT] == [1.0] * (NEXT - START - 2)
    assert scores[NEXT:] == [0.0] * (len(SESSIONS) - NEXT)


def test_a_rise_of_nothing_is_none():
    assert column(Momentum(), SESSIONS, roc_60=np.zeros(len(SESSIONS)))[START] == 0.0


@pytest.mark.parametrize(("strategy", "feature"), [(Momentum(), "roc_60"), (DualMomentum(), "return_252")])
def test_decisions_do_not_hang_on_where_history_starts(strategy, feature):
    sessions = np.array(weekdays("2019-01-01", "2021-12-31"), "M8[D]")
    values = np.random.default_rng(3).normal(0.02, 0.1, (len(sessions), 5))
    whole = strategy.score(Panel(sessions, tuple("ABCDE"), {feature: values})).score
    for start in (1, 7, 100, 333):
        later = strategy.score(Panel(sessions[start:], tuple("ABCDE"), {feature: values[start:]})).score
        decided = ~np.isnan(later).any(axis=1)
        assert decided.sum() > len(later) - 24  # all but the first, cut period
        np.testing.assert_array_equal(later[decided], whole[start:][decided])


def test_dual_momentum_needs_both_legs():
    # Of four returns the better two pass the relative leg, those above 2 % the absolute one.
    gains = [[0.9, 0.9, 0.9, 0.9], [0, 0, 0, 0], [0.30, 0.01, 0.05, -0.2], [-1, 1, 1, 1], [-1, 1, 1, 1],
             [-1, 1, 1, 1], [0.01, 0.005, 0.0, -0.2]]  # fmt: skip
    scores = DualMomentum().score(panel_of(TURN, return_252=gains)).score
    np.testing.assert_array_equal(scores[:2], np.full((2, 4), NAN))
    np.testing.assert_array_equal(scores[2:6], [[1, 0, 1, 0]] * 4)
    np.testing.assert_array_equal(scores[6], [0, 0, 0, 0])  # best of all, but cash gave more
    only_best = DualMomentum(top_share=0.0).score(panel_of(TURN, return_252=gains)).score
    np.testing.assert_array_equal(only_best[2], [1, 0, 0, 0])
    all_pass = DualMomentum(top_share=1.0, cash_return=0.0).score(panel_of(TURN, return_252=gains)).score
    np.testing.assert_array_equal(all_pass[2], [1, 1, 1, 0])


def test_dual_momentum_ranks_among_those_known_then():
    gains = np.full((7, 3), 0.1)
    gains[2] = [0.30, NAN, 0.20]
    gains[3] = [0.00, 0.25, 0.50]
    scores = DualMomentum().score(panel_of(TURN, return_252=gains)).score
    # Of two known one half is one, but of three it is two: the late symbol is second on its own day.
    np.testing.assert_array_equal(scores[2], [1, NAN, 0])
    np.testing.assert_array_equal(scores[3], [1, 1, 0])


def test_dual_momentum_alone_is_the_absolute_leg():
    assert column(DualMomentum(), TURN, return_252=[0, 0, 0.021, 0, 0, 0, 0.019])[2:] == [1, 1, 1, 1, 0]
    assert column(DualMomentum(cash_return=-0.05), TURN, return_252=[0] * 7)[6] == 1
    # 1.1 ^ (120 / 252) - 1 is 4.643 %: the hurdle is of the window's sessions, not of a year.
    hurdle = DualMomentum(window=120, cash_return=0.1)
    assert column(hurdle, TURN, return_120=[0, 0, 0.0465, 0, 0, 0, 0.0464])[2:] == [1, 1, 1, 1, 0]
