"""While the kill switch is latched nothing is traded."""

from __future__ import annotations

from models.records import LimitCheck, TargetPosition
from models.risk.base import Exposure, Limit, RiskContext


class KillSwitch(Limit):
    """Latched: no change passes, not even toward flat, for what latched it may have been the books."""

    name = "kill_switch"
    default = 0.0

    def check(self, target: TargetPosition, context: RiskContext, exposure: Exposure) -> LimitCheck:
        """Measure 1 while latched, else 0."""
        wanted = target.target_quantity - target.current_quantity
        if context.kill_switch:
            return LimitCheck(self.name, 1.0, 0.0, 0, f"kill switch is latched: {context.kill_switch}")
        return LimitCheck(self.name, 0.0, 0.0, wanted, "")
