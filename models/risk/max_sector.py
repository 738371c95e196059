"""The positions of one sector together may not grow beyond a fraction of equity."""

from __future__ import annotations

import numpy as np

from models.risk.base import Batch, Limit, Verdict, fraction_of, pro_rata

UNKNOWN = ""  # symbols without a sector count as one: what is not known is not spread


class MaxSector(Limit):
    """Sum of |position value| within a sector <= threshold x equity, whichever of the batch's orders fill.

    25 %: at least four sectors in a full account.
    """

    name = "max_sector"

    def check(self, batch: Batch) -> Verdict:
        """Measure the sector's worst case with all targets reached."""
        sectors = batch.context.sectors
        names = [sectors.get(s) or UNKNOWN for s in batch.symbols]
        known = {name: at for at, name in enumerate(dict.fromkeys(names))}
        group = np.array([known[name] for name in names], dtype=np.int64)
        base = np.bincount(group, batch.base_usd, len(known))
        for symbol, usd in batch.others.items():
            if (at := known.get(sectors.get(symbol) or UNKNOWN)) is not None:
                base[at] += abs(usd)
        added = np.bincount(group, batch.added_usd, len(known))
        part = pro_rata(self.threshold * batch.room_usd - base, added)[group]
        part = np.where(batch.added_usd > 0, part, 1.0)
        return Verdict(
            batch.share((base + added)[group]), self.thresholds(batch), fraction_of(batch.growth, part)
        )
