"""The market of a stress test: the held one, cut to what a stretch needs, with the shock on its bars."""

from __future__ import annotations

import dataclasses
import zlib

import numpy as np
from numpy.typing import NDArray

from data_layer.features.compute import compute
from models.backtest.kernel import CLOSE, HIGH, LOW, OPEN, VOLATILITY, VOLUME
from models.backtest.metrics import SESSIONS_PER_YEAR
from models.backtest.scenarios import Scenario, Shock
from models.backtest.shocks import betas, shock_bars, shocked_index
from models.backtest.windows import Place
from models.errors import ConfigError
from plugins.backtest.market import Market

Series = NDArray[np.float64]
Matrix = NDArray[np.float64]
Index = NDArray[np.int64]

# Three years before the shock, three times the longest lookback: what an average still holds of the bars
# before is below its rounding.
WARM_UP = 756
PRICES = {"open": OPEN, "high": HIGH, "low": LOW, "close": CLOSE}


def shocked_market(market: Market, scenario: Scenario, place: Place) -> Market:
    """Return the market up to the end of a stress, with its shock on the sessions after the place's first.

    What trained models said of the sessions under the shock was said of other bars, and is left out.
    A symbol's sensitivity is its beta (when the shock says so) times its sector's factor; one whose sector
    nobody states moves with the market.

    Raises:
        ConfigError: for a scenario that is no stress.
    """
    shock = scenario.shock
    if shock is None:
        raise ConfigError("not a stress", stage="scenarios", key="scenario", value=scenario.name,
                          remedy="only stresses have a shock")  # fmt: skip
    part = cut(market, max(place.first - WARM_UP, 0), place.last)
    row_of = np.full((len(part.sessions), len(part.symbols)), -1, np.int64)
    row_of[part.row_session, part.row_symbol] = np.arange(len(part.bars))
    begin = len(part.sessions) - shock.sessions - 1
    exposure = np.array([shock.sectors.get(part.sectors.get(s, ""), 1.0) for s in part.symbols])
    if shock.by_beta:
        exposure *= betas(_returns(part)[: begin + 1])
    keys = np.array([zlib.crc32(s.encode()) for s in part.symbols], np.int64)
    bars = shock_bars(part.bars, row_of[begin:], shock, exposure, keys)
    frame = part.frame.assign(**{name: bars[:, column] for name, column in PRICES.items()})
    frame["volume"] = bars[:, VOLUME]
    yearly = compute(frame, ["volatility_20"], dtype="float64")["volatility_20"].to_numpy()
    bars[1:, VOLATILITY] = yearly[:-1] / np.sqrt(SESSIONS_PER_YEAR)
    bars[part.offsets[:-1][np.diff(part.offsets) > 0], VOLATILITY] = np.nan
    index = shocked_benchmark(part.index, begin, shock)
    said = part.voices
    if len(said):
        said = said[said["date"].to_numpy().astype("datetime64[D]") <= part.sessions[begin]]
    return dataclasses.replace(part, bars=bars, frame=frame, index=index, voices=said)


def cut(market: Market, first: int, last: int) -> Market:
    """Return the market of the sessions first..last only; a symbol without a bar there keeps no rows."""
    kept = (market.row_session >= first) & (market.row_session <= last)
    offsets = np.concatenate([[0], np.cumsum(kept)])[market.offsets]
    return dataclasses.replace(
        market,
        sessions=market.sessions[first : last + 1],
        begin=0,
        bars=np.ascontiguousarray(market.bars[kept]),
        offsets=offsets,
        row_session=market.row_session[kept] - first,
        index=market.index[first : last + 1],
        frame=market.frame[kept].reset_index(drop=True),
    )


def _returns(market: Market) -> Matrix:
    """[T, N] total returns of every symbol between its sessions in a row, NaN without."""
    total = (market.frame["close"] * market.frame["return_factor"]).to_numpy(np.float64)
    prices = np.full((len(market.sessions), len(market.symbols)), np.nan)
    prices[market.row_session, market.row_symbol] = total
    returns = np.full(prices.shape, np.nan)
    returns[1:] = prices[1:] / prices[:-1] - 1.0
    return returns


def shocked_benchmark(returns: Series, begin: int, shock: Shock) -> Series:
    """Return the benchmark's returns [T] with the index's own path after the session begin, to the end."""
    level = np.cumprod(np.concatenate([[1.0], 1.0 + np.nan_to_num(returns[begin + 1 :])]))
    moved = shocked_index(level, shock)
    out = returns.copy()
    out[begin + 1 :] = moved[1:] / moved[:-1] - 1.0
    return out
