"""Strategies with a known order, made of seeded noise."""

from __future__ import annotations

import numpy as np

from models.backtest.ranking import Candidates, Scope, rank_candidates

NAMES = ("buy_and_hold", "dip", "balanced", "cross", "churn", "idle")
CATEGORIES = ("allocation", "trend", "allocation", "trend", "alpha", "trend")


def candidates(sessions: int = 1500, seed: int = 21) -> Candidates:
    """One better than three equal ones, one worse, one that never trades; 40 trials."""
    draw = np.random.default_rng(seed)
    market = draw.normal(0.0003, 0.01, (sessions, 1))
    own = draw.normal(0.0, 0.005, (sessions, len(NAMES)))
    returns = market + own - own.mean(axis=0)  # no luck: what differs is put in below
    returns[:, 1] += 0.002
    returns[:, 4] -= 0.002
    returns[:, 5] = 0.0
    third = sessions // 3
    regimes = ["", *["bull"] * third, *["sideways"] * 20]
    return Candidates(
        names=NAMES,
        categories=CATEGORIES,
        dates=np.arange(np.datetime64("2010-01-04"), np.datetime64("2010-01-04") + sessions),
        returns=returns,
        regimes=(*regimes, *["bear"] * (sessions - len(regimes))),
        trials=40,
    )


def ranked(given: Candidates) -> dict[str, Scope]:
    """Rank with few repetitions: what is asserted is far from any border."""
    return rank_candidates(given, repetitions=100)
