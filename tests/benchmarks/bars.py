"""The bars that are measured on: the shared real ones when they lie beside the project, else a seeded panel."""

from __future__ import annotations

import datetime as dt
from functools import cache

import numpy as np
import pandas as pd

from data_layer.sessions import sessions_between
from tests.benchmarks.peers import ROOT

MARKET = ROOT.parent / "shared" / "market" / "sp500_daily.parquet"


def source() -> str:
    """Which bars these are, for the first line printed."""
    return f"real bars, {MARKET}" if MARKET.exists() else "a seeded panel of random walks"


@cache
def panel(symbols: int, sessions: int) -> pd.DataFrame:
    """Bars of so many symbols over their last so many sessions each, factors 1, with a market return and a vwap.

    Real symbols are taken again under another name when there are too few of them.
    """
    bars = _real(symbols, sessions) if MARKET.exists() else _seeded(symbols, sessions)
    rng = np.random.default_rng(1)
    return bars.assign(split_factor=1.0, return_factor=1.0, vwap=(bars["high"] + bars["low"] + bars["close"]) / 3,
                       market_return=rng.normal(0, 0.01, len(bars)))  # fmt: skip


def _real(symbols: int, sessions: int) -> pd.DataFrame:
    bars = pd.read_parquet(MARKET, columns=["symbol", "date", "open", "high", "low", "close", "volume"])
    bars = bars.groupby("symbol", sort=False).tail(sessions)
    counts = bars["symbol"].value_counts()
    names = sorted(counts.index[counts == sessions])
    whole = dict(list(bars.groupby("symbol", sort=False)))
    parts = [whole[names[i % len(names)]].assign(symbol=f"S{i:04d}") for i in range(symbols)]
    return pd.concat(parts, ignore_index=True).astype({"volume": "float64"})


def _seeded(symbols: int, sessions: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    close = 50 * np.exp(np.cumsum(rng.normal(0, 0.015, (symbols, sessions)), axis=1)).ravel()
    opening = close * np.exp(rng.normal(0, 0.005, close.size))
    # The exchange's own days: ingestion puts bars of others in quarantine.
    dates = sessions_between(dt.date(2000, 1, 1), dt.date(2025, 12, 31))[:sessions]
    return pd.DataFrame({
        "symbol": np.repeat([f"S{i:04d}" for i in range(symbols)], sessions),
        "date": np.tile(dates, symbols),
        "open": opening,
        "high": np.maximum(opening, close) * (1 + rng.uniform(0, 0.01, close.size)),
        "low": np.minimum(opening, close) * (1 - rng.uniform(0, 0.01, close.size)),
        "close": close,
        "volume": rng.integers(100_000, 10_000_000, close.size).astype(float),
    })  # fmt: skip
