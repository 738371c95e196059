import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ConfigError, DataQualityError
from models.records import TargetPosition
from models.risk.base import RiskContext
from models.risk.check import available_limits, build_limits, check_risk
from models.risk.kill_switch import KillSwitch
from models.risk.max_gross_exposure import MaxGrossExposure
from models.risk.max_position import MaxPosition

DAY = dt.date(2024, 7, 1)


def target(symbol, wanted, current=0, price="10"):
    return TargetPosition(symbol, DAY, 1.0, 0.0, wanted, current, Decimal(price))


def context(equity=100_000, holdings=None, kill_switch=""):
    values = {s: Decimal(v) for s, v in (holdings or {}).items()}
    return RiskContext(Decimal(equity), values, kill_switch)


def decide(targets, limits=None, **kwargs):
    decisions = check_risk(targets, limits or build_limits(), context(**kwargs))
    return [(d.symbol, d.decision, d.requested_quantity, d.approved_quantity) for d in decisions]


def test_limits_are_found_by_name_and_none_can_be_forgotten():
    assert list(available_limits()) == ["kill_switch", "max_gross_exposure", "max_position"]
    limits = build_limits({"max_position": 0.2})
    assert [(limit.name, limit.threshold) for limit in limits] == [
        ("kill_switch", 0.0), ("max_gross_exposure", 1.0), ("max_position", 0.2),
    ]  # fmt: skip
    with pytest.raises(ConfigError, match=r"max_leverage.*known are"):
        build_limits({"max_leverage": 1.0})
    for threshold in (-0.1, float("nan"), float("inf")):
        with pytest.raises(ConfigError, match="max_position"):
            build_limits({"max_position": threshold})


@pytest.mark.parametrize(
    ("current", "wanted", "approved"),
    [
        (0, 500, 500),
        (0, 1000, 1000),
        (0, 1001, 1000),
        (0, -1500, -1000),
        (500, 1500, 500),
        (1200, 1300, 0),  # above the limit already: no further, but nothing is cut by force
        (1500, 1200, -300),  # toward flat always
        (1500, 0, -1500),
        (1500, -400, -1900),
        (1500, -3000, -2500),  # through zero the new side is bounded
        (-1500, 3000, 2500),
        (-1500, -1200, 300),
    ],
)
def test_max_position(current, wanted, approved):
    (decision,) = check_risk([target("A", wanted, current)], [MaxPosition(0.10)], context())
    assert decision.approved_quantity == approved
    (check,) = decision.checks
    assert (check.limit, check.value, check.threshold) == ("max_position", abs(wanted) / 10_000, 0.10)
    assert bool(decision.reason) == (approved != wanted - current)


def test_max_gross_counts_every_holding_and_every_approval_before():
    limits = [MaxGrossExposure(1.0)]
    holdings = {"X": -40_000, "C": 20_000}
    targets = [target("C", 3000, 2000), target("A", 2500), target("B", 2500)]
    assert decide(targets, limits, holdings=holdings) == [
        ("A", "approved", 2500, 2500), ("B", "reduced", 2500, 1500), ("C", "rejected", 1000, 0),
    ]  # fmt: skip


def test_a_sale_frees_no_room_before_it_is_filled():
    targets = [target("A", 0, 9000), target("B", 5000)]
    assert decide(targets, [MaxGrossExposure(1.0)], holdings={"A": 90_000}) == [
        ("A", "approved", -9000, -9000), ("B", "reduced", 5000, 1000),
    ]  # fmt: skip


def test_latched_kill_switch_rejects_even_reductions():
    (decision,) = check_risk([target("A", 0, 10)], build_limits(), context(kill_switch="drawdown of 12 %"))
    assert (decision.decision, decision.approved_quantity) == ("rejected", 0)
    assert "drawdown of 12 %" in decision.reason
    assert [c.value for c in decision.checks if c.limit == "kill_switch"] == [1.0]
    (armed,) = check_risk([target("A", 0, 10)], [KillSwitch()], context())
    assert (armed.decision, armed.checks[0].value, armed.reason) == ("approved", 0.0, "")


def test_the_tightest_limit_wins_and_each_verdict_is_kept():
    (decision,) = check_risk([target("A", 5000)], build_limits({"max_gross_exposure": 0.2}), context())
    assert (decision.decision, decision.approved_quantity) == ("reduced", 1000)
    allowed = {c.limit: c.allowed_quantity for c in decision.checks}
    assert allowed == {"kill_switch": 5000, "max_gross_exposure": 2000, "max_position": 1000}
    assert "50.00% of equity, above 10.00%" in decision.reason
    assert "0.5000 of equity, above 0.2" in decision.reason


def test_without_equity_only_reductions_pass():
    targets = [target("A", 1), target("B", -1, 5)]
    assert decide(targets, equity=-1, holdings={"B": 50}) == [
        ("A", "rejected", 1, 0), ("B", "reduced", -6, -5),
    ]  # fmt: skip


def test_nothing_to_change_needs_no_decision():
    assert decide([target("A", 5, 5)]) == []


def test_symbol_order_whatever_the_input_order():
    targets = [target(s, 600) for s in "CABED"]
    assert decide(targets) == decide(targets[::-1])
    assert [d[0] for d in decide(targets)] == list("ABCDE")


def test_refusals():
    with pytest.raises(ConfigError, match="no risk limits"):
        check_risk([target("A", 1)], [], context())
    with pytest.raises(DataQualityError, match="two targets"):
        decide([target("A", 1), target("A", 2)])
    with pytest.raises(DataQualityError, match="without a value"):
        decide([target("A", 1)], holdings={"B": "NaN"})


class Enlarging(MaxPosition):
    def check(self, target, context, exposure):
        from dataclasses import replace

        return replace(super().check(target, context, exposure), allowed_quantity=-1)


def test_a_limit_can_only_shrink_a_trade():
    with pytest.raises(DataQualityError, match="another trade"):
        check_risk([target("A", 5)], [Enlarging()], context())


SHARES = st.integers(-3000, 3000)


@given(st.lists(st.tuples(SHARES, SHARES, st.integers(1, 60)), min_size=1, max_size=6), st.data())
def test_whichever_orders_fill_no_limit_is_passed_by_trading(rows, data):
    targets = [target(f"S{i}", wanted, held, str(price)) for i, (wanted, held, price) in enumerate(rows)]
    holdings = {t.symbol: t.current_quantity * t.reference_price for t in targets}
    decisions = check_risk(targets, build_limits(), context(holdings=holdings))
    by_symbol = {t.symbol: t for t in targets}
    final = {t.symbol: t.current_quantity for t in targets}
    for d in decisions:
        t = by_symbol[d.symbol]
        assert d.requested_quantity * d.approved_quantity >= 0
        end = t.current_quantity + d.approved_quantity
        assert abs(end) * t.reference_price <= max(10_000, abs(t.current_quantity) * t.reference_price)
        if abs(t.target_quantity) <= abs(t.current_quantity) and t.target_quantity * t.current_quantity >= 0:
            assert d.decision == "approved"  # toward flat
        if data.draw(st.booleans()):
            final[d.symbol] = end
    before = sum(abs(v) for v in holdings.values())
    after = sum(abs(q) * by_symbol[s].reference_price for s, q in final.items())
    assert after <= max(before, 100_000)
