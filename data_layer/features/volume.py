"""Volume: how much is traded."""

from __future__ import annotations

from data_layer.features.kernels import rolling_mean
from data_layer.features.layout import FloatArray
from data_layer.features.panel import Panel
from data_layer.features.registry import indicator


@indicator(
    "volume_ratio_{window}", formula="volume over its mean of the last {window} sessions, this one included",
    inputs=("volume",), windows=(20,), warm_up=lambda window: window - 1, unit="ratio",
    value_range=(0.0, 20.0), equals="volume / TA-Lib SMA(volume, {window})",
)  # fmt: skip
def volume_ratio(panel: Panel, window: int) -> FloatArray:
    """Relative volume; NaN when nothing was traded in the whole window."""
    return panel.volume / rolling_mean(panel.volume, panel.starts, window)
