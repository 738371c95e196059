import datetime as dt
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ConfigError, DataQualityError
from models.portfolio import build_targets
from models.portfolio_weights import METHODS, PortfolioRules
from tests.support.lookbacks import past

DAY = dt.date(2024, 7, 1)
FREE = PortfolioRules(
    max_symbol=1.0, max_sector=10.0, max_gross=10.0, max_net=10.0, cash_buffer=-9.0, max_turnover=100.0, min_change=0.0
)
CLOSES = {"A": Decimal(10), "B": Decimal("33.33"), "C": Decimal(20), "D": Decimal(5)}


def plan(scores, positions=None, rules=FREE, **changed):
    given = {"closes": CLOSES, "next_splits": {}, "equity_usd": Decimal(100_000)}
    return build_targets(DAY, scores, rules, positions=positions or {}, **{**given, **changed})


def quantities(result):
    return {t.symbol: t.target_quantity for t in result.targets}


def weights(result):
    return {t.symbol: round(t.target_weight, 9) for t in result.targets}


def test_shares_are_cut_off_toward_zero_and_the_rest_is_told():
    result = plan({"B": -0.75, "A": 0.5})
    assert [(t.symbol, t.score, round(t.target_weight, 9), t.target_quantity) for t in result.targets] == [
        ("A", 0.5, 0.025, 250),
        ("B", -0.75, -0.0375, -112),  # 3750 / 33.33 = 112.5
    ]
    assert [round(t.residual_usd, 2) for t in result.targets] == [0.0, -17.04]
    assert result.skipped == ()


def test_weights_lose_no_share_to_binary_fractions():
    rules = replace(FREE, full_score_weight=0.15)
    assert quantities(plan({"A": 1.0}, rules=rules, closes={"A": Decimal(50)})) == {"A": 300}
    assert quantities(plan({"A": 0.15}, closes={"A": Decimal("7.5")})) == {"A": 100}


def test_a_holding_without_a_score_is_to_be_closed():
    (target,) = plan({}, {"A": Decimal(-7)}).targets
    assert (target.score, target.target_quantity, target.current_quantity) == (0.0, 0, -7)
    assert plan({}, {"A": Decimal(0)}).targets == ()


def test_no_close_no_target():
    result = plan({"Z": 1.0, "A": 1.0}, {"Y": Decimal(5)})
    assert quantities(result).keys() == {"A"}
    assert [(s.symbol, s.current_quantity) for s in result.skipped] == [("Y", 5), ("Z", 0)]
    assert "no close for Y on 2024-07-01" in result.skipped[0].reason


def test_what_is_restricted_stays():
    result = plan({"A": 1.0, "B": 1.0}, {"A": Decimal(5)}, restricted=frozenset("AB"))
    assert result.targets == ()
    assert [(s.symbol, s.reason) for s in result.skipped] == [("A", "A is restricted: the holding stays")]


def test_everything_is_in_the_next_sessions_share_basis():
    (target,) = plan({"A": 1.0}, {"A": Decimal(101)}, next_splits={"A": Decimal("1.5")}).targets
    assert target.reference_price == Decimal("6.66666667")
    assert (target.current_quantity, target.target_quantity) == (151, 749)  # 151.5 less the fraction
    (reverse,) = plan({"A": 1.0}, {"A": Decimal(-101)}, next_splits={"A": Decimal("0.1")}).targets
    assert (reverse.reference_price, reverse.current_quantity, reverse.target_quantity) == (100, -10, 50)


def test_what_is_to_be_flat_is_flat_with_its_reason():
    (target,) = plan({"A": 1.0}, {"A": Decimal(7)}, flat={"A": "held for 5 sessions"}).targets
    assert (target.target_quantity, target.score, target.reason) == (0, 1.0, "held for 5 sessions")


def test_without_equity_everything_is_closed():
    assert quantities(plan({"A": 1.0}, {"A": Decimal(7)}, equity_usd=Decimal(-5))) == {"A": 0}


@pytest.mark.parametrize("bad", [{"scores": {"A": float("nan")}}, {"scores": {"A": 1.1}}])
def test_refused_scores(bad):
    with pytest.raises(DataQualityError, match="outside"):
        plan(**bad)
    with pytest.raises(DataQualityError, match="not a positive number"):
        plan({"A": 1.0}, closes={"A": Decimal("NaN")})
    with pytest.raises(DataQualityError, match="not a positive number"):
        plan({"A": 1.0}, next_splits={"A": Decimal(0)})
    with pytest.raises(ConfigError, match="unknown way"):
        PortfolioRules(method="luck")


