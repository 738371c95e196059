"""Compiled kernels never outlive the code they were made from."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from models.compiled import sources, stamp

ROOT = Path(__file__).resolve().parents[2]
CALLER = """
import numpy as np
from models.compiled import njit
from models.inner import add

@njit(cache=True)
def run(x):
    return np.max(np.full(2, add(x)))
"""
INNER = """
from models.compiled import njit
from models.constant import STEP

@njit(cache=True)
def add(x):
    return x + STEP
"""
RUN = """
from models.caller import run
print(run(1), sum(run.stats.cache_hits.values()), sum(run.stats.cache_misses.values()))
"""


def kernel_files() -> list[Path]:
    found = [path for layer in ("models", "data_layer") for path in (ROOT / layer).rglob("*.py")]
    return sorted(path for path in found if re.search(r"import .*\bnjit\b", path.read_text()))


@pytest.fixture
def project(tmp_path):
    (tmp_path / "models").mkdir()
    shutil.copy(ROOT / "models" / "compiled.py", tmp_path / "models")
    for name, text in (("__init__", ""), ("caller", CALLER), ("inner", INNER), ("constant", "STEP = 1\n")):
        (tmp_path / "models" / f"{name}.py").write_text(text)
    return tmp_path


def run(project: Path) -> list[int]:
    """The result of a new process, and whether it found the kernel compiled or compiled it."""
    done = subprocess.run([sys.executable, "-B", "-c", RUN], cwd=project, capture_output=True, text=True, check=True,
                          env={"PYTHONPATH": str(project)})  # fmt: skip
    return [int(word) for word in done.stdout.split()]


def test_a_changed_callee_and_a_changed_constant_count_with_the_next_process(project):
    assert run(project) == [2, 0, 1]
    assert run(project) == [2, 1, 0]
    (project / "models" / "inner.py").write_text(INNER.replace("x + STEP", "x - STEP"))
    assert run(project) == [0, 0, 1]
    (project / "models" / "constant.py").write_text("STEP = 5\n")
    assert run(project) == [-4, 0, 1]


@pytest.mark.parametrize("path", kernel_files(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_import_of_a_kernels_file_is_one_of_its_sources(path):
    known = sources(str(path))
    for source in known:
        for node in ast.walk(ast.parse(Path(source).read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                if name.split(".")[0] in {"models", "data_layer"}:
                    file = ROOT / (name.replace(".", "/") + ".py")
                    assert str(file) in known, f"{source} imports {name}, which is no file that can be found"


def test_every_kernel_has_the_stamp():
    kernels = []
    for path in kernel_files():
        module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        kernels += [(path, found) for found in vars(module).values() if hasattr(found, "py_func")]
    assert len(kernels) > 80
    for path, kernel in kernels:
        file = inspect.getfile(kernel.py_func)
        assert kernel._cache._impl.locator.get_source_stamp() == stamp(file), f"{path}: {kernel.__name__}"


def test_loading_a_kernel_imports_nothing_that_only_compiling_needs(project):
    """scipy and its like, which np.max's own module imports: a third of a second of every process."""
    script = "import sys\nfrom models.caller import run\nprint(run(1), 'numba.np.linalg' in sys.modules)\n"
    found = [
        subprocess.run([sys.executable, "-B", "-c", script], cwd=project, capture_output=True, text=True, check=True,
                       env={"PYTHONPATH": str(project)}).stdout.split()
        for _ in range(2)
    ]  # fmt: skip
    assert found == [["2", "True"], ["2", "False"]]
