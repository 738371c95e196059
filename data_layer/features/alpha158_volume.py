"""Alpha158, volumes: the factors that read how much was traded; see `alpha158`."""

from __future__ import annotations

import numpy as np

from data_layer.features.alpha158 import CLOSE, NOTHING, SET, WINDOWS, shares_of_path
from data_layer.features.kernels import lag, rolling_mean_std
from data_layer.features.layout import FloatArray
from data_layer.features.moment_kernels import rolling_comoments
from data_layer.features.panel import Panel
from data_layer.features.registry import indicator
from data_layer.features.window_kernels import rolling_sides

VOLUME = "total_return_volume"


def log_volume(panel: Panel) -> FloatArray:
    """ln(volume + 1)."""
    return np.log(panel.total_return_volume + 1.0)


def ratios(panel: Panel) -> tuple[FloatArray, FloatArray]:
    """Close over the close before, and ln(volume over the volume before + 1); none after a session without trade."""
    close, volume = panel.total_return_close, panel.total_return_volume
    logs = np.log(volume / lag(volume, 1) + 1.0)
    logs[~np.isfinite(logs)] = np.nan
    return close / lag(close, 1), logs


def traded(panel: Panel) -> FloatArray:
    """The volume where there is one: over no volume there is no value."""
    return np.where(panel.total_return_volume > 0.0, panel.total_return_volume, np.nan)


def volume_change(panel: Panel) -> FloatArray:
    """Change of the volume."""
    return panel.total_return_volume - lag(panel.total_return_volume, 1)


def weighted_moves(panel: Panel) -> FloatArray:
    """Size of the return times the volume."""
    return np.abs(panel.once(ratios)[0] - 1.0) * panel.total_return_volume


@indicator(
    "corr{window}", formula="correlation of the close with ln(volume + 1) over {window} sessions",
    inputs=(CLOSE, VOLUME), windows=WINDOWS, warm_up=lambda window: window - 1, unit="ratio",
    value_range=(-1.0, 1.0), feature_set=SET, equals="qlib Alpha158 CORR{window}",
)  # fmt: skip
def level_correlation(panel: Panel, window: int) -> FloatArray:
    """Correlation of price and volume; none when one does not vary."""
    own, other, both = rolling_comoments(panel.total_return_close, panel.once(log_volume), window)
    return both / np.sqrt(own * other)


@indicator(
    "cord{window}",
    formula="correlation of close / close before with ln(volume / volume before + 1) over {window} sessions",
    inputs=(CLOSE, VOLUME), windows=WINDOWS, warm_up=lambda window: window, unit="ratio",
    value_range=(-1.0, 1.0), feature_set=SET, equals="qlib Alpha158 CORD{window}",
)  # fmt: skip
def change_correlation(panel: Panel, window: int) -> FloatArray:
    """Correlation of the changes of price and volume; none when one does not vary."""
    own, other, both = rolling_comoments(*panel.once(ratios), window)
    return both / np.sqrt(own * other)


@indicator(
    "vma{window}", "vstd{window}",
    formula=(
        "mean of the last {window} volumes / volume",
        "standard deviation (ddof 1) of the last {window} volumes / volume"
    ),
    inputs=(VOLUME,), windows=WINDOWS, warm_up=lambda window: window - 1, unit="ratio", value_range=(0.0, None),
    feature_set=SET, equals=("qlib Alpha158 VMA{window}", "qlib Alpha158 VSTD{window}"),
)  # fmt: skip
def volume_level(panel: Panel, window: int) -> tuple[FloatArray, FloatArray]:
    """Usual volume and its spread over today's."""
    mean, deviation = rolling_mean_std(panel.total_return_volume, window, 1)
    today = panel.once(traded)
    return mean / today, deviation / today


@indicator(
    "wvma{window}",
    formula="standard deviation (ddof 1) over mean of |close / close before - 1| * volume, {window} sessions",
    inputs=(CLOSE, VOLUME), windows=WINDOWS, warm_up=lambda window: window, unit="ratio", value_range=(0.0, None),
    feature_set=SET, equals="qlib Alpha158 WVMA{window}",
)  # fmt: skip
def weighted_volatility(panel: Panel, window: int) -> FloatArray:
    """How unevenly price moves weighted by volume come; 0 when nothing moved."""
    mean, deviation = rolling_mean_std(panel.once(weighted_moves), window, 1)
    return deviation / (mean + NOTHING)


@indicator(
    "vsump{window}", "vsumn{window}", "vsumd{window}",
    formula=(
        "sum of rises / sum of |changes| of the volume over {window} sessions", "sum of falls / sum of |changes|",
        "vsump{window} - vsumn{window}",
    ),
    inputs=(VOLUME,), windows=WINDOWS, warm_up=lambda window: window, unit="ratio", feature_set=SET,
    value_range=((0.0, 1.0), (0.0, 1.0), (-1.0, 1.0)),
    equals=tuple(f"qlib Alpha158 {name}{{window}}" for name in ("VSUMP", "VSUMN", "VSUMD")),
)  # fmt: skip
def volume_sides(panel: Panel, window: int) -> tuple[FloatArray, ...]:
    """How far the volume rose and fell."""
    _, _, rises, falls = rolling_sides(panel.once(volume_change), window)
    return shares_of_path(rises, falls)
