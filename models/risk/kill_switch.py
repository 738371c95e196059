"""While the kill switch is latched nothing is traded."""

from __future__ import annotations

import numpy as np

from models.risk.base import Batch, Limit, Verdict


class KillSwitch(Limit):
    """Latched: no change passes, not even toward flat. Exits resting at the broker rest on."""

    name = "kill_switch"
    stops_everything = True

    def check(self, batch: Batch) -> Verdict:
        """Measure 1 while latched, else 0."""
        latched = np.full(len(batch), float(bool(batch.context.kill_switch)))
        return Verdict(latched, self.thresholds(batch), np.where(latched > 0, 0, np.iinfo(np.int64).max))
