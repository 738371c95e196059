"""Every column against its definition in plain Python, on bars with gaps, constants, NaN, jumps and splits.

The reference knows nothing of blocks, seeds kept or arrays: for each row it takes the list of the values so
far and works the number out anew.
"""

from __future__ import annotations

import itertools
import math
import statistics

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from data_layer.features.compute import compute
from data_layer.features.registry import catalogue

NAN = math.nan


def last(values, n):
    """The last n values, or none of them when there are fewer or one is NaN."""
    window = values[-n:]
    return window if len(window) == n and not any(map(math.isnan, window)) else None


def run(values):
    """The values since the last NaN."""
    start = len(values)
    while start and not math.isnan(values[start - 1]):
        start -= 1
    return values[start:]


def mean(values, n):
    window = last(values, n)
    return math.fsum(window) / n if window else NAN


def spread(values, n, ddof):
    window = last(values, n)
    if not window:
        return NAN
    deviation = statistics.pstdev(window) if ddof == 0 else statistics.stdev(window)
    return float(deviation)


def ema(values, n, skip=0):
    values = run(values)[skip:]
    if len(values) < n:
        return NAN
    level = math.fsum(values[:n]) / n
    for value in values[n:]:
        level = level * (1 - 2 / (n + 1)) + value * 2 / (n + 1)
    return level


def wilder(values, n):
    values = run(values)
    if len(values) < n:
        return NAN
    level = math.fsum(values[:n]) / n
    for value in values[n:]:
        level = level * (1 - 1 / n) + value / n
    return level


def changes(values):
    return [NAN] + [after - before for before, after in itertools.pairwise(values)]


def returns(values, n):
    return [NAN] * min(n, len(values)) + [
        b / a - 1 if a else NAN for a, b in zip(values, values[n:], strict=False)
    ]


def rsi(close, n):
    moves = changes(close)
    gain = wilder([x if math.isnan(x) else max(x, 0) for x in moves], n)
    loss = wilder([x if math.isnan(x) else max(-x, 0) for x in moves], n)
    return NAN if math.isnan(gain) or gain + loss == 0 else 100 * gain / (gain + loss)


def macd_lines(close):
    tail = run(close)
    lines = [ema(tail[:i], 12, 14) - ema(tail[:i], 26) for i in range(26, len(tail) + 1)]
    signal = ema(lines, 9)
    return (lines[-1], signal, lines[-1] - signal) if not math.isnan(signal) else (NAN, NAN, NAN)


def true_ranges(bars):
    out = [NAN]
    for before, high, low in zip(bars["close"][:-1], bars["high"][1:], bars["low"][1:], strict=True):
        parts = (high - low, abs(high - before), abs(low - before))
        out.append(NAN if any(map(math.isnan, parts)) else max(parts))
    return out


def volume_ratio(volume, n):
    average = mean(volume, n)
    return NAN if math.isnan(average) or average == 0 else volume[-1] / average


REFERENCES = {
    **{f"sma_{n}": (lambda b, n=n: mean(b["close"], n)) for n in (10, 20, 50, 200)},
    **{f"ema_{n}": (lambda b, n=n: ema(b["close"], n)) for n in (12, 26)},
    "rsi_14": lambda b: rsi(b["close"], 14),
    "macd": lambda b: macd_lines(b["close"])[0],
    "macd_signal": lambda b: macd_lines(b["close"])[1],
    "macd_hist": lambda b: macd_lines(b["close"])[2],
    "bb_upper": lambda b: mean(b["close"], 20) + 2 * spread(b["close"], 20, 0),
    "bb_middle": lambda b: mean(b["close"], 20),
    "bb_lower": lambda b: mean(b["close"], 20) - 2 * spread(b["close"], 20, 0),
    "atr_14": lambda b: wilder(true_ranges(b), 14),
    "volume_ratio_20": lambda b: volume_ratio(b["volume"], 20),
    **{f"return_{n}": (lambda b, n=n: returns(b["total"], n)[-1]) for n in (1, 5, 20)},
    "volatility_20": lambda b: spread(returns(b["total"], 1), 20, 1) * math.sqrt(252),
}  # fmt: skip


def test_every_column_has_its_reference():
    assert set(REFERENCES) == {item.name for item in catalogue()}


def check(bars, rows):
    ours = compute(bars, dtype="float64")
    split = bars["split_factor"].to_numpy()
    adjusted = {name: (bars[name].to_numpy() * split).tolist() for name in ("open", "high", "low", "close")}
    adjusted["volume"] = (bars["volume"].to_numpy() / split).tolist()
    adjusted["total"] = (bars["close"] * bars["return_factor"]).tolist()
    for item in catalogue():
        scale = float(np.nan_to_num(np.abs(ours[item.name])).max())
        # The reference's own averages of equal prices are an ulp or two off, and macd is a difference of two.
        noise = 1e-14 * max(map(abs, filter(math.isfinite, adjusted["close"])), default=0.0)
        for row in rows:
            so_far = {name: values[: row + 1] for name, values in adjusted.items()}
            expected = REFERENCES[item.name](so_far)
            if item.unit == "price":
                expected /= split[row]
            assert ours[item.name].iloc[row] == pytest.approx(
                expected, rel=1e-9, abs=1e-9 * scale + noise * (item.unit == "price"), nan_ok=True
            ), (item.name, row)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_troubled_bars(troubled_bars, data):
    bars = data.draw(troubled_bars)
    rows = data.draw(st.lists(st.integers(0, len(bars) - 1), min_size=1, max_size=12, unique=True))
    check(bars, rows)


@settings(deadline=None)
@given(rows=st.integers(1, 3))
@example(rows=2)
def test_a_few_rows(walk, rows):
    check(walk(rows), range(rows))


def test_every_row_of_a_long_walk(walk):
    check(walk(260), range(260))
