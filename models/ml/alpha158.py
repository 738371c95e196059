"""The columns of Alpha158 that models learn from, as data_layer/features names them."""

from __future__ import annotations

CANDLE = ("kmid", "klen", "kmid2", "kup", "kup2", "klow", "klow2", "ksft", "ksft2")
LEVELS = ("open0", "high0", "low0")  # without vwap0: daily sources seldom have a vwap
WINDOWED = (
    "roc", "ma", "std", "beta", "rsqr", "resi", "max", "min", "rsv", "imax", "imin", "imxd", "qtld", "qtlu",
    "rank", "cntp", "cntn", "cntd", "sump", "sumn", "sumd", "corr", "cord", "vma", "vstd", "wvma", "vsump",
    "vsumn", "vsumd",
)  # fmt: skip
WINDOWS = (5, 10, 20, 30, 60)

FEATURES = (*CANDLE, *LEVELS, *(f"{factor}{window}" for factor in WINDOWED for window in WINDOWS))
