"""Alpha158, prices: Qlib's factors (Yang and others 2020, qlib.contrib.data.loader.Alpha158DL) in own kernels.

They see split- and dividend-adjusted bars, as Qlib's own data are. A window that is not full, or has a missing
value in it, has none here, where Qlib goes on with what is there; docs/features.md lists all differences.
"""

from __future__ import annotations

import numpy as np

from data_layer.features.extreme_kernels import rolling_peak
from data_layer.features.kernels import lag
from data_layer.features.layout import FloatArray
from data_layer.features.moment_kernels import rolling_line
from data_layer.features.panel import Panel
from data_layer.features.registry import indicator
from data_layer.features.window_kernels import rolling_order, rolling_sides

SET = "alpha158"
WINDOWS = (5, 10, 20, 30, 60)  # Qlib's
NOTHING = 1e-12  # Qlib's, added to a range or a sum that may be 0: the factor is 0 there
QUANTILES = (0.2, 0.8)
CLOSE, HIGH, LOW = "total_return_close", "total_return_high", "total_return_low"
BAR = ("open", "high", "low", "close")


@indicator(
    "kmid", "klen", "kmid2", "kup", "kup2", "klow", "klow2", "ksft", "ksft2",
    formula=(
        "(close - open) / open", "(high - low) / open", "(close - open) / (high - low)",
        "(high - max(open, close)) / open", "(high - max(open, close)) / (high - low)",
        "(min(open, close) - low) / open", "(min(open, close) - low) / (high - low)",
        "(2 * close - high - low) / open", "(2 * close - high - low) / (high - low)",
    ),
    inputs=(("open", "close"), ("open", "high", "low"), BAR, ("open", "high", "close"), BAR,
            ("open", "low", "close"), BAR, BAR, ("high", "low", "close")),
    windows=(1,), warm_up=lambda window: 0, unit="ratio", feature_set=SET,
    equals=tuple(f"qlib Alpha158 {name}" for name in
                 ("KMID", "KLEN", "KMID2", "KUP", "KUP2", "KLOW", "KLOW2", "KSFT", "KSFT2")),
)  # fmt: skip
def candle(panel: Panel, window: int) -> tuple[FloatArray, ...]:
    """Shape of the session's candle; over a range of 0 it is 0."""
    begin, end = panel.open, panel.close
    span = panel.high - panel.low + NOTHING
    above, below = panel.high - np.maximum(begin, end), np.minimum(begin, end) - panel.low
    shift = 2.0 * end - panel.high - panel.low
    return (
        (end - begin) / begin, (panel.high - panel.low) / begin, (end - begin) / span, above / begin, above / span,
        below / begin, below / span, shift / begin, shift / span,
    )  # fmt: skip


@indicator(
    "open0", "high0", "low0", "vwap0",
    formula=("open / close", "high / close", "low / close", "vwap / close; none where the source has no vwap"),
    inputs=(("open", "close"), ("high", "close"), ("low", "close"), ("vwap", "close")),
    windows=(1,), warm_up=lambda window: 0, unit="ratio", value_range=(0.0, None), feature_set=SET,
    equals=tuple(f"qlib Alpha158 {name}" for name in ("OPEN0", "HIGH0", "LOW0", "VWAP0")),
)  # fmt: skip
def price_levels(panel: Panel, window: int) -> tuple[FloatArray, ...]:
    """The session's prices over its close."""
    return (
        panel.open / panel.close,
        panel.high / panel.close,
        panel.low / panel.close,
        panel.vwap / panel.close,
    )


@indicator(
    "roc{window}", formula="close {window} sessions before / close", inputs=(CLOSE,), windows=WINDOWS,
    warm_up=lambda window: window, unit="ratio", value_range=(0.0, None), feature_set=SET,
    equals="qlib Alpha158 ROC{window}",
)  # fmt: skip
def earlier_close(panel: Panel, window: int) -> FloatArray:
    """Qlib's rate of change, upside down."""
    return lag(panel.total_return_close, window) / panel.total_return_close


@indicator(
    "ma{window}", "std{window}", "beta{window}", "rsqr{window}", "resi{window}",
    formula=(
        "mean of the last {window} closes / close", "standard deviation (ddof 1) of the last {window} closes / close",
        "slope of the least-squares line through the last {window} closes / close",
        "share of those closes' variance on the line", "distance of the close from the line's end / close",
    ),
    inputs=(CLOSE,), windows=WINDOWS, warm_up=lambda window: window - 1, unit="ratio", feature_set=SET,
    value_range=((0.0, None), (0.0, None), (None, None), (0.0, 1.0), (None, None)),
    equals=tuple(f"qlib Alpha158 {name}{{window}}" for name in ("MA", "STD", "BETA", "RSQR", "RESI")),
)  # fmt: skip
def line_of_closes(panel: Panel, window: int) -> tuple[FloatArray, ...]:
    """Mean, spread and trend line of the closes; rsqr has no value on equal closes."""
    close = panel.total_return_close
    slope, mean, squares = rolling_line(close, window)
    of_steps = window * (window * window - 1.0) / 12.0
    return (
        mean / close, np.sqrt(squares / (window - 1)) / close, slope / close,
        np.minimum(slope * slope * of_steps / squares, 1.0),
        (close - mean - slope * (0.5 * (window - 1))) / close,
    )  # fmt: skip


