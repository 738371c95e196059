"""The factors against an investor's own sums: one share bought, every dividend reinvested, every split taken."""

from __future__ import annotations

from fractions import Fraction

import pytest

from data_layer.features.adjustment import forward_factors
from tests.data_layer.features.test_adjustment import actions_of, bars_of


def grown(closes, actions, days):
    """Return shares held after each bar by one who reinvests at the close before less the dividend; exact."""
    shares, held = Fraction(1), []
    previous = None
    for day, close in zip(days, closes, strict=True):
        price, cash = previous, Fraction(0)
        last_day = days[len(held) - 1] if held else day
        due = sorted((a for a in actions if last_day < a[0] <= day), key=lambda a: (a[0], a[1] == "dividend"))
        split = Fraction(1)
        for _, kind, value in due:
            if previous is None:
                continue
            if kind == "split":
                split *= Fraction(value)
            else:  # per share of its own day, so of the shares after the splits so far; counted in old ones
                cash += Fraction(value) * split
        if due and previous is not None:
            shares *= split * price / (price - cash)
        held.append(shares)
        previous = Fraction(close)
    return held


@pytest.mark.parametrize(
    ("closes", "actions", "days"),
    [
        ([100, 52, 51, 26, 25], [(1, "split", 2), (3, "split", 2)], [0, 1, 2, 3, 4]),
        ([100, 99, 97, 98], [(1, "dividend", "0.5"), (2, "dividend", "1.25")], [0, 1, 2, 3]),
        ([90, 44, 45], [(1, "split", 2), (1, "dividend", "0.75")], [0, 1, 2]),
        # Costco's 2012 special was 7 on 105; a larger one still: 60 on 100.
        ([100, 41, 42], [(1, "dividend", 60)], [0, 1, 2]),
        ([100, 10, 11], [(1, "split", "0.1"), (2, "dividend", "0.2")], [0, 1, 2]),
        # Saturday's actions go ex on Monday, the next bar (days 0 to 3 are Monday to Thursday, 4 Friday).
        ([100, 101, 50, 49], [(5, "split", 2), (6, "dividend", "0.4")], [3, 4, 7, 8]),
    ],
)
def test_factors_are_the_shares_an_investor_holds(closes, actions, days):
    out = forward_factors(
        bars_of(closes, days=days), actions_of(*[(d, k, float(Fraction(v))) for d, k, v in actions])
    )
    expected = grown(closes, actions, days)
    assert out["return_factor"].to_list() == pytest.approx([float(x) for x in expected], rel=1e-12)
    splits = [float(x) for x in grown(closes, [a for a in actions if a[1] == "split"], days)]
    assert out["split_factor"].to_list() == pytest.approx(splits, rel=1e-12)


def test_an_action_on_a_day_without_trading_counts_on_the_next_session():
    days, closes = [3, 4, 7], [100, 101, 50]
    saturday = forward_factors(bars_of(closes, days=days), actions_of((5, "split", 2)))
    monday = forward_factors(bars_of(closes, days=days), actions_of((7, "split", 2)))
    assert saturday["split_factor"].to_list() == monday["split_factor"].to_list() == [1, 1, 2]
