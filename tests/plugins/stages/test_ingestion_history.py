"""data_ingestion and time: corrections, what comes late, who enters and leaves, splits and dividends."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from plugins.stages.context import CHAIN
from tests.support.bars import change, without
from tests.support.chain import run_stage
from tests.support.files_home import DAY, HALF, LAST, SESSIONS, D, Home, open_home


def test_fetching_the_same_again_writes_no_row(done_home):
    rows = "SELECT {} FROM {} ORDER BY 1, 2, 3"
    tables = {
        "market_data": "symbol, date, xmin::text, ctid::text, version",
        "corporate_actions": "symbol, ex_date, action_type, xmin::text, ctid::text, version",
        "trading_universe": "symbol, active_from, xmin::text, ctid::text",
    }
    before = [done_home.query(rows.format(columns, table)) for table, columns in tables.items()]
    done_home.ingest(start="2005-01-03", end=LAST)
    assert [done_home.query(rows.format(columns, table)) for table, columns in tables.items()] == before
    newest = "SELECT kind, received, duplicates, accepted FROM ingestion_batches ORDER BY id DESC LIMIT 2"
    assert done_home.query(newest) == [("actions", 3, 3, 0), ("bars", 3 * SESSIONS, 3 * SESSIONS, 0)]


def test_a_correction_keeps_the_old_version(done_home, market):
    now = (
        "SELECT close, known_at, version, backfilled FROM market_data "
        "WHERE symbol = 'AAPL' AND date = %(day)s"
    )
    old = done_home.query(now, day=HALF)[0]
    done_home.ingest(change(market, "AAPL", HALF, close=88.5), start=HALF)
    close, known_at, version, backfilled = done_home.query(now, day=HALF)[0]
    assert (close, version, backfilled) == (88.5, 2, False)
    assert done_home.query("SELECT count(*) FROM market_data WHERE version > 1") == [(1,)]
    history = "SELECT close, version, known_at, superseded_at FROM market_data_history"
    assert done_home.query(history) == [(old[0], 1, old[1], known_at)]
    as_of = "SELECT close FROM market_data_as_of(%(at)s) WHERE symbol = 'AAPL' AND date = %(day)s"
    assert done_home.query(as_of, at=known_at - dt.timedelta(microseconds=1), day=HALF) == [(old[0],)]
    assert done_home.query(as_of, at=known_at, day=HALF) == [(88.5,)]
    assert done_home.query(as_of, at=old[1] - dt.timedelta(microseconds=1), day=HALF) == []
    stale = done_home.query(
        "SELECT stage, min(session_date) AS first, min(stale_reason) AS why FROM stage_runs "
        "WHERE stale_reason IS NOT NULL AND model = '' GROUP BY 1 ORDER BY 1"
    )
    reason = f"bars or actions restated since {HALF}"
    assert stale == [(stage, D(HALF), reason) for stage in sorted(CHAIN[1:])]
    # Back again is a third version, not the first one come back to life.
    done_home.ingest(market, start=HALF)
    assert done_home.query(now, day=HALF)[0][::2] == (old[0], 3)
    assert [row[1] for row in done_home.query(history + " ORDER BY version")] == [1, 2]


def test_sessions_completed_later_know_a_correction_of_long_ago(home, market):
    corrected = change(market, "AAPL", "2005-01-04", volume=42)
    home.ingest(corrected, start="2005-01-04", end="2005-01-04")
    home.ingest(corrected)
    (known_at,) = home.query("SELECT known_at FROM market_data WHERE version = 2")[0]
    cutoffs = home.query(
        "SELECT session_date > %(half)s AS later, min(known_at) >= %(at)s AS all_know, max(known_at) >= %(at)s AS one "
        "FROM stage_runs WHERE stage = 'data_ingestion' GROUP BY 1 ORDER BY 1",
        half=HALF,
        at=known_at,
    )
    assert cutoffs == [(False, False, False), (True, True, True)]


def test_a_bar_that_comes_late_was_not_known_before(home, market):
    home.ingest(without(market, DAY, "IBM"))
    assert home.warnings() == [(D(DAY), ["no bar for IBM"])]
    run_stage(home.uri, home.settings, "feature_engineering")
    home.ingest(market, start=DAY)
    late = (
        "SELECT m.version, m.backfilled, m.known_at > r.known_at FROM market_data m JOIN stage_runs r "
        "ON r.session_date = m.date AND r.stage = 'data_ingestion' "
        "WHERE m.symbol = 'IBM' AND m.date = %(day)s"
    )
    assert home.query(late, day=DAY) == [(1, False, True)]
    as_of = (
        "SELECT m.symbol FROM stage_runs r, market_data_as_of(r.known_at) m "
        "WHERE r.stage = 'data_ingestion' AND r.session_date = %(day)s AND m.date = %(day)s ORDER BY 1"
    )
    assert home.query(as_of, day=DAY) == [("AAPL",), ("MSFT",)]
    stale = (
        "SELECT min(session_date) FROM stage_runs WHERE stage = 'feature_engineering' AND stale_reason <> ''"
    )
    assert home.query(stale) == [(D(DAY),)]
    # What was decided without it can still be computed again.
    run_stage(home.uri, home.settings, "feature_engineering", start=DAY, end=LAST)


def test_symbols_enter_and_leave(database, tmp_path, market):
    gone = (market["symbol"] == "IBM") & (market["date"] > D("2005-02-10"))
    late = (market["symbol"] == "MSFT") & (market["date"] < D("2005-02-01"))
    home = open_home(database, tmp_path, market[~gone & ~late])
    universe = "SELECT symbol, active_from, active_to FROM trading_universe ORDER BY 1"
    first = D("2005-01-03")
    home.ingest(end="2005-01-31")
    assert home.query(universe) == [("AAPL", first, None), ("IBM", first, None)]
    home.ingest(end="2005-02-09")  # nobody knows yet that tomorrow is the last day
    assert home.query(universe) == [
        ("AAPL", first, None),
        ("IBM", first, None),
        ("MSFT", D("2005-02-01"), None),
    ]
    home.ingest()
    assert home.query(universe)[1] == ("IBM", first, D("2005-02-10"))
    assert home.warnings() == []
    before = home.hashes()
    home.ingest(start="2005-01-10", end="2005-01-12")  # looking back must not bring it back
    assert home.hashes() == before


def test_a_split_is_known_at_the_close_before(home):
    statement = "SELECT ex_date, value::integer, known_at FROM corporate_actions WHERE action_type = 'split'"
    close = dt.datetime(2005, 2, 25, 21, 0, tzinfo=dt.UTC)
    assert home.query(statement) == [(D("2005-02-28"), 2, close)]  # though no session after HALF is in yet
    bars = home.query("SELECT max(date) FROM market_data")
    assert bars == [(D(HALF),)]
    as_of = "SELECT count(*) FROM corporate_actions_as_of(%(at)s) WHERE action_type = 'split'"
    assert home.query(as_of, at=close) == [(1,)]
    assert home.query(as_of, at=close - dt.timedelta(microseconds=1)) == [(0,)]


def test_a_changed_dividend_keeps_the_old_version(done_home, market):
    ex = "2005-02-15"
    old = done_home.query("SELECT value FROM corporate_actions WHERE symbol = 'MSFT'")[0][0]
    done_home.ingest(change(market, "MSFT", ex, dividend=0.5), start=ex)
    now = "SELECT value::float, version, known_at FROM corporate_actions WHERE symbol = 'MSFT'"
    value, version, known_at = done_home.query(now)[0]
    assert (value, version) == (0.5, 2)
    history = "SELECT value, version, superseded_at FROM corporate_actions_history"
    assert done_home.query(history) == [(old, 1, known_at)]
    as_of = "SELECT value::float FROM corporate_actions_as_of(%(at)s) WHERE symbol = 'MSFT'"
    assert done_home.query(as_of, at=known_at - dt.timedelta(microseconds=1)) == [(float(old),)]
    assert done_home.query(as_of, at=known_at) == [(0.5,)]
    # The session before decided on what goes ex: it too rests on the old value.
    stale = "SELECT min(session_date) FROM stage_runs WHERE stage = 'risk_execution' AND stale_reason <> ''"
    assert done_home.query(stale) == [(D("2005-02-14"),)]


def test_an_action_that_comes_late_was_not_known_before(home, market):
    ex = "2005-03-14"
    home.ingest(end="2005-03-11")
    home.ingest(change(market, "IBM", ex, dividend=0.25))
    cutoff = "SELECT known_at FROM stage_runs WHERE stage = 'data_ingestion' AND session_date = %(day)s"
    late = home.query("SELECT known_at FROM corporate_actions WHERE ex_date = %(day)s", day=ex)
    assert late > home.query(cutoff, day="2005-03-11")
    # The session it goes ex on knows: its cutoff has moved with it.
    assert late == home.query(cutoff, day=ex)


def two_splits(rows):
    one = rows[(rows["symbol"] == "IBM") & (rows["date"] == D(DAY))]
    return pd.concat([change(rows, "IBM", DAY, split_ratio=2.0), one.assign(split_ratio=3.0)])


IMPOSSIBLE = {
    "more than the share": (lambda r: change(r, "IBM", DAY, dividend=181.0), "not below the close before", 1),
    "no number": (lambda r: change(r, "IBM", DAY, dividend="soon"), "not a number above zero", 1),
    "infinite": (lambda r: change(r, "IBM", DAY, split_ratio="inf"), "not a number above zero", 1),
    "negative": (lambda r: change(r, "IBM", DAY, dividend=-0.5), "not a number above zero", 1),
    "two splits": (two_splits, "two actions of one symbol, ex-date and kind differ", 2),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_an_impossible_action_is_put_aside_with_a_warning(home, all_done, market, name):
    spoil, reason, rows = IMPOSSIBLE[name]
    home.ingest(spoil(market))
    assert home.completed() == SESSIONS
    undisturbed = Home(all_done.writer, all_done.owner, home.settings, home.path)
    assert home.query("SELECT count(*) FROM corporate_actions") == undisturbed.query(
        "SELECT count(*) FROM corporate_actions"
    )
    bad = home.query("SELECT symbol, session_date, reason FROM quarantine")
    assert bad == [("IBM", D(DAY), row[2]) for row in bad] and len(bad) == rows
    assert all(reason in row[2] for row in bad)
    batch = home.query(
        "SELECT received, accepted + duplicates, quarantined FROM ingestion_batches "
        "WHERE kind = 'actions' ORDER BY id DESC LIMIT 1"
    )
    # Beside them Apple's split, going ex on the first session of the window.
    assert batch == [(rows + 2, 2, rows)]
    warnings = home.query(
        "SELECT session_date, detail -> 'warnings' FROM stage_runs WHERE detail ? 'warnings'"
    )
    assert [w[0] for w in warnings] == [D(DAY)] and len(warnings[0][1]) == rows
    assert f"corporate action of IBM on {DAY} in quarantine" in warnings[0][1][0]
    run_stage(home.uri, home.settings, "feature_engineering")  # which it would have stopped for all symbols


def test_a_mended_action_is_taken(home, market):
    home.ingest(change(market, "IBM", DAY, dividend=181.0))
    home.ingest(change(market, "IBM", DAY, dividend=0.181), start=DAY)
    assert home.query(f"SELECT value::float FROM corporate_actions WHERE ex_date = '{DAY}'") == [(0.181,)]
    assert home.query("SELECT count(*) FROM quarantine") == [(1,)]


def test_an_action_dated_on_a_holiday_warns_on_the_session_after(home, market):
    holiday = D("2005-03-25")
    home.accept(holiday, "IBM")  # its bar of that day is no bar
    odd = market[(market["symbol"] == "IBM") & (market["date"] == D("2005-03-24"))]
    home.ingest(pd.concat([market, odd.assign(date=holiday, dividend=500.0)]))
    assert [day for day, _ in home.warnings()] == [D("2005-03-28")]
