import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest

from data_layer.storage.limits import default_limits, own_thresholds
from models.errors import ConfigError, DataQualityError
from models.records import TargetPosition
from models.risk.base import RiskContext
from models.risk.check import available_limits, build_limits, check_risk
from models.risk.kill_switch import KillSwitch
from models.risk.max_correlated import MaxCorrelated
from models.risk.max_data_age import MaxDataAge
from models.risk.max_drawdown import MaxDrawdown
from models.risk.max_gross_exposure import MaxGrossExposure
from models.risk.max_net_exposure import MaxNetExposure
from models.risk.max_position import MaxPosition
from models.risk.max_sector import MaxSector
from models.risk.max_session_loss import MaxSessionLoss
from models.risk.max_session_notional import MaxSessionNotional
from models.risk.max_session_orders import MaxSessionOrders
from models.risk.max_volume_share import MaxVolumeShare
from models.risk.min_confidence import MinConfidence
from models.risk.price_collar import PriceCollar, within_collar
from tests.support.lookbacks import past

DAY = dt.date(2024, 7, 1)
LETTERS = "ABCDEFX"


def target(symbol, wanted, current=0, price="10"):
    return TargetPosition(symbol, DAY, 1.0, 0.0, wanted, current, Decimal(price))


def context(**changed):
    given = {
        "equity_usd": 100_000.0, "holdings_usd": {}, "lookback": past(dict.fromkeys(LETTERS, 0.01)),
        "confidences": dict.fromkeys(LETTERS, 1.0), "quotes": dict.fromkeys(LETTERS, 10.0),
        "sectors": {s: s for s in LETTERS},
    }  # fmt: skip
    return RiskContext(**{**given, **changed})


def decide(targets, *limits, **changed):
    return [(d.decision, d.approved_quantity) for d in check_risk(targets, limits, context(**changed))]


def thresholds(**changed):
    return {row["name"]: row["threshold"] for row in default_limits()} | changed


def test_the_file_of_defaults_names_exactly_the_limits_there_are():
    assert list(available_limits()) == sorted(row["name"] for row in default_limits())
    assert own_thresholds() == [name for name, limit in available_limits().items() if limit.per_symbol]
    assert {cls.__module__.rpartition(".")[2] for cls in available_limits().values()} == set(
        available_limits()
    )


def test_no_limit_can_be_forgotten_or_misspelt():
    limits = build_limits(thresholds(max_position=0.2), {"max_position": {"A": 0.3}})
    assert [limit.name for limit in limits] == list(available_limits())
    assert {limit.name: limit.threshold for limit in limits}["max_position"] == 0.2
    with pytest.raises(ConfigError, match=r"max_leverage.*known are"):
        build_limits(thresholds(max_leverage=1.0))
    missing = thresholds()
    del missing["max_cvar"]
    with pytest.raises(ConfigError, match=r"without a threshold.*max_cvar"):
        build_limits(missing)
    for bad in (-0.1, float("nan"), float("inf")):
        with pytest.raises(ConfigError, match="max_position"):
            build_limits(thresholds(max_position=bad))


@pytest.mark.parametrize(
    ("current", "wanted", "approved"),
    [
        (0, 500, 500), (0, 1000, 1000), (0, 1001, 1000), (0, -1500, -1000), (500, 1500, 500),
        (1200, 1300, 0),  # above the limit already: no further, but nothing is cut by force
        (1500, 1200, -300),  # toward flat always
        (1500, 0, -1500),
        (1500, -400, -1900),
        (1500, -3000, -2500),  # through zero the new side is bounded
        (-1500, 3000, 2500), (-1500, -1200, 300),
    ],
)  # fmt: skip
def test_max_position(current, wanted, approved):
    (decision,) = check_risk([target("A", wanted, current)], [MaxPosition(0.10)], context())
    assert decision.approved_quantity == approved
    (check,) = decision.checks
    assert (check.limit, check.value, check.threshold) == ("max_position", abs(wanted) / 10_000, 0.10)
    assert bool(decision.reason) == (approved != wanted - current)


def test_a_symbol_may_have_a_threshold_of_its_own():
    limit = MaxPosition(0.05, {"B": 0.08})
    found = check_risk([target("A", 2000), target("B", 2000)], [limit], context())
    assert [(d.approved_quantity, d.checks[0].threshold) for d in found] == [(500, 0.05), (800, 0.08)]


def test_max_gross_counts_every_holding_and_takes_from_all_growth_alike():
    holdings = {"X": -40_000.0, "C": 20_000.0}
    targets = [target("C", 3000, 2000), target("A", 2500), target("B", 2500)]
    assert decide(targets, MaxGrossExposure(1.0), holdings_usd=holdings) == [
        ("reduced", 1666), ("reduced", 1666), ("reduced", 666),
    ]  # fmt: skip


