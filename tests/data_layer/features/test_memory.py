"""Groups of arrays are computed in memory that is kept, not cleared anew by the system each time."""

from __future__ import annotations

import resource
import sys

import numpy as np
import pandas as pd
import pytest

from data_layer.features.compute import fill
from data_layer.features.memory import keep_freed_memory
from data_layer.features.panel import Rows
from data_layer.features.registry import select


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's malloc")
def test_a_second_run_touches_no_new_pages(walk):
    assert keep_freed_memory()
    bars = pd.concat([walk(3000, seed, f"S{seed:02d}") for seed in range(22)], ignore_index=True)
    columns, panel = select(None, "technical"), Rows.from_bars(bars)
    matrix = np.zeros((len(columns), len(bars)), np.float32)
    for _ in range(2):
        fill(matrix, columns, panel, threads=1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    fill(matrix, columns, panel, threads=1)
    # Without it, some 11,000.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < 2000
