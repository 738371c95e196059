import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ConfigError, DataQualityError
from models.portfolio import build_targets

DAY = dt.date(2024, 7, 1)


def plan(scores, positions=None, **changed):
    given = {
        "active_models": 2, "closes": {"A": Decimal(10), "B": Decimal("33.33")}, "next_splits": {},
        "equity_usd": Decimal(100_000), "full_score_weight": 0.05,
    }  # fmt: skip
    return build_targets(DAY, scores, positions=positions or {}, **{**given, **changed})


def quantities(result):
    return {t.symbol: t.target_quantity for t in result.targets}


def test_mean_over_all_active_models_cut_off_toward_zero():
    result = plan({"B": [-1.0, -0.5], "A": [1.0]})
    assert [(t.symbol, t.score, t.target_weight, t.target_quantity) for t in result.targets] == [
        ("A", 0.5, 0.025, 250),  # the model without a row counts 0
        ("B", -0.75, -0.0375, -112),  # 3750 / 33.33 = 112.5
    ]
    assert result.skipped == ()


def test_decimal_weights_lose_no_share_to_binary_fractions():
    result = plan({"A": [1.0, 1.0]}, closes={"A": Decimal(50)}, full_score_weight=0.15)
    assert quantities(result) == {"A": 300}
    assert quantities(plan({"A": [0.1, 0.2]}, closes={"A": Decimal("7.5")})) == {"A": 100}


def test_a_holding_without_a_score_is_to_be_closed():
    (target,) = plan({}, {"A": Decimal(-7)}).targets
    assert (target.score, target.target_quantity, target.current_quantity) == (0.0, 0, -7)
    assert plan({}, {"A": Decimal(0)}).targets == ()


def test_no_close_no_target():
    result = plan({"C": [1.0], "A": [1.0]}, {"D": Decimal(5)})
    assert quantities(result).keys() == {"A"}
    assert [(s.symbol, s.current_quantity) for s in result.skipped] == [("C", 0), ("D", 5)]
    assert "no close for D on 2024-07-01" in result.skipped[1].reason


def test_everything_is_in_the_next_sessions_share_basis():
    (target,) = plan({"A": [1.0, 1.0]}, {"A": Decimal(101)}, next_splits={"A": Decimal("1.5")}).targets
    assert target.reference_price == Decimal("6.66666667")
    assert (target.current_quantity, target.target_quantity) == (151, 749)  # 151.5 less the fraction
    (reverse,) = plan({"A": [1.0, 1.0]}, {"A": Decimal(-101)}, next_splits={"A": Decimal("0.1")}).targets
    assert (reverse.reference_price, reverse.current_quantity, reverse.target_quantity) == (100, -10, 50)


def test_without_equity_everything_is_closed():
    assert quantities(plan({"A": [1.0]}, {"A": Decimal(3)}, equity_usd=Decimal(-50_000))) == {"A": 0}


@pytest.mark.parametrize(
    ("error", "scores", "changed"),
    [
        (DataQualityError, {"A": [float("nan")]}, {}),
        (DataQualityError, {"A": [1.1]}, {}),
        (DataQualityError, {"A": [1.0]}, {"closes": {"A": Decimal(0)}}),
        (DataQualityError, {"A": [1.0]}, {"closes": {"A": Decimal("NaN")}}),
        (DataQualityError, {"A": [1.0]}, {"next_splits": {"A": Decimal(-2)}}),
        (ConfigError, {"A": [1.0, 1.0, 1.0]}, {}),
        (ConfigError, {"A": [1.0]}, {"full_score_weight": 1.5}),
    ],
)
def test_refusals(error, scores, changed):
    with pytest.raises(error, match="build_targets"):
        plan(scores, **changed)


@given(
    st.lists(st.floats(-1, 1), min_size=1, max_size=4),
    st.decimals("0.01", "5000", places=4),
    st.decimals("0.1", "20", places=2),
    st.integers(-1000, 1000),
)
def test_never_more_than_wanted_and_less_than_a_share_below(scores, close, ratio, held):
    result = plan(
        {"A": scores}, {"A": Decimal(held)}, active_models=4, closes={"A": close}, next_splits={"A": ratio}
    )
    (target,) = result.targets
    wanted = Decimal(sum(scores) / 4 * 0.05 * 100_000)
    value = target.target_quantity * target.reference_price
    assert abs(value) <= abs(wanted) * (1 + Decimal("1e-12"))
    assert abs(wanted - value) < target.reference_price * (1 + Decimal("1e-12"))
    assert abs(Decimal(held) * ratio - target.current_quantity) < 1


def test_order_of_models_and_symbols_does_not_matter():
    scores = {"A": [0.1, 0.2, 0.3], "B": [1.0, -0.7, 1e-9]}
    turned = {s: scores[s][::-1] for s in reversed(scores)}
    assert plan(scores, active_models=3) == plan(turned, active_models=3)
