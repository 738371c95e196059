"""What the references are made of: windows, averages and row-wise arithmetic on lists, NaN in is NaN out."""

from __future__ import annotations

import math
import statistics

NAN = math.nan


def missing(value):
    return any(map(missing, value)) if isinstance(value, tuple) else math.isnan(value)


def by_row(function, *series):
    """The function of each row's values; NaN where one is NaN or the function has no value."""
    out = []
    for values in zip(*series, strict=True):
        try:
            result = NAN if any(map(missing, values)) else function(*values)
        except (ZeroDivisionError, ValueError, OverflowError):
            result = NAN
        out.append(result if isinstance(result, tuple) or math.isfinite(result) else NAN)
    return out


def pairs(*series):
    return by_row(lambda *values: values, *series)


def ago(values, n):
    return ([NAN] * n + list(values))[: len(values)]


def change(values):
    return by_row(lambda a, b: b - a, ago(values, 1), values)


def each(values, n, function):
    """The function of each row's last n values; NaN without n of them, or when one is NaN."""
    out = []
    for row in range(len(values)):
        window = values[row + 1 - n : row + 1] if row + 1 >= n else None
        try:
            out.append(NAN if window is None or any(map(missing, window)) else function(window))
        except (ZeroDivisionError, ValueError, OverflowError, statistics.StatisticsError):
            out.append(NAN)
    return out


def mean(values, n):
    return each(values, n, lambda window: math.fsum(window) / n)


def deviation(values, n, ddof):
    return each(values, n, lambda w: float(statistics.stdev(w) if ddof else statistics.pstdev(w)))


def highest(values, n):
    return each(values, n, max)


def lowest(values, n):
    return each(values, n, min)


def anew(function, values):
    """The function of each run of values without NaN, put side by side."""
    out, run = [], []
    for value in [*values, NAN]:
        if missing(value):
            out += [*(function(run) if run else []), NAN]
            run = []
        else:
            run.append(value)
    return out[:-1]


def ema(values, n, skip=0):
    def begin(run):
        run, out = run[skip:], [NAN] * min(skip, len(run))
        level = math.fsum(run[:n]) / n
        for row, value in enumerate(run):
            level = level if row < n else level + (value - level) * 2 / (n + 1)
            out.append(level if row >= n - 1 else NAN)
        return out

    return anew(begin, values)


def wilder(values, n):
    def begin(run):
        level, out = math.fsum(run[:n]) / n, []
        for row, value in enumerate(run):
            level = level if row < n else level + (value - level) / n
            out.append(level if row >= n - 1 else NAN)
        return out

    return anew(begin, values)
