"""The house rules that a machine can check."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LAYERS = ("models", "data_layer", "plugins", "dags")
OURS = {*LAYERS, "tests", "bin", "deploy", "include"}
MAY_IMPORT = {
    "models": {"models"},
    "data_layer": {"data_layer", "models"},
    "plugins": {"plugins", "data_layer", "models"},
    "dags": {"plugins"},
}
# All that data_layer may know of decisions, and how kernels are compiled.
FROM_MODELS = {"models.records", "models.errors", "models.compiled"}
TOP_LEVEL = {
    "dags", "plugins", "models", "data_layer", "db-init", "include", "tests", "docs", "bin", "deploy",
    "docker-compose.yaml", "Dockerfile", "requirements.txt", "requirements-core.txt",
    "requirements-bench.txt", "Makefile", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md",
}  # fmt: skip
# The resolver's one look; how long ago something was, for people; the age of old records; and the
# runtime, which decides nothing.
CLOCKS = {"plugins/stages/opening.py", "plugins/web/guard.py", "plugins/notify/deadline.py", "plugins/upkeep.py"}
ENVIRONMENT = {"data_layer/settings.py"}


def tracked(*patterns: str) -> list[Path]:
    """Files git knows or would add."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return sorted(path for path in {ROOT / line for line in done.stdout.splitlines()} if path.is_file())


SOURCES = [path for layer in LAYERS for path in tracked(f"{layer}/*.py")]
STATEMENTS = tracked("include/sql/*.sql")


@cache
def tree(path: Path) -> ast.Module:
    """Parsed when a test asks: every worker imports this file, and one of them runs it."""
    return ast.parse(path.read_text())


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported(path: Path) -> set[str]:
    """Full names of the modules a file imports, also inside functions."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(path)} imports relatively"
            found.add(node.module or "")
            found |= {f"{node.module}.{alias.name}" for alias in node.names if f"{node.module}" in OURS}
    return found


def calls(path: Path) -> set[str]:
    """Dotted names a file calls or reads as attributes, such as os.environ or pd.Timestamp.now."""
    return {ast.unparse(node) for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute)}


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_imports_run_one_way(path):
    layer = name(path).split("/")[0]
    ours = {module for module in imported(path) if module.split(".")[0] in OURS}
    assert {module.split(".")[0] for module in ours} <= MAY_IMPORT[layer]
    if layer == "data_layer":
        known = {module for module in ours if module.startswith("models.")}
        assert all(module in FROM_MODELS or module.rpartition(".")[0] in FROM_MODELS for module in known), (
            known
        )


def test_models_are_pure():
    outside = {
        "os",
        "io",
        "pathlib",
        "socket",
        "sqlite3",
        "subprocess",
        "time",
        "urllib",
        "random",
        "tempfile",
    }
    loads_code = {"models/strategies/discovery.py", "models/compiled.py"}  # they read code, not data
    for path in SOURCES:
        if not name(path).startswith("models/") or name(path) in loads_code:
            continue
        roots = {module.split(".")[0] for module in imported(path)}
        assert not roots & outside, name(path)


def test_the_environment_is_read_in_one_place():
    for path in SOURCES:
        reads = {c for c in calls(path) if c in {"os.environ", "os.getenv", "os.environb"}}
        if name(path) not in ENVIRONMENT and not name(path).startswith("data_layer/runtime/"):
            assert not reads, name(path)


def test_the_clock_is_read_in_one_place():
    wall = re.compile(r"(^|\.)(now|today|utcnow|fromtimestamp)$|^time\.time$")
    for path in SOURCES:
        # A run's request and a batch's provenance carry the instant that the resolver looked up.
        handed_on = ("request.now", "provenance.now")
        looks = {c for c in calls(path) if wall.search(c) and not c.endswith(handed_on)}
        if name(path) not in CLOCKS and not name(path).startswith("data_layer/runtime/"):
            assert not looks, (name(path), looks)


def test_statements_never_ask_for_the_time_or_the_latest():
    """The time only where a write notes when it was made: a correction's known_at, the columns *_at."""
    for path in STATEMENTS:
        text = re.sub(r"--.*", "", path.read_text())
        if re.search(
            r"\b(now|clock_timestamp|current_timestamp|current_date|localtimestamp)\b", text, re.IGNORECASE
        ):
            verb = path.stem.split("_")[0]
            assert verb in {"insert", "update", "upsert"}, name(path)


def test_nothing_is_pickled_or_written_row_by_row():
    for path in SOURCES:
        roots = {module.split(".")[0] for module in imported(path)}
        assert not roots & {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal"}, name(path)
        attributes = {c.rpartition(".")[2] for c in calls(path)}
        assert not attributes & {"to_sql", "to_pickle", "read_pickle", "executemany", "iterrows"}, name(path)


def test_every_statement_is_used_and_every_used_one_is_there():
    files = {path.relative_to(ROOT / "include/sql").with_suffix("").as_posix() for path in STATEMENTS}
    strings = {
        node.value
        for path in SOURCES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert files - strings == set(), "not used"
    used = {
        s for s in strings if re.fullmatch(r"[a-z_]+/(select|insert|update|upsert|delete|create)_[a-z_]+", s)
    }
    assert used - files == set(), "not there"


@pytest.mark.parametrize("path", STATEMENTS, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_a_statement_file_holds_one_and_says_what_it_is(path):
    text = path.read_text()
    header = "".join(line for line in text.splitlines(keepends=True) if line.startswith("--"))
    assert text.startswith("-- ")
    assert "Called by " in header
    body = re.sub(r"--.*", "", text)
    assert ";" not in body.rstrip().rstrip(";")
    parameters = set(re.findall(r"%\((\w+)\)s", body))
    assert all(re.search(rf"\b{p}\b", header) for p in parameters), f"header misses {parameters}"


def test_headers_name_the_callers():
    for path in STATEMENTS:
        quoted = f'"{path.parent.name}/{path.stem}"'
        callers = (
            name(p).removesuffix(".py").removeprefix("data_layer/")
            for p in SOURCES
            if quoted in p.read_text()
        )
        expected = ", ".join(sorted(caller.replace("/", ".") for caller in callers))
        assert f"Called by {expected}." in path.read_text(), name(path)


def test_files_stay_readable():
    for path in tracked("*.py", "*.sql"):
        assert len(path.read_text().splitlines()) <= 300, name(path)


def test_nothing_new_at_the_top():
    entries = {name(path).split("/")[0] for path in tracked()}
    assert {entry for entry in entries if not entry.startswith(".")} <= TOP_LEVEL


def test_no_module_hides_one_of_python():
    for path in SOURCES:
        assert path.stem not in sys.stdlib_module_names, name(path)
