"""Groups of arrays are computed in memory that is kept, not cleared anew by the system each time."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

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


SHARED = """
import resource, threading
from data_layer.features.memory import share_freed_memory
assert share_freed_memory()
import numpy as np

def touch():
    kept = [np.ones(2**18) for _ in range(32)]  # 64 MB in pieces of which numpy asks for no large pages

faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
thread = threading.Thread(target=touch)
thread.start()
thread.join()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults)
"""


@pytest.mark.skipif(
    not sys.platform.startswith("linux")
    or "[never]" in Path("/sys/kernel/mm/transparent_hugepage/enabled").read_text(),
    reason="a system with large pages",
)
def test_a_process_that_reads_much_once_works_on_large_pages():
    """16,384 pages of 4 kB otherwise; a system short of memory may give small ones for some."""
    done = subprocess.run([sys.executable, "-c", SHARED], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 8_000


READING = """
import sys
from data_layer.features.memory import share_freed_memory
assert share_freed_memory()
import pyarrow as pa
import pyarrow.dataset as ds
assert ds.dataset(sys.argv[1]).to_table().num_rows == 300_000
print(pa.default_memory_pool().backend_name, pa.mimalloc_memory_pool().max_memory())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's malloc")
def test_arrow_reads_into_the_memory_that_arrays_have_freed(tmp_path):
    """Also what its readers take for pages and pieces, which no pool set later reaches."""
    file = tmp_path / "numbers.parquet"
    pd.DataFrame({"number": np.random.default_rng(1).normal(size=300_000)}).to_parquet(file)
    done = subprocess.run([sys.executable, "-c", READING, str(file)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["system", "0"]
