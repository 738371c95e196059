"""The trades a tear sheet lists: whatever pieces they come in, those of all at once."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.backtest.notable_trades import (
    LISTED,
    Closed,
    Notable,
    notable_as_json,
    notable_from_json,
    with_closed,
)

DAYS = [str(day) for day in np.arange("1999-12-20", "2000-02-01", dtype="datetime64[D]")]
TRADE = st.tuples(
    st.integers(0, len(DAYS) - 1), st.sampled_from([-0.2, -0.01, 0.0, 0.01, 0.3]), st.sampled_from("ABCD")
)


def closed_of(trades):
    """One trade of each: (day, net, symbol), its number is the entry and makes it another than all others."""
    return [Closed(s, "long", f"1990-01-{n:06}", DAYS[day], net) for n, (day, net, s) in enumerate(trades)]


@given(st.lists(TRADE, max_size=120), st.lists(st.integers(0, 120), max_size=4))
def test_pieces_give_what_one_list_gives(trades, cuts):
    made = closed_of(trades)
    kept, asked = Notable(), []
    for first, last in zip([0, *sorted(cuts)], [*sorted(cuts), len(made)], strict=True):
        part = made[first:last]
        days = np.array([DAYS.index(t.left) for t in part], np.int64)
        nets = np.array([t.net_return for t in part], np.float64)
        kept = with_closed(kept, days, nets, lambda k, part=part: asked.append(k) or part[k])
        kept = notable_from_json(notable_as_json(kept))
    by_name = sorted(made, key=lambda t: (t.symbol, t.entered))
    assert list(kept.best) == sorted(by_name, key=lambda t: -t.net_return)[:LISTED]
    assert list(kept.worst) == sorted(by_name, key=lambda t: t.net_return)[:LISTED]
    assert list(kept.newest) == sorted(by_name, key=lambda t: t.left, reverse=True)[:LISTED]


def test_only_those_that_may_be_listed_are_made():
    asked = []
    net = np.random.default_rng(1).normal(size=100_000)
    with_closed(Notable(), np.arange(100_000), net, lambda k: asked.append(k) or closed_of([(0, net[k], "A")])[0])
    assert len(set(asked)) <= 3 * LISTED
