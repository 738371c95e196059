"""The figures of a model as of a session: of its last 21, 63 and 252 sessions and since inception."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.backtest.curve import MEASURES, measure_curve
from models.backtest.metrics import SESSIONS_PER_YEAR
from models.backtest.signal_performance import COEFFICIENTS, COUNTS, SUMS
from models.backtest.signal_trades import BUCKETS
from models.panel import Matrix

Series = NDArray[np.float64]
Index = NDArray[np.int64]

WINDOWS = (21, 63, 252)  # sessions: a month, a quarter, a year
LARGEST = 1e6  # a ratio beyond it rests on rounding: a deviation of nothing
SERIES = ("net_return", "gross_return", "turnover", "cost", "benchmark_return", *COUNTS, *SUMS, *COEFFICIENTS)


@dataclass(frozen=True)
class Earlier:
    """What is left of the sessions before those in view, enough for the figures since the beginning.

    net_return, benchmark_return: [P] of the sessions before the first row in view. sums: of all sessions up to and with
    the first ``summed`` rows in view, see ``sums_of``.
    """

    net_return: Series = field(default_factory=lambda: np.empty(0))
    benchmark_return: Series = field(default_factory=lambda: np.empty(0))
    sums: Series = field(default_factory=lambda: np.zeros(2 * len(SERIES) + 2))
    summed: int = 0


def sums_of(series: Mapping[str, Series], earlier: Earlier) -> Series:
    """Return the sums since the beginning that the next session goes on from: values, how many, gains, losses."""
    rows = len(series["net_return"])
    return _since_beginning(_parts(series), np.array([rows - 1]), earlier)[0] if rows else earlier.sums


def figures(
    series: Mapping[str, Series], at: Sequence[int], window: int | None, risk_free_rate: float,
    earlier: Earlier = Earlier(),
) -> dict[str, NDArray[Any]]:  # fmt: skip
    """Return the figures as of some sessions, over the window that ends there, a column each.

    Sums run forward from the window's first session, so they depend on its sessions alone.

    Args:
        series: arrays [T] by the names SERIES, one entry a session in view: those of the windows.
        at: rows to measure at, ascending, none of those that are in earlier.sums.
        window: sessions, None for all up to each.
        risk_free_rate: per year; compounded down to one session.
        earlier: of the sessions before those in view; none by default.

    Returns:
        By name, an entry for each of at. sessions: with a return, at most window. Of the account that holds the signals
        (after costs): MEASURES, profit_factor, benchmark_return (compounded over the same sessions),
        excess_return over it, turnover and cost_drag (mean per session traded, and paid per year, of the account).
        Of the trades closed in the window: total_trades, avg_return, win_rate, avg_win, avg_loss,
        prediction_accuracy, calibration (by bucket of confidence). open_trades: open as of the session, in every
        window. Of the scores whose return came in the window: the means ic_h and rank_ic_h; signal_decay, the
        mean rank IC of a day less that of a month. NaN while undefined.
    """
    rate = (1.0 + risk_free_rate) ** (1.0 / SESSIONS_PER_YEAR) - 1.0
    ends = np.asarray(at, dtype=np.int64)
    parts = _parts(series)
    sums = _since_beginning(parts, ends, earlier)
    width = len(SERIES)
    ever = {name: sums[:, i] for i, name in enumerate(SERIES)}
    still = ever["signals"] - ever["expired"] - ever["closed"]
    returns, market = series["net_return"], series["benchmark_return"]
    if window and len(ends):  # what lies before the first window is not looked at
        first = max(int(ends[0]) - window + 1, 0)
        returns, market, ends = returns[first:], market[first:], ends - first
        sums = _sums(parts[first:], ends, window, np.zeros(parts.shape[1]))
    elif not window:
        returns = np.concatenate([earlier.net_return, returns])
        market, ends = np.concatenate([earlier.benchmark_return, market]), ends + len(earlier.net_return)
    total = {name: sums[:, i] for i, name in enumerate(SERIES)}
    number = {name: sums[:, width + i] for i, name in enumerate(SERIES)}
    curves = _curves(returns, market, ends, window or 0, rate)
    measures = dict(zip((*MEASURES, "benchmark_return"), curves.T, strict=True))
    closed = total["closed"]
    found: dict[str, Series] = {
        "avg_return": _share(total["net_sum"], closed),
        "win_rate": _share(total["wins"], closed),
        "avg_win": _share(total["win_sum"], total["wins"]),
        "avg_loss": _share(total["loss_sum"], total["losses"]),
        "prediction_accuracy": _share(total["correct"], closed),
        **measures,
        "profit_factor": _share(sums[:, -2], sums[:, -1]),
        "excess_return": measures["total_return"] - measures["benchmark_return"],
        "turnover": _share(total["turnover"], number["turnover"]),
        "cost_drag": _share(total["cost"], number["cost"]) * SESSIONS_PER_YEAR,
        **{name: _share(total[name], number[name]) for name in COEFFICIENTS},
    }
    found["signal_decay"] = found["rank_ic_1"] - found["rank_ic_21"]
    whole = {"sessions": number["net_return"], "total_trades": closed, "open_trades": still}
    calibration = np.empty(len(ends), dtype=object)
    calibration[:] = [_calibration(total, i) for i in range(len(ends))]
    return {
        **{name: np.where(np.abs(v) < LARGEST, v, np.nan) for name, v in found.items()},
        **{name: values.astype(np.int64) for name, values in whole.items()},
        "calibration": calibration,
    }


def _parts(series: Mapping[str, Series]) -> Matrix:
    """Return what is added up of each session, [T, 2 x SERIES + 2]."""
    columns = np.column_stack([series[name] for name in SERIES])
    known = np.isfinite(columns)
    gains = np.maximum(series["net_return"], 0.0)
    losses = np.maximum(-series["net_return"], 0.0)
    return np.column_stack([np.where(known, columns, 0.0), known, np.nan_to_num(gains), np.nan_to_num(losses)])


def _since_beginning(parts: Matrix, ends: Index, earlier: Earlier) -> Matrix:
    return _sums(parts[earlier.summed :], ends - earlier.summed, 0, earlier.sums)


def _calibration(total: Mapping[str, Series], row: int) -> list[dict[str, float | int | None]]:
    """Return how often trades of each confidence were right about the direction."""
    out: list[dict[str, float | int | None]] = []
    for b in range(BUCKETS):
        trades, right = total[f"closed_{b + 1}"][row], total[f"correct_{b + 1}"][row]
        out.append({"from": b / BUCKETS, "to": (b + 1) / BUCKETS, "trades": int(trades),
                    "hit_rate": float(right / trades) if trades else None})  # fmt: skip
    return out


def _share(part: Series, whole: Series) -> Series:
    found: Series = np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def _sums(values: Matrix, ends: Index, window: int, before: Series) -> Matrix:
    """Return the sums of each column over the window that ends at each row; of window 0 all rows and those before."""
    out = np.zeros((len(ends), values.shape[1]))
    running, done = before.copy(), 0
    for i in range(len(ends)):
        if window == 0:
            for t in range(done, ends[i] + 1):
                running += values[t]
            done = ends[i] + 1
            out[i] = running
        else:
            for t in range(max(ends[i] - window + 1, 0), ends[i] + 1):
                out[i] += values[t]
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def _curves(returns: Series, benchmark: Series, ends: Index, window: int, rate: float) -> Matrix:
    """Return MEASURES and the benchmark's compounded return over the window that ends at each row."""
    out = np.full((len(ends), len(MEASURES) + 1), np.nan)
    begin = 0
    while begin < len(returns) and math.isnan(returns[begin]):
        begin += 1
    equity, market = np.ones(len(returns) + 1), np.full(len(returns) + 1, np.nan)
    scratch = np.empty(len(returns))
    for i in range(len(ends)):
        first = max(begin, ends[i] - window + 1) if window else begin
        count = ends[i] + 1 - first
        if count < 1:
            continue
        grown = 1.0
        for k in range(count):
            equity[k + 1] = equity[k] * (1.0 + returns[first + k])
            market[k + 1] = benchmark[first + k]
            grown *= 1.0 + benchmark[first + k]
        measure_curve(equity[: count + 1], market[: count + 1], rate, scratch, out[i, : len(MEASURES)])
        out[i, len(MEASURES)] = grown - 1.0
    return out
