"""No single position may grow beyond a fraction of equity."""

from __future__ import annotations

from decimal import Decimal

from models.records import LimitCheck, TargetPosition
from models.risk.base import Exposure, Limit, RiskContext, allowed_change, most_shares, share_of_equity


class MaxPosition(Limit):
    """|position value| <= threshold x equity at the reference price; without equity only reductions pass.

    10 %: twice a position at full score, so that it stops mistakes and not ordinary targets; a stock that
    halves overnight then costs 5 % of the account.
    """

    name = "max_position"
    default = 0.10

    def check(self, target: TargetPosition, context: RiskContext, exposure: Exposure) -> LimitCheck:
        """Measure the wanted position's share of equity."""
        price, equity = target.reference_price, context.equity_usd
        allowed = allowed_change(target, most_shares(Decimal(repr(self.threshold)) * equity, price))
        value = share_of_equity(abs(target.target_quantity) * price, equity)
        bound = allowed != target.target_quantity - target.current_quantity
        reason = f"position would be {_percent(value)}, above {_percent(self.threshold)}" if bound else ""
        return LimitCheck(self.name, value, self.threshold, allowed, reason)


def _percent(value: float | None) -> str:
    return "a share of no equity" if value is None else f"{value:.2%} of equity"
