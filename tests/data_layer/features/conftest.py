"""Bars to test features on: real ones, the sample's, and made ones with every kind of trouble in them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import strategies as st

from tests.support.skipped import NO_BARS

MARKET = Path(__file__).resolve().parents[4] / "shared" / "market" / "sp500_daily.parquet"
RAW = ["symbol", "date", "open", "high", "low", "close", "volume"]


@pytest.fixture(scope="session")
def market():
    """Thirty symbols, evenly over the alphabet, with all columns of the shared file."""
    if not MARKET.exists():
        pytest.skip(f"{NO_BARS} {MARKET}")
    frame = pd.read_parquet(MARKET)
    wanted = sorted(frame["symbol"].unique())[::13][:30]
    return frame[frame["symbol"].isin(wanted)].reset_index(drop=True)


@pytest.fixture(scope="session")
def market_actions(market):
    """Their dividends and splits, one row each."""
    parts = []
    for kind, column, none in (("dividend", "dividend", 0.0), ("split", "split_ratio", 1.0)):
        rows = market[market[column] != none]
        parts.append(pd.DataFrame({
            "symbol": rows["symbol"], "ex_date": rows["date"], "action_type": kind, "value": rows[column],
        }))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="session")
def sample():
    """The five symbols of bokeh's sample, raw, AAPL's and IBM's splits left unadjusted (factors 1)."""
    stocks = pytest.importorskip("bokeh_sampledata.stocks")
    frames = []
    for symbol in ("AAPL", "FB", "GOOG", "IBM", "MSFT"):
        frame = pd.DataFrame(getattr(stocks, symbol))
        frames.append(frame.assign(symbol=symbol, date=pd.to_datetime(frame["date"]).dt.date))
    return pd.concat(frames, ignore_index=True)[RAW].assign(split_factor=1.0, return_factor=1.0)


def walk_bars(rows: int, seed: int = 1, symbol: str = "AAA") -> pd.DataFrame:
    """Bars of a seeded random walk, without gaps in values but with weekends left out, split factors 1."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.02, rows)))
    opening = close * np.exp(rng.normal(0, 0.01, rows))
    return pd.DataFrame({
        "symbol": symbol,
        "date": np.busday_offset("2015-01-02", np.arange(rows)).astype("datetime64[s]"),
        "open": opening,
        "high": np.maximum(opening, close) * (1 + rng.uniform(0, 0.01, rows)),
        "low": np.minimum(opening, close) * (1 - rng.uniform(0, 0.01, rows)),
        "close": close,
        "volume": rng.integers(1_000, 1_000_000, rows),
        "split_factor": 1.0,
        "return_factor": np.where(np.arange(rows) > 0, 1.001, 1.0),  # a dividend on the second day
        "market_return": rng.normal(0, 0.01, rows),
        "vwap": close * np.exp(rng.normal(0, 0.005, rows)),
    })  # fmt: skip


@pytest.fixture(scope="session")
def walk():
    """`walk_bars` for tests, which cannot import this file."""
    return walk_bars


@st.composite
def troubled(draw):
    """One symbol's bars in stretches: walks, constant prices, no volume, NaN, jumps, splits, missing days."""
    stretches = draw(st.lists(
        st.tuples(
            st.sampled_from(["walk", "walk", "constant", "no volume", "nan", "jump", "split", "gap"]),
            st.integers(1, 60),
        ),
        min_size=1, max_size=6,
    ))  # fmt: skip
    bars = walk_bars(sum(length for _, length in stretches), seed=draw(st.integers(0, 2**32 - 1)))
    bars["volume"] = bars["volume"].astype("float64")
    first = 0
    for kind, length in stretches:
        inside = slice(first, first + length - 1)  # .loc takes the end with it
        if kind == "constant":
            bars.loc[inside, ["open", "high", "low", "close"]] = bars.loc[first, "close"]
        elif kind == "no volume":
            bars.loc[inside, "volume"] = 0.0
        elif kind == "nan":
            bars.loc[first, draw(st.sampled_from(["high", "low", "close", "volume"]))] = np.nan
        elif kind == "jump":
            bars.loc[first, ["open", "high", "low", "close", "volume"]] *= 1e5
        elif kind == "split":
            ratio = draw(st.sampled_from([2.0, 1.5, 0.1]))
            bars.loc[first:, ["split_factor", "return_factor"]] *= ratio
            bars.loc[first:, "return_factor"] *= 1.01
        elif kind == "gap":
            bars.loc[first:, "date"] += dt.timedelta(days=length)
        first += length
    return bars


@pytest.fixture(scope="session")
def troubled_bars():
    """The strategy, for `data.draw`."""
    return troubled()
