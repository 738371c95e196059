"""Compile every kernel into the cache on disk: `python -m data_layer.features.warm`, once at installation.

Where it is kept and what makes it stale: models.compiled. A task that finds it loads all kernels in a second; compiling
them takes ten times as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from data_layer.features.compute import compute
from data_layer.features.panel import BAR_COLUMNS, OPTIONAL_COLUMNS
from data_layer.features.registry import feature_sets


def warm(dtypes: Sequence[Literal["float32", "float64"]] = ("float32", "float64")) -> None:
    """Run every formula over one bar; the stage stores float32."""
    day = {"symbol": ["A"], "date": np.array(["2015-01-02"], "datetime64[s]")}
    bar = pd.DataFrame({**dict.fromkeys((*BAR_COLUMNS, *OPTIONAL_COLUMNS), 1.0), **day})
    for feature_set in feature_sets():
        for dtype in dtypes:
            compute(bar, feature_set=feature_set, dtype=dtype)


if __name__ == "__main__":
    warm()
