"""CI skips nothing that a package could bring: its lack makes a run fail there, and only there."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.support.skipped import NO_BARS
from tests.test_architecture import ROOT

TESTS = f'''
import pytest

@pytest.fixture
def browser():
    pytest.skip("chromium is not installed")

def test_tool():
    pytest.skip("promtool is not installed")

def test_prepared(browser):
    pass

@pytest.mark.skipif(True, reason="redis-server is not installed")
def test_marked():
    pass

@pytest.mark.xfail
def test_expected():
    raise AssertionError

def test_bars():
    pytest.skip("{NO_BARS} /nowhere")

def test_passes():
    pass
'''
FILE = 'import pytest\npytest.importorskip("no_such_package")\n\ndef test_one():\n    pass\n'


def run(*words, **environment):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "NOTHING_SKIPPED"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rs", *map(str, words)], cwd=ROOT,
        capture_output=True, text=True, check=False, env={**kept, "PYTHONPATH": str(ROOT), **environment},
    )  # fmt: skip
    return done.stdout, {kind: int(n) for n, kind in re.findall(r"(\d+) (\w+)", done.stdout.splitlines()[-1])}


@pytest.mark.parametrize("spread", [(), ("-n", "1")], ids=["here", "spread"])
def test_what_would_be_skipped_fails_and_says_what_it_lacks(tmp_path, spread):
    (tmp_path / "test_some.py").write_text(TESTS)
    asked = ("--rootdir", tmp_path, "-p", "tests.support.skipped", *spread, tmp_path)
    said, counts = run(*asked)
    assert {k: counts.get(k) for k in ("skipped", "passed", "xfailed", "failed", "error")} == {
        "skipped": 4, "passed": 1, "xfailed": 1, "failed": None, "error": None}  # fmt: skip
    said, counts = run(*asked, NOTHING_SKIPPED="1")
    assert {k: counts.get(k) for k in ("skipped", "passed", "xfailed", "failed")} == {
        "skipped": 1, "passed": 1, "xfailed": 1, "failed": 1}, said  # fmt: skip
    assert counts.get("errors") == 2  # before the test itself began
    for lacks in ("chromium is not installed", "promtool is not installed", "redis-server is not installed"):
        assert f"{lacks} (NOTHING_SKIPPED=1" in said


def test_a_file_that_skips_as_a_whole_fails(tmp_path):
    (tmp_path / "test_whole.py").write_text(FILE)
    asked = ("--rootdir", tmp_path, "-p", "tests.support.skipped", tmp_path)
    assert run(*asked)[1]["skipped"] == 1
    said, counts = run(*asked, NOTHING_SKIPPED="1")
    assert counts.get("error") == 1 and "no_such_package" in said


def test_our_own_tests_are_judged_so(tmp_path):
    """On a machine without Debian's package prometheus."""
    asked = ("tests/deploy/test_alert_rules.py", "-k", "whole_configuration", "--basetemp", tmp_path / "run")
    said, counts = run(*asked, PATH=str(tmp_path), NOTHING_SKIPPED="1")
    assert "promtool of Debian's package prometheus is not installed (NOTHING_SKIPPED=1" in said
    assert "skipped" not in counts


def test_ci_says_so_before_it_tests():
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    assert lines.index("export NOTHING_SKIPPED=1") < min(lines.index("make test"), lines.index("make faults"))