def test_caps_per_symbol_sector_gross_and_net():
    scores = {"A": 1.0, "B": 1.0, "C": 1.0, "D": -1.0}
    rules = replace(FREE, full_score_weight=0.4)
    assert weights(plan(scores, rules=replace(rules, max_symbol=0.3))) == {"A": 0.3, "B": 0.3, "C": 0.3, "D": -0.3}
    sectors = {"A": "Tech", "B": "Tech", "C": "Oil"}  # D has none
    capped = weights(plan(scores, rules=replace(rules, max_sector=0.5), sectors=sectors))
    assert capped == {"A": 0.25, "B": 0.25, "C": 0.4, "D": -0.4}
    nameless = weights(plan(scores, rules=replace(rules, max_sector=0.5)))  # no sector is one sector
    assert sum(map(abs, nameless.values())) == pytest.approx(0.5)
    gross = weights(plan(scores, rules=replace(rules, max_gross=0.8)))
    assert gross == {"A": 0.2, "B": 0.2, "C": 0.2, "D": -0.2}
    buffered = weights(plan(scores, rules=replace(rules, max_gross=1.0, cash_buffer=0.2)))
    assert buffered == gross
    net = weights(plan(scores, rules=replace(rules, max_net=0.2)))
    assert net == {"A": 0.2, "B": 0.2, "C": 0.2, "D": -0.4}


def test_small_adjustments_are_left_out_but_never_an_end():
    rules = replace(FREE, min_change=0.01)  # 1000 USD
    assert quantities(plan({"A": 1.0}, {"A": Decimal(450)}, rules)) == {"A": 450}
    assert quantities(plan({"A": 1.0}, {"A": Decimal(350)}, rules)) == {"A": 500}
    assert quantities(plan({}, {"A": Decimal(5)}, rules)) == {"A": 0}
    assert quantities(plan({"A": -0.01}, {"A": Decimal(5)}, rules)) == {"A": -5}


def test_more_names_than_are_worth_an_order_leave_the_strongest_and_of_equals_those_held():
    scores = {"A": 0.5, "B": 0.5, "C": -1.0, "D": 0.5}
    rules = replace(FREE, full_score_weight=0.2, max_gross=0.3, min_change=0.1)
    assert weights(plan(scores, rules=rules)) == {"A": 0.1, "B": 0.0, "C": -0.2, "D": 0.0}
    assert weights(plan(scores, {"D": Decimal(2000)}, rules)) == {"A": 0.0, "B": 0.0, "C": -0.2, "D": 0.1}
    assert weights(plan(scores, rules=replace(rules, min_change=0.05))) == {
        "A": 0.06, "B": 0.06, "C": -0.12, "D": 0.06,
    }  # fmt: skip
    # Within a sector first: of A, B and D two are worth an order. Where there is room, a small score stays small.
    sectors = {"A": "Oil", "B": "Oil", "C": "Tech", "D": "Oil"}
    narrow = replace(rules, max_gross=1.0, max_sector=0.2)
    assert weights(plan(scores, rules=narrow, sectors=sectors)) == {"A": 0.1, "B": 0.1, "C": -0.2, "D": 0.0}
    assert weights(plan({"A": 0.1}, rules=rules)) == {"A": 0.02}


def test_turnover_is_taken_from_growth_and_not_from_what_is_closed():
    rules = replace(FREE, max_turnover=0.05)
    result = plan({"A": 1.0, "C": -1.0}, {"D": Decimal(400)}, rules)  # 2000 closed, 3000 left of 10,000
    assert quantities(result) == {"A": 150, "C": -75, "D": 0}


def test_between_rebalancings_holdings_are_only_closed():
    held = {"A": Decimal(100), "B": Decimal(100), "C": Decimal(-50)}
    result = plan({"A": 1.0, "B": -1.0, "D": 1.0}, held, rebalances=False)
    assert quantities(result) == {"A": 100, "B": 0, "C": 0, "D": 0}


def test_top_n_takes_the_best_of_each_side():
    rules = replace(FREE, method="top_n", names=1, max_gross=0.6)
    assert weights(plan({"A": 0.3, "B": 0.9, "C": -0.2, "D": -0.8}, rules=rules)) == {
        "A": 0.0, "B": 0.3, "C": 0.0, "D": -0.3,
    }  # fmt: skip


