"""Several vendors' words on one fact: all are kept, and the one named first in SOURCES is believed.

A bar of a vendor named later never replaces one of which a vendor named earlier has spoken; a bar of one named
earlier replaces, and the version before stays in market_data_history. Equal values change nothing but are
remembered as that vendor's word. Actions are chosen alike. A home with one source pays nothing for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from data_layer.settings import Settings
from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, load_sql


@dataclass(frozen=True)
class Vendors:
    """The vendors of a home: their order, and how far two may differ and still agree.

    price_tolerance and volume_tolerance: fraction of the mean of the two values.
    """

    names: Sequence[str] = ()
    price_tolerance: float = 0.001
    volume_tolerance: float = 0.05

    @property
    def are_several(self) -> bool:
        """Whether there is anything to choose between."""
        return len(self.names) > 1

    def rank(self, name: str) -> int:
        """Return a vendor's place, the trusted ones first; one not named comes last."""
        return self.names.index(name) if name in self.names else len(self.names)


def vendors_of(connection: Connection, settings: Settings) -> Vendors:
    """Return the vendors of a home: SOURCES in order, then whoever else has spoken in its database."""
    rows = connection.execute(load_sql("ingestion_batches/select_sources"))
    others = [row["source"] for row in rows if row["source"] not in settings.sources]
    return Vendors(
        [*settings.sources, *others], settings.vendor_price_tolerance, settings.vendor_volume_tolerance
    )


def weigh_bars(
    connection: Connection, held: pd.DataFrame, batch: Mapping[str, Any], vendors: Vendors
) -> npt.NDArray[np.bool_]:
    """Keep each vendor's word on the staged bars, and where they disagree.

    Args:
        connection: the transaction in which the bars are staged.
        held: the staged bars, all of them held already: symbol, date.
        batch: batch_id and source of the vendor that speaks.
        vendors: their order and tolerances.

    Returns:
        One value per bar: True where a vendor named earlier has spoken, so that it replaces nothing.
    """
    parameters = {
        "source": batch["source"],
        "batch_id": batch["batch_id"],
        "vendors": list(vendors.names),
        "price_tolerance": vendors.price_tolerance,
        "volume_tolerance": vendors.volume_tolerance,
    }
    connection.execute("DROP TABLE IF EXISTS pg_temp.spoken")
    connection.execute(load_sql("vendor_bars/create_spoken"), parameters)
    connection.execute(load_sql("vendor_bars/insert_words"), parameters)
    connection.execute(load_sql("vendor_disagreements/insert_disagreements"), parameters)
    rows = connection.execute(load_sql("vendor_bars/select_outranked"), parameters)
    outranked = {(row["symbol"], row["date"]) for row in rows}
    keys = zip(held["symbol"], held["date"].dt.date, strict=True)
    return np.array([key in outranked for key in keys], np.bool_)


def weigh_actions(
    connection: Connection, actions: pd.DataFrame, source: str, vendors: Vendors
) -> pd.DataFrame:
    """Return the actions without those that a vendor named earlier has stated."""
    if actions.empty:
        return actions
    key = ["symbol", "ex_date", "action_type"]
    rows = json_text(actions[key].to_dict("records"))
    held = {
        (row["symbol"], row["ex_date"], row["action_type"]): row["source"]
        for row in connection.execute(load_sql("corporate_actions/select_sources"), {"rows": rows})
    }
    keys = actions[key].itertuples(index=False, name=None)
    return actions[[vendors.rank(held.get(k, source)) >= vendors.rank(source) for k in keys]]
