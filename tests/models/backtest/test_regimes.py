"""Regimes: told from the past only, by the stated rule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.backtest import regimes
from models.backtest.regimes import (
    BEAR,
    BULL,
    HIGH_VOLATILITY,
    NONE,
    SIDEWAYS,
    label_regimes,
    longest_span,
    prevailing,
    spans,
)
from models.errors import ConfigError


def market(*stretches: tuple[int, float, float]) -> np.ndarray:
    """Returns of stretches (sessions, drift, deviation), seeded."""
    rng = np.random.default_rng(3)
    return np.concatenate([drift + deviation * rng.standard_normal(n) for n, drift, deviation in stretches])


@given(seed=st.integers(0, 10_000), at=st.integers(0, 899))
@settings(max_examples=25, deadline=None)
def test_what_comes_later_changes_no_label(seed, at):
    rng = np.random.default_rng(seed)
    returns = 0.01 * rng.standard_normal(900) * rng.choice([0.5, 1.0, 3.0], 3).repeat(300)
    other = returns.copy()
    other[at + 1 :] = 0.05 * rng.standard_normal(899 - at)
    np.testing.assert_array_equal(label_regimes(returns)[: at + 1], label_regimes(other)[: at + 1])


def test_labels_say_what_the_market_did():
    labels = label_regimes(
        market((400, 0.001, 0.004), (400, -0.001, 0.004), (400, 0.0, 0.003), (60, 0.0, 0.03))
    )
    assert set(labels[:125]) == {NONE}
    assert set(labels[150:390]) <= {BULL, HIGH_VOLATILITY}
    # A month in ten of a steady market is its most turbulent: the rule is relative.
    assert np.mean(labels[550:790] == BEAR) > 0.75
    assert np.mean(labels[950:1190] == SIDEWAYS) > 0.75
    assert np.mean(labels[1225:] == HIGH_VOLATILITY) > 0.9


def test_a_change_needs_a_week():
    labels = label_regimes(market((600, 0.001, 0.004), (600, -0.001, 0.004)))
    lengths = [last - first + 1 for k in range(4) for first, last in spans(labels, k)]
    assert sum(lengths) == 1200 - 125
    assert min(lengths) >= regimes.CONFIRMATION


def test_a_missing_return_is_no_move_and_a_lost_index_is_refused():
    returns = market((300, 0.001, 0.004))
    returns[0] = np.nan
    still = returns.copy()
    still[0] = 0.0
    np.testing.assert_array_equal(label_regimes(returns), label_regimes(still))
    with pytest.raises(ConfigError, match="not an index's return"):
        label_regimes(np.array([0.1, -1.0]))


@pytest.mark.parametrize("count", [0, 1, 20, 21, 125, 126])
def test_short_histories_have_labels_or_none(count):
    assert len(label_regimes(np.zeros(count))) == count


def test_spans_the_longest_and_the_prevailing():
    labels = np.array([NONE] * 3 + [BULL] * 50 + [BEAR] * 10 + [BULL] * 50 + [BEAR], np.int8)
    assert spans(labels, BULL) == [(3, 52), (63, 112)]
    assert spans(labels, BEAR) == [(53, 62), (113, 113)]
    assert longest_span(labels, BULL) == (63, 112)
    assert longest_span(labels, BEAR) is None
    assert prevailing(labels, 0, 10) == "bull"
    assert prevailing(labels, 50, 62) == "bear"
    assert prevailing(labels, 0, 2) is None
