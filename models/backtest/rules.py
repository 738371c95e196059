"""How orders fill, what they cost and what ends a position: the engine's rules, stated once."""

from __future__ import annotations

import math
from typing import NamedTuple

from models.errors import ConfigError


class Rules(NamedTuple):
    """Numbers only, so that compiled code takes them as they are; NaN switches a rule off.

    Costs add up: commission = max(per_share x shares, minimum) + per_order + bps of the value; the fill is
    worse than the open by slippage_bps, plus volume_impact x (shares / volume)^2 (zipline's volume share
    model), plus root_impact x volatility x sqrt(shares / volume) (the square-root law: Torre (1997), Barra
    Market Impact Model Handbook), as fractions of the price.
    """

    cash: float = 100_000.0  # USD at the start
    commission_per_share: float = 0.005  # USD; a retail broker's per-share plan
    commission_minimum: float = 1.0  # USD per order
    commission_per_order: float = 0.0  # USD
    commission_bps: float = 0.0  # of the traded value
    slippage_bps: float = 5.0  # of the open: half the spread of a liquid large cap
    volume_impact: float = 0.0
    root_impact: float = 0.0
    stop_loss: float = math.nan  # fraction of the entry price
    take_profit: float = math.nan  # fraction of the entry price
    # Trade back to the target when a weight held is off by more, and whenever nothing is; NaN: when it changes.
    band: float = math.nan
    cash_buffer: float = 0.0  # fraction of equity that no target uses
    cash_rate: float = 0.0  # per session, on cash held
    # Per session, on cash owed and on the value sold short: 3 % a year, a short rate of two percent and a broker's
    # margin above it; lending fees of nearly all shares are lower (D'Avolio (2002), The Market for Borrowing Stock).
    borrow_rate: float = 0.03 / 252
    whole_shares: bool = True
    stops_at_close: bool = False  # judged at the close and filled at the next open, not inside the bar
    buys_amounts: bool = False  # a target is USD to buy more, not a weight to hold


# name: lowest and highest value; a cost above these is a unit error (percent for fraction, say).
BOUNDS = {
    "cash": (1.0, 1e12),
    "commission_per_share": (0.0, 10.0),
    "commission_minimum": (0.0, 1_000.0),
    "commission_per_order": (0.0, 1_000.0),
    "commission_bps": (0.0, 1_000.0),
    "slippage_bps": (0.0, 1_000.0),
    "volume_impact": (0.0, 10.0),
    "root_impact": (0.0, 10.0),
    "stop_loss": (0.0001, 1.0),
    "take_profit": (0.0001, 100.0),
    "band": (0.0, 1.0),
    "cash_buffer": (0.0, 0.99),
    "cash_rate": (-0.001, 0.001),
    "borrow_rate": (0.0, 0.01),
}
OPTIONAL = {"stop_loss", "take_profit", "band"}


def checked_rules(rules: Rules) -> Rules:
    """Return the rules unchanged.

    Raises:
        ConfigError: when a number is missing or out of its range; it names the rule and the range.
    """
    for name, (low, high) in BOUNDS.items():
        value = getattr(rules, name)
        if math.isnan(value) and name in OPTIONAL:
            continue
        if not low <= value <= high:
            raise ConfigError("rule out of range", stage="backtest", key=name, value=value,
                              remedy=f"set it from {low} to {high}")  # fmt: skip
    return rules
