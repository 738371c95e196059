"""Compiled kernels never outlive the code they were made from."""

from __future__ import annotations

import os

from plugins.backtest.warm import forget_stale


def test_what_was_compiled_before_the_newest_module_goes(tmp_path):
    cache = tmp_path / "__pycache__"
    cache.mkdir()
    times = {"kernel.py": 20, "grid.py": 10, "__pycache__/grid.run-1.nbi": 15, "__pycache__/grid.run-1.1.nbc": 15,
             "__pycache__/kernel.run-1.nbi": 25, "__pycache__/grid.cpython-311.pyc": 5}  # fmt: skip
    for name, at in times.items():
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (at, at))
    assert forget_stale(tmp_path) == 2
    assert sorted(p.name for p in cache.iterdir()) == ["grid.cpython-311.pyc", "kernel.run-1.nbi"]
    assert forget_stale(tmp_path / "nothing") == 0
