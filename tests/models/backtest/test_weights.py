"""Weights of a portfolio: within every limit, and nothing that no score asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.backtest.constraints import Constraints
from models.backtest.kernel import LEFT
from models.backtest.weights import bands, carried, rebalancing, weights
from models.errors import ConfigError

NAN = float("nan")


def test_equal_counts_who_has_a_target_and_score_its_size():
    wanted = np.array([[0.2, 0.6, 0.0, NAN], [NAN, 0.0, 0.0, 0.0], [-0.5, 0.5, 0.0, 0.0]])
    assert weights(wanted, Constraints()).tolist() == [[0.5, 0.5, 0, 0], [0, 0, 0, 0], [-0.5, 0.5, 0, 0]]
    by_score = weights(wanted, Constraints(weighting="score"))
    np.testing.assert_allclose(by_score[0], [0.25, 0.75, 0, 0])


def test_a_slice_keeps_what_the_strategy_keeps_in_cash():
    wanted = np.array([[0.6, 0.6, NAN], [1.5, 1.5, NAN]])
    np.testing.assert_allclose(weights(wanted, Constraints(weighting="target")), [[0.3, 0.3, 0], [0.5, 0.5, 0]])


def test_weights_that_a_strategy_states_stand_up_to_the_gross():
    targets = np.array([[0.6, 0.4, NAN], [1.5, 1.5, NAN]])
    for weighting in ("equal", "target"):
        assert weights(targets, Constraints(weighting), targets / 2).tolist() == [[0.3, 0.2, 0], [0.5, 0.5, 0]]
    by_score = weights(targets, Constraints("score"), targets / 2)
    np.testing.assert_allclose(by_score, [[0.6, 0.4, 0], [0.5, 0.5, 0]])
    assert weights(targets, Constraints(gross=2.0, net=2.0), targets).tolist() == [[0.6, 0.4, 0], [1.0, 1.0, 0]]


def test_a_band_shrinks_with_what_is_held_of_its_target():
    targets = np.array([[0.6, -1.2, 0.0, NAN]])
    found = bands(np.array([[0.03, -0.03, 0.0, 0.0]]), targets, 0.05)
    np.testing.assert_allclose(found[0], [0.05 / 20, 0.05 / 40, 0.05, 0.05])
    assert np.isnan(bands(targets, targets, NAN)).all()


def test_a_target_stands_where_its_symbol_has_no_bar_until_it_has_left():
    rows = np.array([[0, -1, 4], [1, 3, 5], [-1, -1, -1], [2, -1, -1]])
    gap = np.array([0.0, 0.0, 1.0, 0.0, 0.0, LEFT])
    targets = np.array([[1.0, 9.0, 1.0], [0.5, 1.0, 1.0], [NAN, NAN, NAN], [NAN, NAN, NAN]])
    expected = [[1.0, NAN, 1.0], [0.5, 1.0, 1.0], [0.5, 1.0, NAN], [NAN, 1.0, NAN]]
    np.testing.assert_array_equal(carried(targets, rows, gap), expected)
    for sessions in range(1, 5):  # what comes later changes nothing
        np.testing.assert_array_equal(carried(targets[:sessions], rows[:sessions], gap), expected[:sessions])
    every = np.arange(8).reshape(4, 2)
    np.testing.assert_array_equal(carried(targets[:, :2], every, np.zeros(8)), targets[:, :2])


def test_what_a_limit_takes_off_stays_in_cash():
    wanted = np.array([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    assert weights(wanted, Constraints(max_weight=0.4)).tolist() == [[0.4, 0.4, 0], [0.4, 0, 0]]


def test_the_heavier_side_is_scaled_to_the_net():
    wanted = np.array([[1.0, 1.0, 1.0, -1.0]])
    found = weights(wanted, Constraints(net=0.2))
    np.testing.assert_allclose(found, [[0.15, 0.15, 0.15, -0.25]])


@given(
    arrays(np.float64, (4, 5), elements=st.one_of(st.floats(-1.5, 1.5), st.just(NAN))),
    st.sampled_from(["equal", "score", "target"]), st.floats(0.05, 1.0), st.floats(0.1, 2.0), st.floats(0.0, 2.0),
    st.booleans(),
)  # fmt: skip
def test_every_limit_holds(wanted, weighting, most, gross, net, states):
    found = weights(wanted, Constraints(weighting, "month", most, gross, net), wanted / 2 if states else None)
    assert np.isfinite(found).all() and (np.abs(found) <= most + 1e-12).all()
    assert (np.abs(found).sum(axis=1) <= gross + 1e-9).all() and (np.abs(found.sum(axis=1)) <= net + 1e-9).all()
    assert (np.sign(found) * np.sign(np.nan_to_num(wanted)) >= 0).all()


def test_the_last_session_of_a_week_or_month_and_the_first_of_the_window():
    days = np.array(["2020-01-29", "2020-01-30", "2020-01-31", "2020-02-03", "2020-02-07", "2020-02-10", "2020-03-02"],
                    "datetime64[D]")  # fmt: skip
    assert rebalancing(days, "month", 1).tolist() == [False, True, True, False, False, True, False]
    assert rebalancing(days, "week", 1).tolist() == [False, True, True, False, True, True, False]
    assert rebalancing(days, "session", 0).all() and not rebalancing(days, "change", 0).any()


@pytest.mark.parametrize("given", [{"weighting": "cap"}, {"rebalance": "year"}, {"max_weight": NAN}, {"gross": 11.0}])
def test_constraints_out_of_range_are_refused(given):
    with pytest.raises(ConfigError):
        Constraints(**given)
