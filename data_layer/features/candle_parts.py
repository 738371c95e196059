"""What candlestick patterns are made of: bodies, shadows, and what is long, short or near beside the candles before.

A tie of prices in cents is decided by the rounding of the mean it is held against: so the means are TA-Lib's running
sums, begun on the row where TA-Lib begins them for that pattern. A bar without one of its four prices starts a pattern
anew, warm-up and sums.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from data_layer.features.layout import FloatArray
from data_layer.features.panel import Panel
from data_layer.features.recurrence_kernels import running_sum, trailing_mean

# What is compared, with how many candles before it, and the share of their mean: TA-Lib's defaults.
BODY_LONG = BODY_SHORT = ("body", 10, 1.0)
DOJI = SHADOW_VERY_SHORT = ("range", 10, 0.1)
NEAR, FAR = ("range", 5, 0.2), ("range", 5, 0.6)
PRICES = ("open", "high", "low", "close")
Flags = npt.NDArray[np.bool_]


def parts(panel: Panel) -> dict[str, FloatArray]:
    """Prices and lengths of each candle, all NaN where one of its prices is."""
    hole = (panel.open + panel.high + panel.low + panel.close) * 0.0
    start, high, low, end = (getattr(panel, name) + hole for name in PRICES)
    top, bottom = np.maximum(start, end), np.minimum(start, end)
    return {
        "open": start, "high": high, "low": low, "close": end, "top": top, "bottom": bottom, "body": top - bottom,
        "upper": high - top, "lower": bottom - low, "range": high - low, "whole": running_sum(hole + 1.0),
    }  # fmt: skip


def usual(panel: Panel, part: str, window: int, share: float, skip: int) -> FloatArray:
    """Share of the part's mean over the candles before."""
    return trailing_mean(panel.once(parts)[part], window, skip, share)


class Candles:
    """The last candles of every row that has `warm_up` whole ones before it, seen from that row."""

    def __init__(self, panel: Panel, warm_up: int) -> None:
        self.panel, self.warm_up = panel, warm_up

    def _ago(self, values: FloatArray, back: int) -> FloatArray:
        return values[max(self.warm_up - back, 0) : max(len(values) - back, 0)]

    def __call__(self, part: str, back: int = 0) -> FloatArray:
        """One of `parts`, of the candle so many sessions before."""
        return self._ago(self.panel.once(parts)[part], back)

    def usual(self, setting: tuple[str, int, float], back: int = 0) -> FloatArray:
        """What that candle is compared with."""
        part, window, share = setting
        return self._ago(self.panel.once(usual, part, window, share, self.warm_up - back - window), back)

    def white(self, back: int = 0) -> Flags:
        """It closed no lower than it opened."""
        return self("close", back) >= self("open", back)

    def flag(self, rising: Flags | None = None, falling: Flags | None = None) -> FloatArray:
        """1 where rising, -1 where falling, else 0; NaN without enough whole candles."""
        whole = self.panel.once(parts)["whole"]
        out = np.full(whole.shape, np.nan)
        if len(out) > self.warm_up:
            found = np.zeros(out[self.warm_up :].shape)
            if rising is not None:
                found += rising
            if falling is not None:
                found -= falling
            enough = whole[self.warm_up :] > self.warm_up
            out[self.warm_up :] = np.where(enough, found, np.nan)
        return out
