"""Synthetic bars: the same from the same seed, true to the checks, and labelled wherever they go."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from data_layer.quality.row_checks import check_rows
from data_layer.runtime import summary
from data_layer.sources import history, open_source
from models.errors import ConfigError
from tests.support.chain import NOW, query, run_chain, sample_settings

ALWAYS = (dt.date(1, 1, 1), dt.date(9999, 12, 31))


def source_of(tmp_path, **values):
    return open_source(sample_settings(tmp_path, source="synthetic", **values))


@pytest.fixture
def source(tmp_path):
    return source_of(tmp_path, synthetic_symbols="30")


def bars(source, symbols=None):
    return source.bars(symbols, *ALWAYS).astype({"symbol": "str"}).reset_index(drop=True)


def test_every_bar_passes_the_checks(source):
    rows = source.bars(None, *ALWAYS)
    checked = check_rows(rows, source="synthetic", now=NOW)
    assert checked.quarantined.empty and checked.duplicates == 0
    assert len(checked.accepted) == len(rows) == 30 * len(source.sessions()) > 190_000
    raw = rows.assign(move=rows.groupby("symbol", observed=True)["close"].pct_change())
    splits = source.actions(None, *ALWAYS).query("action_type == 'split'")
    held = set(zip(splits["symbol"], splits["ex_date"], strict=True))
    jumps = raw[raw["move"].abs() > 0.25]
    assert {(s, d.date()) for s, d in zip(jumps["symbol"], jumps["date"], strict=True)} == held != set()


def test_a_bar_depends_on_the_seed_and_its_symbol_alone(source, tmp_path):
    whole = bars(source)
    pd.testing.assert_frame_equal(whole, bars(source_of(tmp_path, synthetic_symbols="30")))
    one = source_of(
        tmp_path, synthetic_symbols="7", symbols="SYN000007", start="2010-01-04", end="2012-12-31"
    )
    part = whole[(whole["symbol"] == "SYN000007") & whole["date"].between("2010-01-04", "2012-12-31")]
    pd.testing.assert_frame_equal(bars(one), part.reset_index(drop=True))
    other = bars(source_of(tmp_path, synthetic_symbols="30", synthetic_seed="2"))
    assert np.isclose(whole["close"], other["close"]).mean() < 0.01


def test_it_comes_in_chunks_and_its_outline_without_making_it(source, monkeypatch):
    monkeypatch.setattr(history, "CHUNK_ROWS", 40_000)
    chunks = [c.astype({"symbol": "str"}) for c in source.bars_in_chunks(None, *ALWAYS)]
    assert len(chunks) == 5
    pd.testing.assert_frame_equal(pd.concat(chunks, ignore_index=True), bars(source))
    monkeypatch.setattr("data_layer.sources.synthetic.make_paths", lambda *_: pytest.fail("made for nothing"))
    held = source.instruments()
    assert len(held) == 30 and held["active_to"].isna().all() and source.sessions()[0] == dt.date(2000, 1, 3)


def test_an_unknown_symbol_and_an_empty_window_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"SYMBOLS='AAPL'.*SYN0000"):
        source_of(tmp_path, symbols="AAPL").sessions()
    with pytest.raises(ConfigError, match="has 2000-01-03 to 2025-12-31"):
        source_of(tmp_path, start="2050-01-03").sessions()


def test_whatever_rests_on_it_says_so(database, tmp_path, monkeypatch, capsys):
    span = {"start": "2004-01-02", "end": "2005-03-31"}
    settings = sample_settings(tmp_path, source="synthetic", synthetic_symbols="6", **span)
    run_chain(database.writer, settings)
    for table in ("market_data", "corporate_actions", "trading_universe", "ingestion_batches"):
        rows = query(database.writer, f"SELECT DISTINCT source FROM {table}")
        assert rows == [{"source": "synthetic"}], table
    details = query(
        database.writer,
        "SELECT DISTINCT detail ->> 'source' AS s FROM stage_runs WHERE stage = 'data_ingestion'",
    )
    assert details == [{"s": "synthetic"}]
    warned = query(
        database.writer,
        "SELECT count(*) AS n, count(*) FILTER (WHERE 'the bars are synthetic: made up from a seed, no market ever "
        "traded them' = ANY(ARRAY(SELECT jsonb_array_elements_text(report_data -> 'warnings')))) AS warned "
        "FROM performance_reports",
    )
    assert warned[0]["n"] == warned[0]["warned"] > 300
    monkeypatch.setattr(
        summary,
        "read",
        lambda _home, statement: [tuple(r.values()) for r in query(database.reader, statement)],
    )
    monkeypatch.setattr(summary, "completed", lambda _home: {})
    summary.print_stages(None)
    assert "The bars are synthetic" in capsys.readouterr().out


def test_real_bars_are_not_called_synthetic(small_chain, monkeypatch, capsys):
    rows = query(small_chain.writer, "SELECT report_data -> 'warnings' AS w FROM performance_reports")
    assert rows and not any("synthetic" in text for row in rows for text in row["w"])
    monkeypatch.setattr(
        summary,
        "read",
        lambda _home, statement: [tuple(r.values()) for r in query(small_chain.reader, statement)],
    )
    monkeypatch.setattr(summary, "completed", lambda _home: {})
    summary.print_stages(None)
    assert "synthetic" not in capsys.readouterr().out
