"""The gate in its stage: evidence is kept, windows of any size find the same, people's decisions count."""

from __future__ import annotations

import datetime as dt
import socket

import pandas as pd
import pytest

from data_layer.sources.files import FilesSource
from data_layer.storage.database import transaction
from models.errors import DataQualityError
from plugins.stages import gate
from plugins.stages.context import Context
from plugins.stages.gate import expected_session
from plugins.stages.window import Request, Window
from tests.support.bars import change, without
from tests.support.chain import open_stage, take_step
from tests.support.files_home import DAY, HALF, LAST, SESSIONS, D, open_home

FINDINGS = (
    "SELECT check_name, symbol, session_date::text, severity, seen_on::text, detail FROM quality_findings "
    "WHERE resolved_at IS NULL ORDER BY 1, 2, 3"
)


@pytest.fixture(scope="module")
def odd(market):
    """A spike, a day without volume, a copied bar, a split recorded late, and a missing bar."""
    rows = market.copy()
    at = rows.index[(rows["symbol"] == "IBM") & (rows["date"] == D(DAY))][0]
    rows.loc[at, ["open", "high", "low", "close"]] *= 0.5
    copied = ["open", "high", "low", "close", "volume"]
    rows.loc[at + 4, copied] = rows.loc[at + 3, copied]
    rows = change(rows, "MSFT", "2005-03-15", volume=0)
    split = rows[(rows["symbol"] == "AAPL") & (rows["split_ratio"] == 2)]["date"].iloc[0]
    rows = change(rows, "AAPL", str(split), split_ratio=1.0)
    rows = change(rows, "AAPL", "2005-03-03", split_ratio=2.0)
    return without(rows, "2005-03-22", "MSFT")


def kinds(home):
    return [row[:3] for row in home.query(FINDINGS)]


def test_what_is_odd_is_kept_and_told_with_the_session_at_which_it_was_seen(database, tmp_path, odd):
    home = open_home(database, tmp_path, odd)
    home.ingest()
    assert home.completed() == SESSIONS
    assert kinds(home) == [
        ("action_without_jump", "AAPL", "2005-03-03"),
        ("jump", "AAPL", "2005-02-28"),
        ("jump", "AAPL", "2005-03-03"),
        ("jump", "IBM", DAY),
        ("jump", "IBM", "2005-03-11"),
        ("missing_bar", "MSFT", "2005-03-22"),
        ("spike", "IBM", DAY),
        ("stale_repeat", "IBM", "2005-03-16"),
        ("unrecorded_split", "AAPL", "2005-02-28"),
        ("unrecorded_split", "IBM", DAY),
        ("unrecorded_split", "IBM", "2005-03-11"),
        ("zero_volume", "MSFT", "2005-03-15"),
    ]
    late = next(row for row in home.query(FINDINGS) if row[0] == "action_without_jump")
    assert late[3] == "defect" and late[5]["moved_on"] == "2005-02-28"
    warnings = {str(day): texts for day, texts in home.warnings()}
    assert any("spike of IBM on 2005-03-10 (defect)" in text for text in warnings["2005-03-11"])
    assert not any("spike" in text for text in warnings[DAY])
    assert warnings["2005-03-22"] == ["no bar for MSFT"]


def test_window_by_window_finds_what_one_run_over_all_finds(database, copy_database, tmp_path, odd):
    homes = []
    for name, ends, uri in (
        ("whole", [LAST], copy_database("quant_data")),
        # Each oddity is a window's last session, and then lies just before one.
        (
            "pieces",
            [HALF, "2005-02-28", "2005-03-03", DAY, "2005-03-11", "2005-03-15", "2005-03-16", LAST],
            database,
        ),
    ):
        (tmp_path / name).mkdir()
        home = open_home(uri, tmp_path / name, odd)
        for end in ends:
            home.ingest(end=end)
        homes.append(home)
    whole, pieces = homes
    assert kinds(pieces) == kinds(whole) and len(kinds(whole)) == 12
    assert pieces.hashes()["quality_findings"] == whole.hashes()["quality_findings"]
    assert pieces.warnings() == whole.warnings()


def test_a_second_look_writes_nothing_and_a_correction_resolves(database, tmp_path, odd, market):
    home = open_home(database, tmp_path, odd)
    home.ingest()
    before = home.query("SELECT * FROM quality_findings ORDER BY session_date, symbol, check_name")
    home.ingest(start="2005-01-03", end=LAST)
    assert home.query("SELECT * FROM quality_findings ORDER BY session_date, symbol, check_name") == before
    home.ingest(market, start="2005-01-03", end=LAST)
    assert not kinds(home)
    assert len(home.query("SELECT * FROM quality_findings WHERE resolved_at IS NOT NULL")) == 12
    home.ingest(odd, start="2005-01-03", end=LAST)
    assert ("spike", "IBM", DAY) in kinds(home)  # and stands again


def test_the_expectations_met_are_stored_also_when_the_run_is_refused(database, tmp_path, market):
    home = open_home(database, tmp_path, without(market, DAY, "IBM", "MSFT"))
    with pytest.raises(DataQualityError, match="no bars for IBM, MSFT") as caught:
        home.ingest()
    assert f"make accept SESSION={DAY} REASON=" in caught.value.remedy
    failed = (
        "SELECT batch, subject, observed ->> 'unexpected_count' FROM data_quality_results WHERE NOT success"
    )
    assert home.query(failed) == [("sessions", "missing_allowed, missing", "1")]
    assert ("coverage", "", DAY) in kinds(home)
    assert home.completed() == 0
    home.accept(DAY)
    home.ingest()
    rows = home.query(
        "SELECT bool_and(success), count(*), min(first_session)::text, max(session_date)::text "
        "FROM data_quality_results WHERE run_id = (SELECT max(run_id) FROM stage_runs WHERE status = 'completed')"
    )
    assert rows == [(True, 25, "2005-01-03", LAST)]


