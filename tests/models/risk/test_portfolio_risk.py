"""CVaR and volatility of the whole target portfolio, by what its positions did before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.lookback import Lookback
from models.risk.base import Batch
from models.risk.check import check_risk
from models.risk.max_correlated import MaxCorrelated
from models.risk.max_cvar import MaxCvar
from models.risk.max_volatility import MaxVolatility
from models.risk.portfolio_risk import simulate
from tests.models.risk.test_check import context, decide, target
from tests.support.lookbacks import past


def test_cvar_is_the_mean_of_the_worst_twentieth_and_cuts_all_growth_alike():
    lookback = past({"A": 0.05, "B": 0.04})
    returns = lookback.returns("AB", 250)

    def cvar(shares):
        profits = np.sort(returns @ (np.array(shares) * 10.0))
        return -(profits[:12].sum() + 0.45 * profits[12]) / 12.45 / 100_000

    (a, b) = check_risk([target("A", 3000), target("B", 4000)], [MaxCvar(0.03)], context(lookback=lookback))
    assert a.checks[0].value == pytest.approx(cvar([3000, 4000]), rel=1e-12)
    assert 0 < a.approved_quantity < 3000
    assert a.approved_quantity / 3000 == pytest.approx(b.approved_quantity / 4000, abs=1e-3)
    assert cvar([a.approved_quantity, b.approved_quantity]) <= 0.03
    assert cvar([a.approved_quantity + 10, b.approved_quantity + 10]) > 0.03
    from skfolio.measures import cvar as theirs

    profits = returns @ np.array([3.0, 4.0])
    assert MaxCvar(0.03).measure(profits) == pytest.approx(theirs(profits, beta=0.95), rel=1e-9)


def test_a_hedge_lost_to_whole_shares_takes_more_of_the_rest():
    lookback = past({"A": 0.02, "B": 0.02}, alike="AB")
    wanted = [target("A", 10_000), target("B", -1, price="60000")]
    unhedged = MaxVolatility(0.0).measure(lookback.returns("A", 250)[:, 0])
    limit = MaxVolatility(0.39 * unhedged)  # 40 % of equity at risk are wanted; without B it would be all of A
    a, b = check_risk(wanted, [limit], context(lookback=lookback))
    assert b.approved_quantity == 0
    assert 0.3 < a.approved_quantity / 10_000 <= 0.39


def test_a_verdict_has_the_same_bits_however_the_returns_lie_in_memory(monkeypatch):
    symbols = [f"S{i}" for i in range(150)]
    lookback, of = past(dict.fromkeys(symbols, 0.01)), Lookback.returns
    wanted = [target(s, 100 + 7 * i, price=f"{10 + i / 7:.2f}") for i, s in enumerate(symbols)]
    found = []
    for order in "CF":
        monkeypatch.setattr(Lookback, "returns", lambda *a, order=order: np.array(of(*a), order=order))
        as_of = context(lookback=lookback)
        profits = simulate(Batch(wanted, as_of))[2]
        found.append((profits.tobytes(), check_risk(wanted, [MaxCorrelated(0.001)], as_of)))
    assert found[0] == found[1]


def test_shares_next_to_the_limit_of_correlation_are_told_apart_by_more_than_seven_digits():
    lookback = past({"A": 1.0, "B": 1.0})
    basis, _ = np.linalg.qr(np.column_stack([np.ones(249), lookback.year]))  # orthogonal, two of mean 0
    for off, alike in ((1e-9, True), (-1e-9, False)):
        returns = lookback.history.returns.copy()
        returns[1:, 0] = basis[:, 1]
        returns[1:, 1] = (0.8 + off) * basis[:, 1] + np.sqrt(1 - (0.8 + off) ** 2) * basis[:, 2]
        near = Lookback(replace(lookback.history, returns=returns * 0.01), lookback.row)
        first, _ = check_risk([target("A", 1000), target("B", 1000)], [MaxCorrelated(0.15)], context(lookback=near))
        assert first.decision == ("reduced" if alike else "approved")


def test_volatility_per_year():
    lookback = past({"A": 0.02})
    (decision,) = check_risk([target("A", 10_000)], [MaxVolatility(0.2)], context(lookback=lookback))
    yearly = lookback.returns("A", 250).std(ddof=1) * 252**0.5
    assert decision.checks[0].value == pytest.approx(yearly)
    assert decision.approved_quantity == int(10_000 * 0.2 / yearly)


def test_too_little_history_rejects_the_symbol_and_of_a_holding_everything():
    lookback = past(dict.fromkeys("ABX", 0.01), young={"B": 59, "X": 60})
    found = check_risk([target("A", 10), target("B", 10)], [MaxCvar(0.05)], context(lookback=lookback))
    assert [(d.decision, d.checks[0].value is None) for d in found] == [
        ("approved", False),
        ("rejected", False),
    ]
    assert "max_cvar cannot be evaluated without 60 bars of B (there are 59)" in found[1].reason
    held = context(lookback=lookback, holdings_usd={"B": 100.0})
    (a, b) = check_risk([target("A", 10), target("B", 5, 10)], [MaxCvar(0.05)], held)
    assert (a.decision, a.checks[0].value) == ("rejected", None)
    assert "60 bars of B" in a.reason
    assert (b.decision, b.approved_quantity) == ("approved", -5)  # toward flat whatever is missing
    assert decide([target("X", 10)], MaxCvar(0.05), lookback=lookback) == [("approved", 10)]
