"""Where the peers live: an environment of their own, made from requirements-bench.txt."""

from __future__ import annotations

import itertools
import os
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def qlib_script() -> Path:
    """The script that runs pyqlib in that environment."""
    return ROOT / "tests" / "benchmarks" / "peer_qlib.py"


def vectorbt_script() -> Path:
    """The script that runs vectorbt in that environment."""
    return ROOT / "tests" / "benchmarks" / "peer_vectorbt.py"


def vectorbt_stops_script() -> Path:
    """The script that runs vectorbt with stops in that environment."""
    return ROOT / "tests" / "benchmarks" / "peer_vectorbt_stops.py"


def backtesting_script() -> Path:
    """The script that runs backtesting.py in that environment."""
    return ROOT / "tests" / "benchmarks" / "peer_backtesting.py"


def quantstats_script() -> Path:
    """The script that runs quantstats in that environment."""
    return ROOT / "tests" / "benchmarks" / "peer_quantstats.py"


IN_TURN = """
import runpy, sys
for script, given, found in zip(*[iter(sys.argv[1:])] * 3):
    sys.argv = [script, given, found]
    runpy.run_path(script, run_name="__main__")
"""


def run_in_turn(python: str, jobs: Sequence[tuple[Path, Path, Path]]) -> None:
    """Run scripts of the peers' on what they are given, all in one process: importing vectorbt takes the longest."""
    subprocess.run([python, "-c", IN_TURN, *itertools.chain.from_iterable(jobs)], check=True)


@cache
def bench_python(package: str = "qlib") -> str | None:
    """Its interpreter (BENCH_VENV, else .venv-bench), or None when the package is not there."""
    python = Path(os.environ.get("BENCH_VENV", ROOT / ".venv-bench")) / "bin" / "python"
    if not python.exists():
        return None
    look = "import importlib.util, sys; sys.exit(importlib.util.find_spec(sys.argv[1]) is None)"
    found = subprocess.run([python, "-c", look, package], capture_output=True, check=False)
    return str(python) if found.returncode == 0 else None