def test_inverse_volatility_weighs_by_risk():
    lookback = past({"A": 0.01, "B": 0.02, "C": 0.04})
    rules = replace(FREE, method="inverse_volatility", max_gross=0.7)
    found = weights(plan({"A": 1.0, "B": -0.2, "C": 0.5}, rules=rules, lookback=lookback))
    deviation = lookback.returns("ABC", 250).std(axis=0, ddof=1)
    expected = 0.7 / deviation / (1 / deviation).sum()
    assert list(found.values()) == pytest.approx(expected * [1, -1, 1], abs=1e-9)


def test_minimum_variance_equals_the_closed_form_and_cvar_is_no_worse_than_others():
    lookback = past({"A": 0.01, "B": 0.02, "C": 0.015})
    rules = replace(FREE, max_gross=1.0, max_symbol=1.0)
    scores = {"A": 1.0, "B": -1.0, "C": 1.0}
    returns = lookback.returns("ABC", 250) * [1, -1, 1]
    inverse = np.linalg.inv(np.cov(returns.T)).sum(axis=1)
    found = weights(plan(scores, rules=replace(rules, method="min_variance"), lookback=lookback))
    assert list(found.values()) == pytest.approx(inverse / inverse.sum() * [1, -1, 1], abs=2e-3)
    least = np.array(list(weights(plan(scores, rules=replace(rules, method="min_cvar"), lookback=lookback)).values()))

    def cvar(signed):
        return -np.sort(lookback.returns("ABC", 250) @ signed)[:12].mean()

    assert least @ [1, -1, 1] == pytest.approx(1.0, abs=1e-4)
    for other in np.random.default_rng(1).dirichlet(np.ones(3), 50):
        assert cvar(least) <= cvar(other * [1, -1, 1]) * 1.02


def test_who_has_too_little_history_gets_no_weight_from_methods_that_measure_risk():
    lookback = past({"A": 0.01, "B": 0.02}, young={"B": 40})
    for method in ("inverse_volatility", "min_variance", "min_cvar"):
        rules = replace(FREE, method=method, max_gross=1.0)
        found = weights(plan({"A": 1.0, "B": 1.0}, rules=rules, lookback=lookback))
        assert (found["A"], found["B"]) == (pytest.approx(1.0), 0.0)


SCORE = st.one_of(st.just(0.0), st.floats(-1.0, 1.0))


@given(
    st.lists(st.tuples(SCORE, st.integers(-2000, 2000), st.integers(1, 90)), min_size=1, max_size=6),
    st.sampled_from(["score_proportional", "top_n", "inverse_volatility"]), st.data(),
)  # fmt: skip
def test_targets_keep_all_caps_whatever_is_wanted(rows, method, data):
    symbols = [f"S{i}" for i in range(len(rows))]
    sectors = {s: data.draw(st.sampled_from(["", "X", "Y"])) for s in symbols}
    rules = PortfolioRules(method=method, full_score_weight=0.5, max_symbol=0.2, max_sector=0.3, max_net=0.25, names=2)
    lookback = past(dict.fromkeys(symbols, 0.01))
    result = build_targets(
        DAY, {s: r[0] for s, r in zip(symbols, rows, strict=True)}, replace(rules, min_change=0.0, max_turnover=50.0),
        closes={s: Decimal(r[2]) for s, r in zip(symbols, rows, strict=True)}, next_splits={}, sectors=sectors,
        positions={s: Decimal(r[1]) for s, r in zip(symbols, rows, strict=True)}, equity_usd=Decimal(50_000),
        lookback=lookback,
    )  # fmt: skip
    value = {t.symbol: float(t.target_quantity * t.reference_price) / 50_000 for t in result.targets}
    assert all(abs(v) <= 0.2 + 1e-9 for v in value.values())
    assert sum(map(abs, value.values())) <= 0.98 + 1e-9
    for sector in set(sectors.values()):
        assert sum(abs(v) for s, v in value.items() if sectors[s] == sector) <= 0.3 + 1e-9
    aimed = sum(t.target_weight for t in result.targets)
    assert abs(aimed) <= 0.25 + 1e-9
    for t in result.targets:
        assert t.target_quantity * t.target_weight >= 0
        assert abs(t.residual_usd) < t.reference_price


def test_the_methods_are_those_the_database_knows():
    from data_layer.settings import ROOT

    migration = (ROOT / "db-init/migrations/0027_ensemble_and_portfolio.sql").read_text()
    assert all(f"'{name}'" in migration for name in METHODS)
