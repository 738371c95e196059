"""NOTHING_SKIPPED=1, as CI says: a test that skips for what can be installed fails, and says what it lacks."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest

NO_BARS = "no real bars at"  # they are not ours to hand on
# What no package brings: where it lacks, it lacks.
OF_THE_MACHINE = (
    NO_BARS, "only root", "concerns root", "this machine lets nobody mount", "this Python is not readable",
    "a system with large pages", "glibc's malloc",
)  # fmt: skip


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test, or what it is prepared by, that skips; what is expected to fail is another matter."""
    report = yield
    return report if hasattr(report, "wasxfail") else _judged(report)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A whole file that skips."""
    return _judged((yield))


def _judged(report: Any) -> Any:
    if report.skipped and os.environ.get("NOTHING_SKIPPED") == "1":
        why = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
        if not why.removeprefix("Skipped: ").startswith(OF_THE_MACHINE):
            report.outcome = "failed"
            report.longrepr = f"{why} (NOTHING_SKIPPED=1: what can be installed is)"
    return report
