"""Every limit found keeps the contract, and whatever is wanted, what is approved is within all of them."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_layer.storage.limits import default_limits
from models.lookback import Lookback
from models.records import TargetPosition
from models.risk.base import RiskContext
from models.risk.check import available_limits, build_limits, check_risk
from models.risk.max_cvar import MaxCvar
from tests.support.lookbacks import past

DAY = dt.date(2024, 7, 1)
SYMBOLS = [f"S{i}" for i in range(6)]
DEFAULTS = {row["name"]: row["threshold"] for row in default_limits()}
EQUITY = 100_000.0
PASTS = [
    past({s: 0.01 * (i + 1) for i, s in enumerate(SYMBOLS)}, alike=SYMBOLS[:3], young={"S5": 70}, seed=seed)
    for seed in range(3)
]
WIDE = dict.fromkeys(DEFAULTS, 1000.0) | {"min_confidence": 0.0}


def wanted(rows):
    return [
        TargetPosition(s, DAY, 1.0, 0.0, want, held, Decimal(price))
        for s, (want, held, price) in zip(SYMBOLS, rows, strict=False)
    ]


def context(targets, lookback, **changed):
    given = {
        "equity_usd": EQUITY,
        "holdings_usd": {t.symbol: float(t.current_quantity * t.reference_price) for t in targets},
        "lookback": lookback, "confidences": dict.fromkeys(SYMBOLS, 0.9),
        "sectors": {"S0": "X", "S1": "X", "S2": "Y"},
        "quotes": {t.symbol: float(t.reference_price) for t in targets},
    }  # fmt: skip
    return RiskContext(**{**given, **changed})


@pytest.mark.parametrize("name", available_limits())
def test_a_limit_says_what_it_measured_and_never_holds_a_position(name):
    rows = [(300, 0, 10), (0, 200, 10), (-100, 100, 10), (50, 90, 10), (-80, -20, 10)]
    targets = wanted(rows)
    facts = context(targets, PASTS[0])
    for threshold in (WIDE[name], 0.0 if name != "min_confidence" else 1000.0):
        limits = build_limits({**WIDE, name: threshold})
        for decision, (want, held, _) in zip(check_risk(targets, limits, facts), rows, strict=True):
            check = next(c for c in decision.checks if c.limit == name)
            assert check.threshold == threshold
            assert check.value is not None
            assert np.isfinite(check.value)
            assert abs(check.allowed_quantity) <= abs(want - held)
            assert check.allowed_quantity * (want - held) >= 0
            assert bool(check.reason) == (check.allowed_quantity != want - held)
            if want * held >= 0 and abs(want) <= abs(held):
                assert check.allowed_quantity == want - held  # also at a threshold of nothing
            elif want * held < 0:
                assert abs(check.allowed_quantity) >= abs(held)


@pytest.mark.parametrize("name", sorted(set(available_limits()) - {"kill_switch"}))
def test_without_facts_a_limit_rejects_growth_and_names_what_is_missing_or_needs_none(name):
    """A limit either needs no more than the account, or says what it lacks."""
    targets = wanted([(300, 0, 10)])
    bare = RiskContext(EQUITY, {})
    (decision,) = check_risk(targets, [available_limits()[name](WIDE[name])], bare)
    needs = {
        "max_cvar",
        "max_volatility",
        "max_volume_share",
        "min_confidence",
        "max_data_age",
        "price_collar",
    }
    if name in needs:
        assert decision.decision == "rejected"
        assert f"{name} cannot be evaluated without" in decision.reason
        assert "S0" in decision.reason
    else:
        assert decision.decision == "approved"


@pytest.mark.parametrize("name", available_limits())
def test_a_symbols_own_threshold_decides_where_the_limit_says_so_and_nowhere_else(name):
    targets = wanted([(100, 0, 10), (100, 0, 10)])
    facts = context(targets, PASTS[0], quotes={"S0": 10.1, "S1": 10.1}, session_loss=0.01, drawdown=0.01)
    old = PASTS[0].history
    stale = replace(old, has_bar=np.vstack([old.has_bar[:-1], np.zeros_like(old.has_bar[-1:])]))
    facts = replace(facts, lookback=Lookback(stale, len(stale.sessions) - 1)) if name == "max_data_age" else facts
    own = {name: {"S0": 1000.0 if name == "min_confidence" else 0.0}}
    limit = next(found for found in build_limits(WIDE, own) if found.name == name)
    tight, wide = check_risk(targets, [limit], facts)
    assert wide.decision == "approved"
    assert (tight.decision == "rejected") == limit.per_symbol


ROW = st.tuples(st.integers(-3000, 3000), st.integers(-3000, 3000), st.integers(1, 60))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(ROW, min_size=1, max_size=6),
    st.integers(0, 2),
    st.sampled_from([0.01, 0.05, 0.3]),
    st.sampled_from([0.005, 0.02, 0.05]),
    st.data(),
)
def test_no_approved_set_ever_exceeds_a_limit(rows, seed, position, tail, data):
    """Whichever of the approved orders fill; beyond a limit only what was held before, and no further."""
    targets = wanted(rows)
    facts = context(targets, PASTS[seed])
    limits = {
        **DEFAULTS,
        "max_position": position,
        "max_cvar": tail,
        "max_gross_exposure": 0.6,
        "max_volatility": 0.1,
    }
    decisions = {d.symbol: d for d in check_risk(targets, build_limits(limits), facts)}
    held = {t.symbol: t.current_quantity for t in targets}
    price = {t.symbol: float(t.reference_price) for t in targets}
    final = {s: q + (decisions[s].approved_quantity if s in decisions else 0) for s, q in held.items()}
    filled = {s: final[s] if data.draw(st.booleans()) else held[s] for s in held}
    before = {s: abs(q) * price[s] for s, q in held.items()}
    for quantities in (final, filled):
        usd = {s: q * price[s] for s, q in quantities.items()}
        size = {s: abs(v) for s, v in usd.items()}
        room = 1e-6
        assert all(v <= max(position * EQUITY, before[s]) + room for s, v in size.items())
        assert sum(size.values()) <= max(0.6 * EQUITY, sum(before.values())) + room
        for names in (["S0", "S1"], ["S2"], ["S3", "S4", "S5"]):
            assert sum(size.get(s, 0.0) for s in names) <= (
                max(0.25 * EQUITY, sum(before.get(s, 0.0) for s in names)) + room
            )
        net = sum(usd.values())
        assert abs(net) <= max(EQUITY, sum(before.values())) + room
    grown = [s for s in final if abs(final[s]) > abs(held[s]) or final[s] * held[s] < 0]
    if grown and any(final[s] for s in grown):
        names = [s for s in final if final[s]]
        bars = min(250, *(70 if s == "S5" else 250 for s in names), 250)
        profits = PASTS[seed].returns(names, bars) @ np.array([final[s] * price[s] for s in names])
        kept = {s: (held[s] if held[s] * final[s] > 0 and abs(held[s]) < abs(final[s]) else 0) for s in grown}
        if any(final[s] != kept[s] for s in grown):
            assert MaxCvar(tail).measure(profits) <= tail * EQUITY * (1 + 1e-9)
            assert profits.std(ddof=1) * 252**0.5 <= 0.1 * EQUITY * (1 + 1e-9)
    for t in targets:
        if abs(t.target_quantity) <= abs(t.current_quantity) and t.target_quantity * t.current_quantity >= 0:
            assert t.symbol not in decisions or decisions[t.symbol].decision == "approved"  # toward flat