def test_a_sale_frees_no_room_before_it_is_filled():
    targets = [target("A", 0, 9000), target("B", 5000)]
    for limit in (MaxGrossExposure(1.0), MaxNetExposure(1.0)):
        assert decide(targets, limit, holdings_usd={"A": 90_000.0}) == [
            ("approved", -9000),
            ("reduced", 1000),
        ]


def test_max_net_bounds_each_way_by_itself():
    targets = [target("A", 3000), target("B", -3000), target("C", 3000)]
    assert decide(targets, MaxNetExposure(0.4)) == [("reduced", 2000), ("approved", -3000), ("reduced", 2000)]
    assert decide(targets[1:2], MaxNetExposure(0.1)) == [("reduced", -1000)]


def test_symbols_without_a_sector_count_as_one():
    targets = [target("A", 2000), target("B", 2000), target("C", 2000)]
    for sectors in ({"C": "Oil"}, {"A": "", "C": "Oil"}, {"A": "Tech", "B": "Tech", "C": "Oil"}):
        assert decide(targets, MaxSector(0.25), sectors=sectors) == [
            ("reduced", 1250), ("reduced", 1250), ("approved", 2000),
        ]  # fmt: skip
    assert decide([target("A", 2000)], MaxSector(0.25), sectors={}, holdings_usd={"X": -20_000.0}) == [
        ("reduced", 500)
    ]


def test_what_moves_together_counts_together_by_the_sides_held():
    lookback = past(dict.fromkeys("ABC", 0.01), alike="AB")
    targets = [target("A", 2000), target("B", 2000), target("C", 2000)]
    assert decide(targets, MaxCorrelated(0.25), lookback=lookback) == [
        ("reduced", 1250), ("reduced", 1250), ("approved", 2000),
    ]  # fmt: skip
    hedged = [target("A", 2000), target("B", -2000)]
    assert decide(hedged, MaxCorrelated(0.25), lookback=lookback) == [("approved", 2000), ("approved", -2000)]
    assert decide(
        [target("A", 2000)], MaxCorrelated(0.25), lookback=lookback, holdings_usd={"B": 20_000.0}
    ) == [("reduced", 500)]


def test_share_of_volume_in_the_orders_share_basis():
    lookback = past({"A": 0.01, "B": 0.01}, volume=10_000, young={"B": 19})
    found = check_risk([target("A", 300), target("B", 1)], [MaxVolumeShare(0.01)], context(lookback=lookback))
    assert [(d.approved_quantity, d.checks[0].value) for d in found] == [(100, 0.03), (0, None)]
    assert "20 sessions of B's volume" in found[1].reason
    split = context(lookback=lookback, next_splits={"A": 2.0})
    assert check_risk([target("A", 300)], [MaxVolumeShare(0.01)], split)[0].approved_quantity == 200


def test_confidence_age_and_price_are_asked_of_growth_alone():
    cases = [
        (MinConfidence(0.55), {"confidences": {"A": 0.54, "B": 0.55}}, "an ensemble signal for C"),
        (MaxDataAge(0), {"lookback": past({"A": 0.01, "B": 0.01})}, "a bar of C"),
        (PriceCollar(0.1), {"quotes": {"A": 11.1, "B": 10.9}}, "a price of C"),
    ]
    for limit, facts, lacks in cases:
        found = check_risk([target("B", 5), target("C", 5), target("D", 0, 5)], [limit], context(**facts))
        assert [d.decision for d in found] == ["approved", "rejected", "approved"]
        assert lacks in found[1].reason
    assert decide([target("A", 5)], MinConfidence(0.55), confidences={"A": 0.54}) == [("rejected", 0)]
    assert decide([target("A", 5)], PriceCollar(0.1), quotes={"A": 11.1}) == [("rejected", 0)]
    stale = past({"A": 0.01})
    stale.history.has_bar[-1] = False
    assert decide([target("A", 5)], MaxDataAge(0), lookback=stale) == [("rejected", 0)]
    assert within_collar(10.0, 10.9, 0.1)
    assert not any(within_collar(10.0, p, 0.1) for p in (11.01, 8.9, 0.0, -1.0, float("nan"), float("inf")))


def test_loss_and_drawdown_end_growth():
    for limit, fact in ((MaxSessionLoss(0.05), "session_loss"), (MaxDrawdown(0.05), "drawdown")):
        assert decide([target("A", 5), target("B", 0, 5)], limit, **{fact: 0.05}) == [
            ("rejected", 0),
            ("approved", -5),
        ]
        assert decide([target("A", 5)], limit, **{fact: 0.0499}) == [("approved", 5)]


