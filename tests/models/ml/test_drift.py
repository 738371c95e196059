"""Stability and skill against plain slow references and scipy."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from models.ml.drift import (
    WINDOW,
    histogram,
    psi,
    psi_limit,
    stability,
    trailing_mean,
)


def plain_psi(before, now):
    """Bin by bin, as the definition reads."""
    used = [(b, n) for b, n in zip(before, now, strict=True) if b or n]
    total = sum(b + 0.5 for b, _ in used), sum(n + 0.5 for _, n in used)
    result = 0.0
    for b, n in used:
        q, p = (b + 0.5) / total[0], (n + 0.5) / total[1]
        result += (p - q) * math.log(p / q)
    return result


def plain_counts(edges, values):
    result = [0] * (len(edges) + 2)
    for value in values:
        if math.isnan(value):
            result[-1] += 1
        else:
            result[sum(value >= edge for edge in edges)] += 1
    return result


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=2, max_size=11))
def test_psi_is_its_definition_symmetric_and_not_negative(pairs):
    before, now = (np.array(x) for x in zip(*pairs, strict=True))
    if not now.sum():
        assert np.isnan(psi(before, now[None])[0])
        return
    found = psi(before, now[None])[0]
    assert found == pytest.approx(plain_psi(before, now), rel=1e-9, abs=1e-12)
    assert found >= -1e-12
    assert psi(before, before[None])[0] == 0.0 or not before.sum()
    if before.sum():
        assert psi(now, before[None])[0] == pytest.approx(found, rel=1e-9, abs=1e-12)


def test_each_session_is_its_trailing_month_whatever_comes_with_it():
    rng = np.random.default_rng(0)
    shape = histogram(rng.normal(size=5000))
    session = np.sort(rng.integers(0, 60, 900))
    values = rng.normal(0.3, 1.5, 900)
    values[rng.random(900) < 0.05] = np.nan
    found, limit, n = stability(shape, values, session, 60)
    for day in range(60):
        inside = (session <= day) & (session > day - WINDOW)
        plain = plain_counts(shape["edges"], values[inside])
        assert found[day] == pytest.approx(plain_psi(shape["counts"], plain), rel=1e-9)
        assert n[day] == inside.sum()
        used = sum(1 for b, c in zip(shape["counts"], plain, strict=True) if b or c)
        chance = chi2.isf(0.001, used - 1) * (1 / inside.sum() + 1 / 5000)
        assert limit[day] == pytest.approx(max(0.2, chance), rel=1e-9)
    alone = stability(
        shape, values[session > 39 - WINDOW], session[session > 39 - WINDOW] - (40 - WINDOW), 60
    )
    for whole, part in zip((found, limit, n), alone, strict=True):
        assert part[39 - (40 - WINDOW)].tobytes() == whole[39].tobytes()


def test_limits_hold_for_small_samples_of_the_same_and_find_others():
    rng = np.random.default_rng(1)
    shape = histogram(rng.normal(size=20000))
    same = np.array([plain_counts(shape["edges"], rng.normal(size=30)) for _ in range(400)])
    before = np.array(shape["counts"])
    above = psi(before, same) > psi_limit(before, same)
    assert above.mean() < 0.02
    assert (psi(before, same) > 0.2).mean() > 0.5  # which is why the usual limit alone will not do
    moved = np.array([plain_counts(shape["edges"], rng.normal(1.0, 1.0, size=2000))])
    assert (psi(before, moved) > psi_limit(before, moved)).all()
    assert psi_limit(before, moved)[0] == 0.2


@pytest.mark.parametrize(
    ("values", "edges"),
    [([np.nan] * 5, 0), ([1.0] * 9, 1), ([0.0, 1.0] * 50, 2), ([], 0)],
    ids=["missing", "constant", "binary", "empty"],
)
def test_odd_distributions_keep_their_counts_and_compare_to_themselves(values, edges):
    shape = json.loads(json.dumps(histogram(np.array(values)), allow_nan=False))
    assert len(shape["edges"]) == edges and sum(shape["counts"]) == len(values)
    assert shape["counts"] == plain_counts(shape["edges"], values)
    if values:
        found, limit, _ = stability(shape, np.array(values), np.zeros(len(values), dtype=int), 1)
        assert found[0] == 0.0 and limit[0] >= 0.2


def test_a_feature_that_stops_coming_is_drift():
    shape = histogram(np.random.default_rng(2).normal(size=3000))
    found, limit, _ = stability(shape, np.full(300, np.nan), np.zeros(300, dtype=int), 1)
    assert found[0] > limit[0]


def test_trailing_mean_is_pandas_rolling_mean_and_needs_no_more_history():
    values = np.random.default_rng(3).normal(size=200)
    values[::7] = np.nan
    found = trailing_mean(values, 30, 10)
    expected = pd.Series(values).rolling(30, min_periods=10).mean().to_numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    for day in (5, 30, 150, 199):
        assert trailing_mean(values[max(day - 29, 0) : day + 1], 30, 10)[-1].tobytes() == found[day].tobytes()
