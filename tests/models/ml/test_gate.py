"""The gate: each condition alone refuses, what is not known never passes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.backtest.deflated import deflated_sharpe, moments
from models.ml.base import Finding
from models.ml.gate import NOTHING_IN_USE, Comparison, judge

NAN = math.nan
RETURNS = np.where(np.arange(252) % 3 == 0, -0.004, 0.004).tolist()  # a Sharpe ratio of some 5 a year
GOOD = {
    "sharpes": [0.4, 0.5, 2.0], "win_rates": [0.4, 0.45, 0.6], "returns": RETURNS, "trials": 1, "trial_sharpes": [0.3],
    "comparison": NOTHING_IN_USE, "findings": [],
}  # fmt: skip


def gate(**more):
    given = {**GOOD, **more}
    first = [given.pop(name) for name in ("sharpes", "win_rates", "returns")]
    return {check.name: check for check in judge(*first, **given)}


def refused(checks):
    return {name for name, check in checks.items() if not check.passed}


def test_medians_exactly_at_the_thresholds_pass():
    checks = gate()
    assert refused(checks) == set()
    assert (checks["sharpe_ratio"].value, checks["sharpe_ratio"].threshold) == (0.5, 0.5)
    assert (checks["win_rate"].value, checks["win_rate"].threshold) == (0.45, 0.45)


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ({"sharpes": [0.4, 0.49, 9.0]}, "sharpe_ratio"),
        ({"win_rates": [0.1, 0.44, 0.9]}, "win_rate"),
        ({"win_rates": [0.5, NAN, 0.5]}, "win_rate"),
        ({"returns": [0.001, -0.001] * 100}, "deflated_sharpe"),
        ({"returns": []}, "deflated_sharpe"),
        ({"returns": [0.001] * 100}, "deflated_sharpe"),
        ({"trials": 10**6, "trial_sharpes": [0.3, -0.3]}, "deflated_sharpe"),
        ({"comparison": Comparison(True, 0.5, False, "as good")}, "better_than_promoted"),
        ({"comparison": Comparison(False, NAN, False, "never run")}, "better_than_promoted"),
        ({"comparison": Comparison(True, 0.6, True, "refresh")}, "better_than_promoted"),
        ({"findings": None}, "leakage"),
        ({"findings": [Finding("future_in_feature", 3.0, 0.0, "kmid")]}, "leakage"),
    ],
)
def test_each_condition_alone_refuses(more, name):
    assert refused(gate(**more)) == {name}


def test_an_undefined_fold_is_no_evidence():
    assert "sharpe_ratio" in refused(gate(sharpes=[2.0, NAN, 2.0]))
    assert {"sharpe_ratio", "win_rate"} <= refused(gate(sharpes=[], win_rates=[]))


def test_a_refresh_need_not_beat_itself_and_an_undefined_one_in_use_can_be_replaced():
    assert refused(gate(comparison=Comparison(True, 0.5, True, "refresh"))) == set()
    assert refused(gate(comparison=Comparison(True, NAN, False, "never traded"))) == set()
    assert refused(gate(comparison=Comparison(True, 0.49, False, "better"))) == set()


def test_luck_is_measured_by_the_trials_and_before_there_are_two_by_their_error():
    observed = moments(np.array(RETURNS))
    known = gate(trials=20, trial_sharpes=[0.1, 0.2, 0.3])["deflated_sharpe"]
    assert known.value == pytest.approx(deflated_sharpe(observed, 20, np.var([0.1, 0.2, 0.3], ddof=1)))
    alone = gate(trials=20, trial_sharpes=[0.3])["deflated_sharpe"]
    assert alone.value == pytest.approx(deflated_sharpe(observed, 20, 1.0 / 251))
