"""The daily check that stored features are what a full recompute gives: three symbols, bit for bit."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Mapping, Sequence

import numpy as np

from data_layer.features.compute import compute_sessions
from data_layer.features.market import with_market_return
from data_layer.features.panel import Rows
from data_layer.features.registry import catalogue
from data_layer.storage.database import load_sql, read_frame
from models.errors import DataQualityError
from plugins.stages.knowledge import bars_as_of

STAGE = "feature_engineering"
SYMBOLS = 3  # each takes a recompute of its history; over a year a third of a thousand symbols come by twice


def drift_symbols(session: dt.date, symbols: Sequence[str]) -> list[str]:
    """Choose the session's symbols: random, yet the same for every run of the session."""
    chooser = random.Random(session.toordinal())  # noqa: S311  # not for secrets  # nosec B311
    return sorted(chooser.sample(sorted(symbols), min(SYMBOLS, len(symbols))))


def check_drift(
    uri: str,
    session: dt.date,
    cutoff: dt.datetime,
    versions: Mapping[str, int],
    market_index: str = "",
    among: Sequence[str] = (),
) -> int:
    """Compute a session's stored rows of three symbols again from what was known at its cutoff, and compare bits.

    Args:
        uri: connection URI; what it reads must be committed.
        session: completed session.
        cutoff: its knowledge cutoff.
        versions: current version by feature set.
        market_index: as in the settings the rows were computed with.
        among: choose of these symbols only; of all when empty.

    Returns:
        The number of values compared.

    Raises:
        DataQualityError: a stored value differs or is missing; the message names symbol, feature and both values.
    """
    traded = read_frame(
        uri, load_sql("market_data/select_traded_symbols"), {"session": session, "cutoff": cutoff}
    )
    chosen = drift_symbols(session, [s for s in traded["symbol"] if not among or s in among])
    if not chosen:
        return 0
    bars = bars_as_of(uri, session, cutoff, [*chosen, market_index] if market_index else chosen)
    bars = with_market_return(bars, market_index)
    own = Rows.from_bars(bars[bars["symbol"].isin(chosen)])
    compared = 0
    for feature_set, version in versions.items():
        keys, computed = compute_sessions(own, [session], feature_set)
        parameters = {"date": session, "set": feature_set, "version": version, "symbols": ",".join(chosen)}
        stored = read_frame(uri, load_sql("feature_values/select_symbols"), parameters).set_index("symbol")[
            "values"
        ]
        for symbol, values in zip(keys["symbol"], computed, strict=True):
            if symbol not in stored.index:
                raise _drift(symbol, session, feature_set, "no stored row")
            held = np.asarray(stored[symbol], np.float32)
            differs = np.flatnonzero(held.view(np.uint32) != values.view(np.uint32))
            # Postgres keeps a NaN, not its payload.
            differs = differs[~(np.isnan(held[differs]) & np.isnan(values[differs]))]
            if len(differs):
                place = int(differs[0])
                name = catalogue(feature_set)[place].name
                raise _drift(
                    symbol,
                    session,
                    f"{feature_set}.{name}",
                    f"stored {held[place]!r}, computed {values[place]!r}",
                )
            compared += len(values)
    return compared


def _drift(symbol: str, session: dt.date, key: str, value: str) -> DataQualityError:
    return DataQualityError(
        f"stored features of {symbol} on {session} are not what a recompute gives", stage=STAGE, key=key, value=value,
        remedy="find out what changed (code, libraries, machine, bars); restate=true writes a new version",
    )  # fmt: skip