def test_orders_and_notional_of_a_session_serve_what_is_toward_flat_first():
    targets = [target("A", 5), target("B", 7), target("C", 0, 9), target("D", 6)]
    assert decide(targets, MaxSessionOrders(2)) == [
        ("rejected", 0), ("approved", 7), ("approved", -9), ("rejected", 0),
    ]  # fmt: skip
    assert decide(targets, MaxSessionOrders(0))[2] == ("approved", -9)
    targets = [target("A", 4000), target("B", 0, 4000)]
    assert decide(targets, MaxSessionNotional(0.5)) == [("reduced", 1000), ("approved", -4000)]
    assert decide(targets, MaxSessionNotional(0.3)) == [("rejected", 0), ("approved", -4000)]


def test_latched_kill_switch_rejects_even_reductions():
    limits = build_limits(thresholds())
    (decision,) = check_risk([target("A", 0, 10)], limits, context(kill_switch="drawdown of 12 %"))
    assert (decision.decision, decision.approved_quantity) == ("rejected", 0)
    assert "drawdown of 12 %" in decision.reason
    assert [c.value for c in decision.checks if c.limit == "kill_switch"] == [1.0]
    (armed,) = check_risk([target("A", 0, 10)], [KillSwitch(0)], context())
    assert (armed.decision, armed.checks[0].value, armed.reason) == ("approved", 0.0, "")


def test_the_tightest_limit_wins_and_each_verdict_is_kept():
    limits = build_limits(thresholds(max_gross_exposure=0.02, max_position=0.01))
    (decision,) = check_risk([target("A", 5000)], limits, context())
    assert (decision.decision, decision.approved_quantity) == ("reduced", 100)
    allowed = {c.limit: c.allowed_quantity for c in decision.checks}
    assert allowed["max_gross_exposure"] == 200
    assert allowed["max_position"] == 100
    assert allowed.keys() == set(available_limits())
    assert "max_position would be 0.5000, the limit is 0.01" in decision.reason
    assert all(c.threshold is not None and c.value is not None for c in decision.checks)


def test_what_limits_leave_is_not_ordered_when_it_is_worth_too_little():
    targets = [target("A", 2000), target("B", 0, 1)]  # of A's 20,000 USD 5,000 are left; what is toward flat passes
    assert decide(targets, MaxPosition(0.05), least_usd=5000.0) == [("reduced", 500), ("approved", -1)]
    assert decide(targets, MaxPosition(0.05), least_usd=5000.1) == [("rejected", 0), ("approved", -1)]
    assert decide([target("A", 10)], MaxPosition(0.05), least_usd=5000.0) == [("approved", 10)]  # nobody reduced it
    (found,) = check_risk(targets[:1], [MaxPosition(0.05)], context(least_usd=6000.0))
    assert found.reason.endswith("is not worth an order (min_change)")


def test_without_equity_only_reductions_pass():
    limits = build_limits(thresholds())
    found = check_risk(
        [target("A", 1), target("B", -1, 5)], limits, context(equity_usd=-1.0, holdings_usd={"B": 50.0})
    )
    assert [(d.decision, d.approved_quantity) for d in found] == [("rejected", 0), ("reduced", -5)]


def test_nothing_to_change_needs_no_decision():
    assert decide([target("A", 5, 5)], KillSwitch(0)) == []


def test_the_input_order_does_not_matter():
    targets = [target(s, 600) for s in "CABED"]
    limits = build_limits(thresholds(max_gross_exposure=0.2))
    found = check_risk(targets, limits, context())
    assert found == check_risk(targets[::-1], limits, context())
    assert [d.symbol for d in found] == list("ABCDE")


def test_refusals():
    with pytest.raises(ConfigError, match="no risk limits"):
        check_risk([target("A", 1)], [], context())
    with pytest.raises(DataQualityError, match="two targets"):
        decide([target("A", 1), target("A", 2)], KillSwitch(0))
    with pytest.raises(DataQualityError, match="without a value"):
        decide([target("A", 1)], KillSwitch(0), holdings_usd={"B": float("nan")})


class Turned(MaxPosition):
    factor = 3

    def check(self, batch):
        return replace(super().check(batch), growth=batch.growth * self.factor)


def test_a_limit_can_only_shrink_a_trade(monkeypatch):
    assert decide([target("A", 5)], Turned(1.0)) == [("approved", 5)]
    monkeypatch.setattr(Turned, "factor", -1)
    with pytest.raises(DataQualityError, match="another trade"):
        decide([target("A", 5)], Turned(1.0))
