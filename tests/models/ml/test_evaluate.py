"""Correlations equal scipy's, the book's Sharpe empyrical's on a book made by hand."""

from __future__ import annotations

from dataclasses import replace

import empyrical
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, pearsonr, rankdata, spearmanr

from models.ml.dataset import normal_ranks
from models.ml.evaluate import evaluate
from models.ml.sides import extremes
from tests.support.models import noisy

DATA = noisy(sessions=60, symbols=9)
EVERY = np.arange(len(DATA))


@pytest.fixture
def score():
    found = np.random.default_rng(3).normal(size=len(DATA)).round(1) + 20 * np.nan_to_num(DATA.label)
    found[::17] = np.nan
    return found


def by_session(values):
    return values.reshape(60, 9)


def test_correlations_equal_scipys(score):
    found = evaluate(DATA, EVERY, score, top=3)
    pearson, spearman = [], []
    for x, y in zip(by_session(score)[:58], by_session(DATA.label)[:58], strict=True):
        both = ~np.isnan(x)
        pearson.append(pearsonr(x[both], y[both]).statistic)
        spearman.append(spearmanr(x[both], y[both]).statistic)
    np.testing.assert_allclose(found.session_ic, pearson, rtol=1e-12)
    np.testing.assert_allclose(found.session_rank_ic, spearman, rtol=1e-12)
    assert found.ic == pytest.approx(np.mean(pearson)) and found.rank_ic == pytest.approx(np.mean(spearman))
    assert found.icir == pytest.approx(np.mean(pearson) / np.std(pearson, ddof=1))
    assert found.n == np.sum(~np.isnan(score) & ~np.isnan(DATA.label)) and len(found.sessions) == 58


@pytest.mark.parametrize("horizon", [1, 5])
def test_the_book_is_what_one_does_by_hand(score, horizon):
    found = evaluate(replace(DATA, horizon=horizon), EVERY, score, top=2, cost_bps=5.0)
    held, expected, turned = np.zeros(9), [], []
    scores, labels = by_session(score)[:58:horizon], by_session(DATA.label)[:58:horizon]
    for x, y in zip(scores, labels, strict=True):
        side = np.nan_to_num(extremes(x[None], 2)[0])
        wanted = np.where(
            side > 0, 0.5 / max((side > 0).sum(), 1), np.where(side < 0, -0.5 / max((side < 0).sum(), 1), 0)
        )
        traded = np.abs(wanted - held).sum()
        expected.append((wanted * y).sum() - 0.0005 * traded)
        turned.append(traded / 2)
        held = wanted
    expected[-1] -= 0.0005 * np.abs(held).sum()
    np.testing.assert_allclose(found.returns, expected, atol=1e-15)
    sharpe = empyrical.sharpe_ratio(np.array(expected), annualization=252 // horizon)
    assert found.sharpe == pytest.approx(sharpe, rel=1e-9)
    assert found.win_rate == pytest.approx(np.mean(np.array(expected) > 0))
    assert found.turnover == pytest.approx(np.mean(turned))


def test_nothing_to_say_is_nan_and_never_zero():
    flat = evaluate(DATA, EVERY, np.zeros(len(DATA)), top=3)
    assert np.isnan([flat.ic, flat.rank_ic, flat.icir, flat.sharpe]).all() and not flat.returns.any()
    silent = evaluate(DATA, EVERY, np.full(len(DATA), np.nan))
    assert silent.n == 0 and np.isnan(silent.ic)
    unknown = evaluate(DATA, EVERY[-18:], np.arange(18.0))
    assert unknown.n == 0 and len(unknown.returns) == 0 and np.isnan(unknown.sharpe)


def test_a_symbol_whose_bar_goes_missing_was_still_held(score):
    best = int(np.nanargmax(by_session(score)[4])) + 4 * 9
    gone = DATA.label.copy()
    gone[best] = np.nan
    before, after = (evaluate(d, EVERY, score, top=1) for d in (DATA, replace(DATA, label=gone)))
    assert after.returns[4] == pytest.approx(before.returns[4] - 0.5 * DATA.label[best])


@settings(deadline=None)
@given(
    st.lists(st.lists(st.sampled_from([np.nan, -1.0, 0.0, 0.5, 2.0]), min_size=6, max_size=6), min_size=1, max_size=5),
    st.integers(1, 8),
)  # fmt: skip
def test_sides_never_depend_on_the_order_of_symbols_and_are_never_more_than_half(rows, count):
    values = np.array(rows)
    found = extremes(values, count)
    assert np.array_equal(np.isnan(found), np.isnan(values))
    for side in (-1.0, 1.0):
        assert ((found == side).sum(axis=1) <= np.minimum(count, (~np.isnan(values)).sum(axis=1) // 2)).all()
    order = np.random.default_rng(0).permutation(6)
    assert np.array_equal(extremes(values[:, order], count), found[:, order], equal_nan=True)
    assert np.array_equal(extremes(-values, count), -found, equal_nan=True)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from([np.nan, -0.1, 0.0, 0.1, 0.2])), min_size=1, max_size=40
    )
)
def test_labels_are_ranked_within_their_session_alone(rows):
    rows.sort(key=lambda row: row[0])
    session, label = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    expected = np.full(len(rows), np.nan)
    for day in np.unique(session):
        known = (session == day) & ~np.isnan(label)
        if known.sum() > 1:
            expected[known] = norm.ppf((rankdata(label[known]) - 0.5) / known.sum())
    np.testing.assert_allclose(normal_ranks(label, session), expected, atol=1e-12)
