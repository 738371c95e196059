"""A trained model in a replay: the version of then scores again, and a file that is another is named."""

from __future__ import annotations

import datetime as dt

from plugins.replay.replay import replay, report_lines
from tests.plugins.ml.conftest import FAMILY
from tests.plugins.ml.test_daily_run import active, in_use, run, spoil  # noqa: F401  fixtures

FIRST, LAST = dt.date(2005, 12, 15), dt.date(2005, 12, 22)


def test_the_version_of_then_scores_again_and_another_file_is_refused(in_use):  # noqa: F811
    run(in_use)
    uri = in_use.database.writer
    report = replay(uri, in_use.settings, FIRST, LAST)
    rows = {tabled.table: tabled.stored.rows for tabled in report.tables}
    assert report.is_identical and rows["predictions"], report_lines(uri, report)
    path, _ = spoil(in_use)
    report = replay(uri, in_use.settings, FIRST, LAST)
    text = "\n".join(report_lines(uri, report))
    assert not report.is_identical
    assert "refused: " in text and path.name in text and FAMILY in text, text
    assert in_use.rows("SELECT FROM alerts WHERE kind = 'artifact_refused'") == []  # a replay leaves nothing behind
