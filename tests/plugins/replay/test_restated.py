"""Facts that changed since: no difference to what was decided then, and what would be decided today is shown beside."""

from __future__ import annotations

import datetime as dt

from plugins.replay.replay import replay, report_lines
from tests.support.bars import change, real_bars
from tests.support.chain import run_chain, run_stage
from tests.support.files_home import HALF, open_home
from tests.support.prepared import STOPPING
from tests.support.prepared import change as alter

FIRST, CORRECTED, DAY = "2004-11-01", "2005-02-14", dt.date(2005, 2, 15)


def test_a_restated_bar_shows_what_would_have_been_decided(database, tmp_path):
    market = real_bars("AAPL IBM MSFT", FIRST, HALF)
    alter(database, STOPPING)
    home = open_home(database, tmp_path, market)
    run_chain(home.uri, home.settings)
    bar = market[(market["symbol"] == "AAPL") & (market["date"] == dt.date.fromisoformat(CORRECTED))]
    close = float(bar["close"].iloc[0])
    home.ingest(change(market, "AAPL", CORRECTED, close=close * 0.96, low=close * 0.95), start=CORRECTED, end=CORRECTED)
    report = replay(home.uri, home.settings, DAY, DAY)
    text = "\n".join(report_lines(home.uri, report))
    assert report.is_identical, text
    assert f"known since: AAPL {CORRECTED} bar corrected" in text
    assert "with today's knowledge there would have been:" in text
    assert f"feature_values (date {DAY}, symbol AAPL, feature_set alpha158, version 1)" in text
    assert f"ensemble_signals (session_date {DAY}, symbol AAPL) confidence: was 0." in text and ", would be 0." in text
    # Restated features and signals rest on today's knowledge, orders on that of then: both are as they were decided.
    for stage in ("feature_engineering", "model_execution"):
        run_stage(home.uri, home.settings, stage, start=CORRECTED, end=HALF, restate=True)
    report = replay(home.uri, home.settings, DAY, dt.date(2005, 2, 17))
    text = "\n".join(report_lines(home.uri, report))
    assert report.is_identical, text
    assert [t.table for t in report.tables].count("orders") == 1