def test_an_exception_made_between_the_tasks_counts_and_one_bar_more_is_judged_anew(
    database, tmp_path, market, monkeypatch
):
    home = open_home(database, tmp_path, without(market, DAY, "IBM"))
    stage = open_stage(home.uri, home.settings, "data_ingestion")
    for step in ("fetch_market_data", "apply_corporate_actions", "validate_data_quality"):
        take_step(stage, step)
    home.accept(DAY, "IBM")
    # Nothing new has come: the bars are not looked at a second time.
    monkeypatch.setattr(gate, "read_checked", None)
    take_step(stage, "update_trading_universe")
    assert home.warnings() == []
    judged = home.query("SELECT DISTINCT last_batch_id FROM data_quality_results")
    assert judged == home.query("SELECT max(id) FROM ingestion_batches")


def test_what_came_between_validation_and_completion_is_seen(database, tmp_path, market):
    home = open_home(database, tmp_path, market)
    stage = open_stage(home.uri, home.settings, "data_ingestion")
    for step in ("fetch_market_data", "apply_corporate_actions", "validate_data_quality"):
        take_step(stage, step)
    with transaction(home.owner) as connection:
        connection.execute("DELETE FROM market_data WHERE date = %s", [DAY])
    with pytest.raises(DataQualityError, match=f"on {DAY}"):
        take_step(stage, "update_trading_universe")
    assert home.completed() == 0


def test_rejected_rows_no_longer_stop_a_run(database, tmp_path, market):
    bad = [market.astype(object)]
    for symbol in ("AAPL", "MSFT"):
        one = market[(market["symbol"] == symbol) & (market["date"] == D(DAY))]
        bad.append(one.assign(date="soon").astype(object))
    home = open_home(database, tmp_path, pd.concat(bad, ignore_index=True))
    with pytest.raises(DataQualityError, match="2 of 185 rows in quarantine"):
        home.ingest()
    home.query(
        "INSERT INTO quarantine_decisions (quarantine_id, decision, reason) "
        "SELECT id, 'rejected', 'a test' FROM quarantine RETURNING id"
    )
    home.ingest()
    assert home.completed() == SESSIONS and home.warnings() == []


@pytest.mark.parametrize(("now", "behind"), [("2005-03-31", 0), ("2005-04-01", 1), ("2005-04-04", 2)])
def test_a_live_source_is_held_to_the_clock(database, tmp_path, market, monkeypatch, now, behind):
    monkeypatch.setattr(FilesSource, "is_static", False)
    home = open_home(database, tmp_path, market)
    instant = dt.datetime.fromisoformat(f"{now}T23:00:00+00:00")
    if behind > 1:
        with pytest.raises(DataQualityError, match="2 sessions behind 2005-04-04"):
            home.ingest(now=instant)
        assert home.completed() == 0
    else:
        home.ingest(now=instant)
        assert [len(texts) for _, texts in home.warnings()] == [1] * behind
    late = home.query("SELECT severity FROM quality_findings WHERE check_name = 'freshness'")
    assert late == ([("suspect",)] if behind == 1 else [("defect",)] if behind else [])


def context(**values):
    given = {"params": {}, "logical_date": None, "now": dt.datetime(2005, 4, 4, 23, tzinfo=dt.UTC), **values}
    request = Request("data_ingestion", "x", **given)
    return Context(request, Window("catch_up", (D("2005-03-30"), D("2005-03-31"))), None, "")


class Live:
    is_static = False
    delay = dt.timedelta(0)


class Late(Live):
    delay = dt.timedelta(hours=12)


class Static(Live):
    is_static = True


@pytest.mark.parametrize(
    ("source", "values", "session"),
    [
        (Live, {}, "2005-04-04"),
        (Late, {}, "2005-04-01"),
        (Static, {}, "2005-03-31"),
        (Live, {"params": {"end": "2005-03-31"}}, "2005-03-31"),
        (Live, {"logical_date": dt.datetime(2005, 3, 31, tzinfo=dt.UTC)}, "2005-03-31"),
        (Live, {"logical_date": dt.datetime(2005, 4, 4, 11, tzinfo=dt.UTC)}, "2005-04-01"),
    ],
)
def test_the_session_expected(source, values, session):
    assert expected_session(context(**values), source()) == D(session)


def test_nothing_leaves_the_machine(database, tmp_path, market, monkeypatch):
    """Postgres is on this machine; no other address is ever asked for."""
    asked = []

    def watch(self, address):
        asked.append(address)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", watch)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: asked.append(a) or [])
    open_home(database, tmp_path, market).ingest()
    assert not [address for address in asked if "127.0.0.1" not in str(address)]


def test_an_average_outside_its_bar_is_flagged_told_and_resolved(database, tmp_path, market):
    rows = market.assign(vwap=(market["high"] + market["low"]) / 2)
    wrong = change(rows, "IBM", DAY, vwap=1.5)
    home = open_home(database, tmp_path, wrong)
    home.ingest()
    assert ("vwap_outside", "IBM", DAY) in kinds(home)
    told = [text for day, texts in home.warnings() for text in texts if day == D(DAY)]
    assert any(
        t.startswith(f"vwap outside of IBM on {DAY} (suspect): low ") and t.endswith(", vwap 1.5")
        for t in told
    )
    assert home.completed() == SESSIONS
    home.ingest(rows, start=DAY, end=DAY)
    assert ("vwap_outside", "IBM", DAY) not in kinds(home)
    restated = home.query("SELECT count(*) FROM restatements")
    assert restated == [(0,)]
