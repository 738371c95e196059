"""What an order costs and how much money buys: commission and slippage, compiled."""

from __future__ import annotations

import math

from models.backtest.rules import Rules
from models.compiled import njit


@njit(cache=True, nogil=True, error_model="numpy")
def whole(shares: float) -> float:
    """Cut towards zero; what a rounding error keeps from being whole is whole."""
    return math.floor(shares + 1e-9) if shares >= 0.0 else math.ceil(shares - 1e-9)


@njit(cache=True, nogil=True, error_model="numpy")
def commission(rules: Rules, shares: float, value: float) -> float:
    """Return the commission of an order, USD."""
    return (
        max(rules.commission_per_share * shares, rules.commission_minimum)
        + rules.commission_per_order
        + rules.commission_bps * 1e-4 * value
    )


@njit(cache=True, nogil=True, error_model="numpy")
def slippage(rules: Rules, shares: float, volume: float, sigma: float) -> float:
    """Return by how much a fill is worse than the price, a fraction of it below 1."""
    slip = rules.slippage_bps * 1e-4
    if rules.volume_impact > 0.0 or rules.root_impact > 0.0:
        share = shares / volume if volume > 0.0 else 1.0
        slip += rules.volume_impact * share * share
        if sigma > 0.0:
            slip += rules.root_impact * sigma * math.sqrt(share)
    return min(slip, 0.99)


@njit(cache=True, nogil=True, error_model="numpy")
def affordable(rules: Rules, money: float, price: float) -> float:
    """Return how many shares the money buys, commission paid."""
    rest = money - rules.commission_per_order
    each = price * (1.0 + rules.commission_bps * 1e-4)
    shares = min(rest / (each + rules.commission_per_share), (rest - rules.commission_minimum) / each)
    if rules.whole_shares:
        shares = float(math.floor(shares))
    return max(shares, 0.0)
