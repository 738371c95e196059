"""What a limit is: one small class that says how much of one wanted change it lets through."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import ClassVar

from models.errors import ConfigError
from models.records import LimitCheck, TargetPosition


@dataclass
class Exposure:
    """The account's worst case while a batch is decided, in USD by symbol, unsigned.

    A symbol counts with the larger of what is held and what was approved: a sale frees no room before it
    is filled, so whichever of the approved orders fill, no limit is passed.
    """

    by_symbol: dict[str, Decimal] = field(default_factory=dict)
    total: Decimal = Decimal(0)

    def raise_to(self, symbol: str, value: Decimal) -> None:
        """Count the symbol with at least this value."""
        before = self.by_symbol.get(symbol, Decimal(0))
        if value > before:
            self.by_symbol[symbol] = value
            self.total += value - before

    def without(self, symbol: str) -> Decimal:
        """Return the sum over the other symbols."""
        return self.total - self.by_symbol.get(symbol, Decimal(0))


@dataclass(frozen=True)
class RiskContext:
    """What limits may look at besides the target.

    equity_usd: at the session's close; holdings_usd: signed market value by symbol, every holding, those
    without a target included; kill_switch: why it is latched, empty when it is not.
    """

    equity_usd: Decimal
    holdings_usd: Mapping[str, Decimal]
    kill_switch: str = ""


class Limit:
    """One limit; a subclass sets ``name``, its default and ``check``, in a file of its own in this folder.

    Raises:
        ConfigError: for a threshold that is not a finite number >= 0.
    """

    name: ClassVar[str] = ""
    default: ClassVar[float | None] = None  # None: the limit has no threshold

    def __init__(self, threshold: float | None = None) -> None:
        self.threshold = self.default if threshold is None else threshold
        if self.threshold is not None and not (math.isfinite(self.threshold) and self.threshold >= 0):
            raise ConfigError("not a threshold", stage="check_risk", key=self.name, value=threshold,
                              remedy="set a finite number, 0 or more, in risk_limits")  # fmt: skip

    def check(self, target: TargetPosition, context: RiskContext, exposure: Exposure) -> LimitCheck:
        """Return what was measured, the threshold, and the signed change in shares let through."""
        raise NotImplementedError


def allowed_change(target: TargetPosition, most_shares: Decimal) -> int:
    """Return the part of the wanted change that ends with at most most_shares, held long or short.

    Going toward flat is always allowed, also while the rest is above the limit: a limit must never hold
    a position. Through zero, the closing part is allowed and the new side is bounded.
    """
    current, wanted = target.current_quantity, target.target_quantity
    bound = int(most_shares)
    if current * wanted >= 0:  # same side: what is held already may stay, and any part of it may go
        bound = max(bound, abs(current))
    final = min(abs(wanted), bound)
    return (final if wanted > 0 else -final) - current


def most_shares(room_usd: Decimal, price: Decimal) -> Decimal:
    """Return the whole shares that fit into the room, never below 0."""
    return max(room_usd, Decimal(0)) // price


def share_of_equity(value_usd: Decimal, equity_usd: Decimal) -> float | None:
    """Return the fraction of equity, None when there is no equity to compare with."""
    return float(value_usd / equity_usd) if equity_usd > 0 else None