@indicator(
    "max{window}", "min{window}", "rsv{window}", "imax{window}", "imin{window}", "imxd{window}",
    formula=(
        "highest high of {window} sessions / close", "lowest low of {window} sessions / close",
        "(close - lowest low) / (highest high - lowest low) of {window} sessions",
        "place of the highest high among {window} sessions, oldest 1, earliest of equal ones / {window}",
        "place of the lowest low among {window} sessions, oldest 1, earliest of equal ones / {window}",
        "imax{window} - imin{window}",
    ),
    inputs=((HIGH, CLOSE), (LOW, CLOSE), (HIGH, LOW, CLOSE), (HIGH,), (LOW,), (HIGH, LOW)), windows=WINDOWS,
    warm_up=lambda window: window - 1, unit="ratio", feature_set=SET,
    value_range=((0.0, None), (0.0, None), (0.0, 1.0), (0.0, 1.0), (0.0, 1.0), (-1.0, 1.0)),
    equals=tuple(f"qlib Alpha158 {name}{{window}}" for name in ("MAX", "MIN", "RSV", "IMAX", "IMIN", "IMXD")),
)  # fmt: skip
def extremes(panel: Panel, window: int) -> tuple[FloatArray, ...]:
    """Highest and lowest prices, and when they were; rsv is 0 over a range of 0."""
    close = panel.total_return_close
    top, top_age = rolling_peak(panel.total_return_high, window, False)
    bottom, bottom_age = rolling_peak(-panel.total_return_low, window, False)
    return (
        top / close, -bottom / close, (close + bottom) / (top + bottom + NOTHING), (window - top_age) / window,
        (window - bottom_age) / window, (bottom_age - top_age) / window,
    )  # fmt: skip


@indicator(
    "qtld{window}", "qtlu{window}", "rank{window}",
    formula=(
        "20 % quantile of the last {window} closes / close", "80 % quantile of the last {window} closes / close",
        "rank of the close among the last {window}, equal ones at their mean / {window}",
    ),
    inputs=(CLOSE,), windows=WINDOWS, warm_up=lambda window: window - 1, unit="ratio", feature_set=SET,
    value_range=((0.0, None), (0.0, None), (0.0, 1.0)),
    equals=tuple(f"qlib Alpha158 {name}{{window}}" for name in ("QTLD", "QTLU", "RANK")),
)  # fmt: skip
def order_of_closes(panel: Panel, window: int) -> tuple[FloatArray, ...]:
    """Quantiles, interpolated linearly, and rank."""
    close = panel.total_return_close
    low, high, rank = rolling_order(close, window, *QUANTILES)
    return low / close, high / close, rank


def change(panel: Panel) -> FloatArray:
    """Change of the total-return close."""
    return panel.total_return_close - lag(panel.total_return_close, 1)


def shares_of_path(rises: FloatArray, falls: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Rises, falls and their difference over the sum of both; 0 when nothing moved."""
    path = 1.0 / (rises + falls + NOTHING)
    return rises * path, falls * path, (rises - falls) * path


@indicator(
    "cntp{window}", "cntn{window}", "cntd{window}", "sump{window}", "sumn{window}", "sumd{window}",
    formula=(
        "share of the last {window} sessions in which the close rose", "share in which it fell",
        "cntp{window} - cntn{window}", "sum of rises / sum of |changes| of the close over {window} sessions",
        "sum of falls / sum of |changes|", "sump{window} - sumn{window}",
    ),
    inputs=(CLOSE,), windows=WINDOWS, warm_up=lambda window: window, unit="ratio", feature_set=SET,
    value_range=((0.0, 1.0), (0.0, 1.0), (-1.0, 1.0), (0.0, 1.0), (0.0, 1.0), (-1.0, 1.0)),
    equals=tuple(f"qlib Alpha158 {name}{{window}}" for name in ("CNTP", "CNTN", "CNTD", "SUMP", "SUMN", "SUMD")),
)  # fmt: skip
def sides(panel: Panel, window: int) -> tuple[FloatArray, ...]:
    """How often and how far the close rose and fell."""
    ups, downs, rises, falls = rolling_sides(panel.once(change), window)
    return (ups, downs, ups - downs, *shares_of_path(rises, falls))
