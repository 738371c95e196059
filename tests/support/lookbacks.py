"""Recent pasts to decide from, without a database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from models.lookback import WINDOW, History, Lookback


def past(
    deviations: Mapping[str, float],
    *,
    young: Mapping[str, int] | None = None,
    volume: float = 1e12,
    seed: int = 7,
    alike: Sequence[str] = (),
) -> Lookback:
    """Return 250 sessions of seeded returns.

    Args:
        deviations: of a session's return, by symbol.
        young: bars of symbols that have fewer.
        volume: shares traded in each session.
        seed: of the returns.
        alike: symbols whose returns are those of the first of them, times their own deviation.
    """
    symbols = tuple(deviations)
    returns = np.random.default_rng(seed).standard_normal((WINDOW, len(symbols)))
    for symbol in alike:
        returns[:, symbols.index(symbol)] = returns[:, symbols.index(alike[0])]
    returns *= np.array(list(deviations.values()))
    has_bar = np.ones(returns.shape, np.bool_)
    for symbol, bars in (young or {}).items():
        has_bar[: WINDOW - bars, symbols.index(symbol)] = False
    returns[~has_bar] = np.nan
    days = np.arange(WINDOW).astype("datetime64[D]")
    history = History(days, symbols, has_bar, returns, np.where(has_bar, volume, 0.0), np.ones(returns.shape))
    return Lookback(history, WINDOW - 1)
