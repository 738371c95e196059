"""CSCV against its definition written out, on noise, and on a strategy that is truly better."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.backtest.overfitting import backtest_overfitting
from models.errors import ConfigError, DataQualityError


def written_out(returns, blocks):
    """Algorithm 2.3 of the paper, split by split; without ties."""
    pieces = np.array_split(returns, np.linspace(0, len(returns), blocks + 1).astype(int)[1:-1])
    overfit, lost, splits = 0, 0, 0
    for chosen in combinations(range(blocks), blocks // 2):
        inside = np.vstack([pieces[b] for b in chosen])
        outside = np.vstack([pieces[b] for b in range(blocks) if b not in chosen])
        best = np.argmax(inside.mean(axis=0) / inside.std(axis=0))
        tested = outside.mean(axis=0) / outside.std(axis=0)
        place = (tested <= tested[best]).sum() / (returns.shape[1] + 1)
        overfit += math.log(place / (1 - place)) <= 1e-12
        lost += tested[best] < 0
        splits += 1
    return overfit / splits, lost / splits, splits


@pytest.mark.parametrize(
    ("sessions", "strategies", "blocks"), [(120, 5, 6), (251, 8, 8), (90, 2, 4), (47, 3, 10)]
)
def test_it_is_the_definition(sessions, strategies, blocks):
    returns = np.random.default_rng(sessions).normal(0.0003, 0.01, (sessions, strategies))
    assert backtest_overfitting(returns, blocks) == pytest.approx(written_out(returns, blocks), abs=1e-12)


def test_choosing_among_noise_chooses_nothing():
    draw = np.random.default_rng(11)
    found = [backtest_overfitting(draw.normal(0.0, 0.01, (800, 20)), 10).probability for _ in range(60)]
    assert np.mean(found) == pytest.approx(0.5, abs=0.08)


def test_a_truly_better_strategy_is_found_again():
    returns = np.random.default_rng(12).normal(0.0, 0.01, (2000, 20))
    returns[:, 7] += 0.002
    found = backtest_overfitting(returns)
    assert found.splits == 12_870
    assert found.probability < 0.01
    assert found.loss_probability < 0.01


def test_what_turns_in_every_half_is_overfit():
    """The best of one half is by construction the worst of the other."""
    returns = np.random.default_rng(13).normal(0.0, 1e-4, (160, 2))
    returns[:80, 0] += 0.01
    returns[80:, 1] += 0.01
    assert backtest_overfitting(returns, 2).probability == 1.0


def test_equal_strategies_share_the_blame():
    one = np.random.default_rng(14).normal(0.0, 0.01, (400, 1))
    found = backtest_overfitting(np.hstack([one] * 4))
    assert found.probability == 1.0  # of equals, the chosen one is at the median: nothing was found


def test_too_little_to_split_is_unknown():
    assert math.isnan(backtest_overfitting(np.zeros((1000, 1))).probability)
    assert math.isnan(backtest_overfitting(np.ones((31, 3))).probability)


@pytest.mark.parametrize("blocks", [0, 3, 22])
def test_blocks_out_of_range_are_refused(blocks):
    with pytest.raises(ConfigError, match="blocks"):
        backtest_overfitting(np.zeros((100, 2)), blocks)


def test_a_missing_return_is_refused():
    returns = np.zeros((100, 2))
    returns[50, 1] = np.nan
    with pytest.raises(DataQualityError):
        backtest_overfitting(returns)


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), sessions=st.integers(12, 80), strategies=st.integers(2, 7),
    rounded=st.booleans(), order=st.randoms(use_true_random=False),
)  # fmt: skip
def test_it_is_a_probability_whatever_the_order(seed, sessions, strategies, rounded, order):
    returns = np.random.default_rng(seed).normal(0.0, 0.01, (sessions, strategies))
    if rounded:
        returns = returns.round(2)  # many ties, and columns without any deviation
    found = backtest_overfitting(returns, 6)
    assert 0.0 <= found.probability <= 1.0
    assert 0.0 <= found.loss_probability <= 1.0
    columns = list(range(strategies))
    order.shuffle(columns)
    assert backtest_overfitting(np.ascontiguousarray(returns[:, columns]), 6) == pytest.approx(
        found, abs=1e-12
    )
