"""Who runs in an assessment when models share a strategy, and what they have in common."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from data_layer.settings import parse_settings
from models.backtest.rules import Rules
from plugins.backtest import assessment_run
from plugins.backtest.assessment_run import contenders_from_files
from plugins.backtest.market import market_from_database
from plugins.backtest.orders import orders


def test_two_models_of_one_configuration_run_once():
    twice = assessment_run._once([
        dataclasses.replace(contenders_from_files(("golden_cross",))[0], name=name) for name in ("a", "b")
    ])  # fmt: skip
    assert [c.error for c in twice] == ["", "the same configuration as a, whose results are its own"]


@pytest.mark.parametrize(("asked", "runs"), [
    ((), "golden_cross"), (("a_second", "golden_cross"), "golden_cross"), (("a_second",), "a_second"),
])  # fmt: skip
def test_of_two_models_the_one_of_the_strategys_own_name_runs_unless_only_the_other_is_asked_for(asked, runs):
    """A ranking compares with buy_and_hold: a second model of it must not take its place."""
    own = contenders_from_files(("golden_cross",))[0]
    rows = [dataclasses.replace(own, name="a_second"), own]
    picked = {c.name: c.error for c in assessment_run._picked(rows, asked)}
    assert [name for name, error in picked.items() if not error] == [runs]


def test_a_second_assessment_at_another_rate_moves_the_cash_of_every_strategy_alike(small_chain):
    """What is not invested earns the risk-free rate the ranking measures against, whichever strategy it is."""
    names = ("dual_momentum", "balanced_portfolio", "momentum")
    settings = parse_settings(Path(), {"RISK_FREE_RATE": "0.05"})
    strategies = [c.strategy for c in contenders_from_files(names)]
    found = orders(market_from_database(small_chain.reader), strategies, assessment_run.rules_for(settings, {})).rules
    rates = found[:, Rules._fields.index("cash_rate")]
    assert (1 + rates) ** 252 - 1 == pytest.approx([0.05] * 3)
