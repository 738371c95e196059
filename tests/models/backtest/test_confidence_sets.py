"""Sets and tests: arch fed the right way round, strategies alike kept together, errors as often as stated."""

import numpy as np
import pytest
from arch.bootstrap import MCS, SPA
from hypothesis import given, settings
from hypothesis import strategies as st

from models.backtest.confidence_sets import (
    SEED,
    SIZE,
    at_equal_risk,
    block_length,
    confidence_sets,
    superior_to,
)
from models.errors import ConfigError, DataQualityError


def noise(seed, sessions=600, strategies=6, common=0.01):
    draw = np.random.default_rng(seed)
    return draw.normal(0.0, 0.01, (sessions, strategies)) + draw.normal(0.0, common, (sessions, 1))


def test_p_values_are_archs_of_losses():
    returns = noise(1)
    returns[:, 2] += 0.001
    peer = MCS(-returns, SIZE, reps=300, block_size=block_length(600), seed=SEED)
    peer.compute()
    found = confidence_sets(returns, 300)
    assert found.p_value == pytest.approx(peer.pvalues["Pvalue"].sort_index().to_numpy(), abs=1e-12)
    assert set(np.flatnonzero(found.group == 0)) == set(peer.included)


def test_the_better_one_is_best_and_the_worse_ones_follow():
    returns = noise(2, 2000)
    returns[:, 3] += 0.003
    returns[:, 1] -= 0.003
    found = confidence_sets(returns, 300)
    assert found.group.tolist() == [1, 2, 1, 0, 1, 1]
    assert found.p_value[3] == 1.0


def test_strategies_alike_stay_together():
    kept = [(confidence_sets(noise(seed, 2000), 200).group == 0).all() for seed in range(100)]
    # All are the same in truth: one leaves by chance in 5 to 7 % of the samples.
    assert 0.88 <= np.mean(kept) < 1.0


def test_one_clearly_better_than_many_equals_stands_alone():
    """A statistic that compares with the average only would keep them all."""
    returns = noise(9, 3000, 12)
    returns[:, 5] += 0.0015
    found = confidence_sets(returns, 200)
    assert (found.group == 0).sum() == 1
    assert found.group[5] == 0


def test_copies_share_a_set_and_break_nothing():
    returns = noise(3, 1500, 4)
    returns[:, 0] += 0.003
    scaled = at_equal_risk(np.column_stack([returns, returns[:, 0] * 0.6, returns[:, 2], returns[:, 2] * 3]))
    found = confidence_sets(scaled, 200)
    assert found.group[4] == found.group[0] == 0
    assert found.group[5] == found.group[6] == found.group[2]
    assert found.p_value[6] == found.p_value[2]
    assert np.isfinite(found.p_value).all()
    only = confidence_sets(scaled[:, [0, 4]], 200)
    assert only.group.tolist() == [0, 0]


def test_equal_risk_makes_means_sharpe_ratios():
    returns = noise(4) * np.array([1, 2, 3, 0.1, 5, 1])
    scaled = at_equal_risk(returns)
    assert scaled.mean(axis=0) == pytest.approx(returns.mean(axis=0) / returns.std(axis=0, ddof=1), rel=1e-12)
    with pytest.raises(DataQualityError, match="constant"):
        at_equal_risk(np.column_stack([returns, np.zeros(len(returns))]))


def test_superiority_is_archs_of_losses():
    returns = noise(5)
    off = returns[:, 1:] - returns[:, [0]]
    peer = SPA(np.zeros(600), -off / off.std(axis=0), block_size=block_length(600), reps=300, seed=SEED)
    peer.compute()
    assert superior_to(returns, 0, 300).p_value == peer.pvalues["consistent"]


def test_the_better_one_is_told_and_the_worse_one_is_not():
    returns = noise(6, 2000)
    returns[:, 3] += 0.002
    returns[:, 4] -= 0.002
    found = superior_to(returns, 0, 300)
    assert found.p_value < 0.01
    assert found.better.tolist() == [False, False, False, True, False, False]
    beaten = superior_to(returns, 3, 300)
    assert beaten.p_value > 0.5
    assert not beaten.better.any()


def test_a_wild_strategy_does_not_hide_a_steady_one():
    """Without division by the deviation the bound on the maximum is the wild one's."""
    draw = np.random.default_rng(7)
    market = draw.normal(0.0, 0.01, 1500)
    steady = market + draw.normal(0.0004, 0.002, 1500)
    wild = market + draw.normal(0.0, 0.05, 1500)
    returns = np.column_stack([market, steady, wild])
    plain = SPA(-market, -returns[:, 1:], block_size=block_length(1500), reps=300, seed=SEED)
    plain.compute()
    assert plain.pvalues["consistent"] > SIZE
    found = superior_to(returns, 0, 300)
    assert found.p_value <= SIZE
    assert found.better.tolist() == [False, True, False]


def test_under_the_null_it_errs_as_often_as_stated():
    p_values = np.array([superior_to(noise(100 + seed, 300, 5), 0, 200).p_value for seed in range(120)])
    assert 0.0 < np.mean(p_values <= SIZE) <= 0.10
    assert 0.3 <= np.mean(p_values <= 0.5) <= 0.7


def test_nothing_to_compare_is_unknown():
    one = noise(8, strategies=1)
    found = superior_to(np.hstack([one, one]), 0, 100)
    assert np.isnan(found.p_value)
    assert not found.better.any()
    assert confidence_sets(one, 100).group.tolist() == [0]


def test_too_little_and_missing_returns_are_refused():
    with pytest.raises(ConfigError):
        confidence_sets(np.zeros((2, 2)))
    with pytest.raises(DataQualityError):
        superior_to(np.full((20, 2), np.nan), 0)


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10_000), order=st.permutations(range(5)))
def test_the_order_of_strategies_says_nothing(seed, order):
    returns = noise(seed, 150, 5)
    returns[:, seed % 5] += 0.002
    found, moved = confidence_sets(returns, 60), confidence_sets(returns[:, order], 60)
    assert moved.group.tolist() == found.group[order].tolist()
    assert moved.p_value == pytest.approx(found.p_value[order], abs=1e-12)
