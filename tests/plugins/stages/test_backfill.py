"""make backfill: what it brings, that it goes on where it stopped, and what it refuses."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from models.errors import ConfigError
from plugins import backfill as command
from plugins.stages import backfill as stage
from tests.support.bars import change, files_settings, real_bars, write_bars
from tests.support.chain import query, run_stage, sample_settings
from tests.support.prepared import failed_checks, hashes

D = dt.date.fromisoformat
SPAN = {"start": "2005-01-03", "end": "2005-03-31"}


@pytest.fixture
def settings(tmp_path):
    return sample_settings(tmp_path, symbols="AAPL IBM MSFT", **SPAN)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(stage, "FILE_SYMBOLS", 1)


def chunks(database):
    return query(
        database.writer,
        "SELECT symbols, state, received, accepted, duplicates FROM backfill_chunks ORDER BY 1",
    )


def test_it_brings_bars_and_actions_and_completes_nothing(database, settings, capsys):
    assert command.run(database.writer, settings) == 0
    printed = capsys.readouterr().out
    assert "chunk 3 of 3: MSFT" in printed and "received 183, accepted 183" in printed
    rows = query(
        database.writer,
        "SELECT symbol, count(*) AS n, bool_and(backfilled) AS b FROM market_data GROUP BY 1 ORDER BY 1",
    )
    assert [(r["symbol"], r["n"], r["b"]) for r in rows] == [(s, 61, True) for s in ("AAPL", "IBM", "MSFT")]
    kinds = query(database.writer, "SELECT DISTINCT action_type AS k FROM corporate_actions ORDER BY 1")
    assert [row["k"] for row in kinds] == ["dividend", "split"]
    assert query(database.writer, "SELECT * FROM stage_runs") == []
    assert [c["state"] for c in chunks(database)] == ["done"] * 3
    assert failed_checks(database.writer) == []


def test_it_stores_what_a_run_stores(database, copy_database, settings):
    other = copy_database("quant_data")
    command.run(database.writer, settings)
    run_stage(other.writer, settings, "data_ingestion")
    assert hashes(database.writer, "market_data") == hashes(other.writer, "market_data")
    assert hashes(database.writer, "corporate_actions") == hashes(other.writer, "corporate_actions")


def test_a_second_run_and_one_of_a_part_skip_what_is_done(database, settings, tmp_path, capsys):
    command.run(database.writer, settings)
    before, batches = (
        hashes(database.writer),
        query(database.writer, "SELECT count(*) FROM ingestion_batches"),
    )
    part = sample_settings(tmp_path, symbols="AAPL IBM", start="2005-02-01", end="2005-02-28")
    for again in (settings, part):
        capsys.readouterr()
        assert command.run(database.writer, again) == 0
        assert "0 symbols in 0 chunks to do" in capsys.readouterr().out
    assert hashes(database.writer) == before
    assert query(database.writer, "SELECT count(*) FROM ingestion_batches") == batches
    wider = sample_settings(tmp_path, symbols="AAPL", start="2004-12-01", end="2005-03-31")
    command.run(database.writer, wider)
    apples = [(c["received"], c["duplicates"]) for c in chunks(database) if c["symbols"] == ["AAPL"]]
    assert apples == [(61, 0), (83, 61)]


def test_an_interrupted_one_says_so_and_goes_on(database, settings, monkeypatch, capsys):
    real, calls = stage.store_bars, []

    def interrupted(*args):
        calls.append(1)
        stored = real(*args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return stored

    monkeypatch.setattr(stage, "store_bars", interrupted)
    assert command.run(database.writer, settings) == 130
    assert "interrupted after 1 of 3 chunks" in capsys.readouterr().out
    assert [c["state"] for c in chunks(database)] == ["done", "planned", "planned"]
    assert [r["symbol"] for r in query(database.writer, "SELECT DISTINCT symbol FROM market_data")] == [
        "AAPL"
    ]
    assert command.run(database.writer, settings) == 0
    assert "2 symbols in 2 chunks to do, 1 symbols done before" in capsys.readouterr().out
    assert failed_checks(database.writer) == []


def test_older_bars_of_a_symbol_held_are_known_from_now_on(chained, tmp_path):
    settings = sample_settings(tmp_path, symbols="AAPL", start="2003-12-01", end="2004-01-30")
    newest = query(chained.writer, "SELECT max(known_at) AS k FROM market_data")[0]["k"]
    command.run(chained.writer, settings)
    rows = query(chained.writer, "SELECT known_at, backfilled FROM market_data WHERE date < '2004-01-02'")
    assert len(rows) == 22 and all(r["known_at"] > newest and not r["backfilled"] for r in rows)
    stale = query(chained.writer, "SELECT DISTINCT stage FROM stage_runs WHERE stale_reason IS NOT NULL")
    assert len(stale) == 4


def test_a_bad_row_goes_to_quarantine_and_the_counts_say_so(database, tmp_path, capsys):
    rows = change(real_bars("AAPL IBM", SPAN["start"], SPAN["end"]), "IBM", "2005-02-01", high=0.5)
    rows = pd.concat([rows, rows.iloc[:1]])
    path = write_bars(tmp_path / "bars.csv", rows)
    assert command.run(database.writer, files_settings(tmp_path, path, **SPAN)) == 0
    assert "accepted 121, duplicates 1, quarantined 1" in capsys.readouterr().out
    assert failed_checks(database.writer) == []


def test_what_cannot_be_done_is_refused(chained, database, tmp_path):
    with pytest.raises(ConfigError, match=r"both ends.*START\.\.END='2005-01-03\.\.'"):
        command.run(database.writer, sample_settings(tmp_path, start="2005-01-03"))
    future = sample_settings(tmp_path, source="synthetic", start="2090-01-03", end="2090-02-01")
    with pytest.raises(ConfigError, match="nothing has closed"):
        command.run(database.writer, future)
    other = sample_settings(tmp_path, source="synthetic", **SPAN)
    with pytest.raises(ConfigError, match=r"holds bars of sample.*SOURCE='synthetic'"):
        command.run(chained.writer, other)
    assert query(chained.writer, "SELECT * FROM backfill_chunks") == []


def test_the_counts_of_a_chunk_and_its_batch_are_compared(database, settings):
    command.run(database.writer, settings)
    statement = (
        "UPDATE backfill_chunks SET received = received + 1, accepted = accepted + 1 WHERE symbols = '{IBM}'"
    )
    query(database.owner, statement + " RETURNING 1")
    assert failed_checks(database.writer) == ["check_backfill_chunks"]


def test_the_command_wants_both_dates_said(monkeypatch, tmp_path):
    monkeypatch.setenv("ALMANAC_HOME", str(tmp_path))
    monkeypatch.setenv("START", "2005-01-03")
    monkeypatch.delenv("END", raising=False)
    with pytest.raises(ConfigError, match=r"END=''.*make backfill START="):
        command.main()


def test_a_terminal_gets_a_bar_with_the_time_left(database, settings, monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert command.run(database.writer, settings) == 0
    shown = capsys.readouterr()
    assert "3/3" in shown.err and "chunk" in shown.err and "chunk 3 of 3" not in shown.out
