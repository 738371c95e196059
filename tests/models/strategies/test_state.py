"""States and periods against plain scalar code."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.strategies._state import firsts, held, months, reversion, weekday_blocks
from tests.support.panels import NAN, weekdays

VALUES = st.lists(st.sampled_from([NAN, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0]), min_size=1, max_size=40)


def scalar_reversion(values, low, high, leave_long, leave_short):
    side, out = 0, []
    for value in values:
        if math.isnan(value):
            out.append(NAN)
            continue
        left = (side == 1 and value >= leave_long) or (side == -1 and value <= leave_short)
        side = 1 if value < low else -1 if value > high else 0 if left else side
        out.append(side)
    return out


@settings(deadline=None)  # the first call may compile
@given(VALUES, st.sampled_from([(-2, 2, 0, 0), (-2, 2, -1, 1), (-1, 1, 1, -1)]))
def test_reversion_equals_the_scalar_rule(values, levels):
    both = np.array([values, values[::-1]]).T
    expected = np.array([scalar_reversion(c, *levels) for c in both.T]).T
    np.testing.assert_array_equal(reversion(both, *map(float, levels)), expected)


BLOCKS = st.lists(st.tuples(st.integers(0, 1), st.booleans()), min_size=1, max_size=40)


@settings(deadline=None)  # the first call may compile
@given(BLOCKS)
def test_a_symbol_decides_at_its_first_known_session_of_a_block(steps):
    blocks = np.cumsum([step for step, _ in steps])
    known = np.array([[k, True] for _, k in steps])
    decides = firsts(known, blocks)
    for n in range(2):
        for block in np.unique(blocks):
            rows = np.flatnonzero((blocks == block) & known[:, n])
            expected = rows[:1].tolist() if block != blocks[0] else []
            assert np.flatnonzero(decides[:, n] & (blocks == block)).tolist() == expected
    values = np.arange(len(blocks), dtype=float)[:, None] * [1.0, 1.0]
    last = [[max((r for r in range(t + 1) if decides[r, n]), default=NAN) for n in range(2)]
            for t in range(len(blocks))]  # fmt: skip
    np.testing.assert_array_equal(held(values, decides), last)


def test_months_and_blocks_of_weekdays_go_by_the_calendar():
    days = weekdays("2023-12-18", "2024-03-01")
    month, block = months(np.array(days, "M8[D]")), weekday_blocks(np.array(days, "M8[D]"), 20)
    assert [d for d, new in zip(days[1:], np.diff(month), strict=True) if new] == [
        "2024-01-01", "2024-02-01", "2024-03-01"]  # fmt: skip
    # 1970-01-05 and 20 weekdays at a time: every fourth Monday.
    starts = [d for d, new in zip(days[1:], np.diff(block), strict=True) if new]
    assert starts == ["2023-12-25", "2024-01-22", "2024-02-19"]
    assert all((np.datetime64(d) - np.datetime64("1970-01-05")).astype(int) % 28 == 0 for d in starts)
