"""250 sessions of the sample decided again: in one go, and in 25 windows that each begin with the account as it was."""

from __future__ import annotations

import time

import pytest

from plugins.replay.replay import replay, report_lines
from tests.support.chain import query
from tests.support.prepared import stopping  # noqa: F401  a fixture

pytestmark = pytest.mark.faults
SESSIONS = "SELECT session_date AS d FROM stage_runs WHERE stage = 'risk_execution' ORDER BY 1 DESC LIMIT 250"


def test_250_sessions_are_decided_as_they_were(stopping, small_settings):  # noqa: F811
    database = stopping("")
    days = sorted(row["d"] for row in query(database.reader, SESSIONS))
    assert len(days) == 250
    began, cpu = time.perf_counter(), time.process_time()
    report = replay(database.writer, small_settings, days[0], days[-1])
    print(f"250 sessions: {time.perf_counter() - began:.1f} s, {time.process_time() - cpu:.1f} s of this process")
    assert report.is_identical, report_lines(database.writer, report)
    rows = {tabled.table: tabled.stored.rows for tabled in report.tables}
    assert rows["account_snapshots"] == 250 and rows["orders"] > 100, rows
    for first, last in zip(days[::10], days[9::10], strict=True):
        report = replay(database.writer, small_settings, first, last)
        assert report.is_identical, report_lines(database.writer, report)
