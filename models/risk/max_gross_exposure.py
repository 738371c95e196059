"""The sum of all positions, long and short, may not grow beyond a multiple of equity."""

from __future__ import annotations

from decimal import Decimal

from models.records import LimitCheck, TargetPosition
from models.risk.base import Exposure, Limit, RiskContext, allowed_change, most_shares, share_of_equity


class MaxGrossExposure(Limit):
    """Sum of |position value| <= threshold x equity, whichever of the batch's orders fill.

    1: no leverage, as in a cash account.
    """

    name = "max_gross_exposure"
    default = 1.0

    def check(self, target: TargetPosition, context: RiskContext, exposure: Exposure) -> LimitCheck:
        """Measure the worst case of the account with this target reached."""
        price, equity = target.reference_price, context.equity_usd
        others = exposure.without(target.symbol)
        allowed = allowed_change(target, most_shares(Decimal(repr(self.threshold)) * equity - others, price))
        value = share_of_equity(others + abs(target.target_quantity) * price, equity)
        bound = allowed != target.target_quantity - target.current_quantity
        measured = "without equity" if value is None else f"{value:.4f} of equity"
        reason = f"gross exposure would be {measured}, above {self.threshold}" if bound else ""
        return LimitCheck(self.name, value, self.threshold, allowed, reason)
