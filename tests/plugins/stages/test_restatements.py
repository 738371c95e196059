"""What a correction, a late bar or a changed action touches: found by symbol and session, and left as it was."""

from __future__ import annotations

import datetime as dt

import pytest

from data_layer.features.compute import compute_sessions
from data_layer.features.panel import Rows
from data_layer.features.registry import feature_sets
from data_layer.storage.database import read_frame
from plugins.stages.knowledge import bars_as_of
from tests.support.bars import change, real_bars, without
from tests.support.chain import open_stage, run_chain, run_stage, take_step
from tests.support.features import bits, stored
from tests.support.files_home import DAY, HALF, LAST, D, open_home
from tests.support.prepared import EAGER
from tests.support.prepared import change as alter

# Eighty sessions up to HALF: a regime is told from the 50th on, every limit can be evaluated from the 60th on.
FIRST = "2004-11-01"
KEPT = {"ensemble_signals", "target_positions", "orders", "fills"}  # decided once, never restated

IMPACT = (
    "SELECT relation, min(session_date) AS since, max(session_date) AS until, string_agg(DISTINCT symbol, ' ') AS s, "
    "string_agg(DISTINCT reason, '; ') AS why FROM restatement_impact(%(batch)s) GROUP BY 1 ORDER BY 1"
)


@pytest.fixture(scope="module")
def market():
    return real_bars("AAPL IBM MSFT", FIRST, LAST)


@pytest.fixture(scope="module")
def half_done(copy_database, tmp_path_factory, market):
    """A home whose five stages are done up to HALF, traded in every symbol."""
    database = copy_database("quant_data")
    alter(database, EAGER)
    home = open_home(database, tmp_path_factory.mktemp("half"), market)
    run_chain(home.uri, home.settings, end=HALF)
    return database


def last_batch(home, kind="bars"):
    return home.query("SELECT max(id) FROM ingestion_batches WHERE kind = %(k)s", k=kind)[0][0]


def rows_of(home, table, day):
    column = "date" if table == "feature_values" else "session_date"
    sql = f"SELECT {column}, symbol FROM {table} WHERE symbol = 'IBM' AND {column} >= %(d)s GROUP BY 1, 2 ORDER BY 1"
    return [row[0] for row in home.query(sql, d=day)]


def test_a_corrected_bar_touches_what_came_after_it(home, market):
    """The home's five stages are done up to HALF; the bar of thirteen sessions before is corrected."""
    day = "2005-02-07"
    before = home.hashes(without=("stage_runs", "audit_events"))
    home.ingest(change(market, "IBM", day, volume=123456), start=day, end=HALF)
    found = {row[0]: row[1:] for row in home.query(IMPACT, batch=last_batch(home))}
    for table in ("feature_values", "signals", "ensemble_signals", "target_positions", "orders"):
        decided = rows_of(home, table, day)
        if decided:
            assert found[table] == (decided[0], decided[-1], "IBM", f"bar corrected ({day})"), table
    assert {"feature_values", "signals", "ensemble_signals", "target_positions", "orders"} <= set(found)
    exact = "SELECT session_date, rows FROM restatement_impact(%(b)s) WHERE relation = 'feature_values'"
    assert dict(home.query(exact, b=last_batch(home))) == dict.fromkeys(
        rows_of(home, "feature_values", day), len(feature_sets())
    )
    stale = "SELECT DISTINCT batch_id, symbol FROM stale_decisions"
    assert home.query(stale) == [(last_batch(home), "IBM")]
    changed = {k for k, v in home.hashes(without=("stage_runs", "audit_events")).items() if before[k] != v}
    assert changed == {"market_data", "market_data_history", "restatements"}


def test_sessions_decided_after_the_correction_are_not_touched(home, market):
    day = "2005-02-10"
    home.ingest(change(market, "IBM", day, volume=123456), start=day, end=HALF)
    batch = last_batch(home)
    home.ingest(end="2005-03-02")
    for stage in ("feature_engineering", "model_execution", "risk_execution"):
        run_stage(home.uri, home.settings, stage)
    until = {row[0]: row[2] for row in home.query(IMPACT, batch=batch)}
    assert until["feature_values"] == until["target_positions"] == D(HALF)
    assert rows_of(home, "target_positions", "2005-02-28")
    assert home.query(IMPACT, batch=last_batch(home)) == []


def test_a_late_bar_and_one_in_time(home, market):
    home.ingest(without(market, DAY, "IBM"))
    run_stage(home.uri, home.settings, "feature_engineering")
    assert home.query("SELECT count(*) FROM restatements") == [(0,)]
    home.ingest(market, start=DAY)
    assert home.query("SELECT symbol, date, fact FROM restatements") == [("IBM", D(DAY), "bar late")]
    found = home.query(IMPACT, batch=last_batch(home))
    # It had no features on DAY itself, for there was no bar.
    assert found == [("feature_values", D("2005-03-11"), D(LAST), "IBM", f"bar late ({DAY})")]


def test_a_changed_action_touches_the_orders_of_the_session_before(home, market):
    ex, eve = "2005-02-15", "2005-02-14"
    home.ingest(change(market, "MSFT", ex, dividend=0.5), start=ex, end=HALF)
    found = {row[0]: row[1:] for row in home.query(IMPACT, batch=last_batch(home, "actions"))}
    reason = f"action corrected ({ex})"
    assert found["feature_values"] == (D(ex), D(HALF), "MSFT", reason)
    assert found["ensemble_signals"] == (D(ex), D(HALF), "MSFT", reason)
    assert found["target_positions"][0] == D(eve) and found["target_positions"][2:] == ("MSFT", reason)


@pytest.mark.parametrize("feature_set", feature_sets())
def test_a_past_sessions_features_from_what_was_believed_then(home, market, feature_set):
    """On history loaded in bulk, after bars and actions up to that session were corrected, bit for bit."""
    session = D("2005-02-18")
    cutoff = home.query(
        "SELECT known_at FROM stage_runs WHERE stage = 'data_ingestion' AND session_date = %(d)s", d=session
    )[0][0]
    spoilt = change(change(market, "IBM", "2005-02-10", volume=123456), "MSFT", "2005-02-15", dividend=0.5)
    home.ingest(spoilt, start=FIRST, end=HALF)
    held = read_frame(home.uri, "SELECT bool_and(backfilled) AS b FROM market_data_history")
    assert bool(held["b"].iloc[0])
    keys, computed = compute_sessions(Rows.from_bars(bars_as_of(home.uri, session, cutoff)), [session], feature_set)
    found = stored(home.uri, feature_set=feature_set, until=str(session))
    found = found[found["date"] == keys["date"].iloc[0]]
    assert found["symbol"].to_list() == keys["symbol"].to_list() == ["AAPL", "IBM", "MSFT"]
    assert (bits(found["values"]) == bits(computed)).all()
    now = dt.datetime.now(dt.UTC)
    _, restated = compute_sessions(Rows.from_bars(bars_as_of(home.uri, session, now)), [session], feature_set)
    assert (bits(found["values"]) != bits(restated)).any()


def test_what_a_source_gives_no_more_is_kept_and_noted(home, market):
    gone = change(without(market, "2005-02-10", "IBM"), "MSFT", "2005-02-15", dividend=0.0)
    before = (
        home.query("SELECT count(*) FROM market_data"),
        home.query("SELECT count(*) FROM corporate_actions"),
    )
    for _ in range(2):
        home.ingest(gone, start="2005-02-01", end=HALF)
    after = (
        home.query("SELECT count(*) FROM market_data"),
        home.query("SELECT count(*) FROM corporate_actions"),
    )
    assert after == before
    events = home.query(
        "SELECT symbol, session_date, payload FROM audit_events WHERE event_type = 'market.vanished' ORDER BY 1"
    )
    assert events == [
        ("IBM", D("2005-02-10"), {"kind": "bar", "source": "files", "dates": ["2005-02-10"]}),
        ("MSFT", D("2005-02-15"), {"kind": "action", "source": "files", "dates": ["2005-02-15"]}),
    ]


def test_a_late_action_cuts_the_view_before_its_ex_date(home, market):
    """Known between the eve's cutoff and the ex-date's: the eve's orders must not see it when compared in one pass."""
    ex = "2005-03-14"
    home.ingest(end="2005-03-11")
    home.ingest(change(market, "IBM", ex, split_ratio=2.0), end=LAST)
    for stage in ("feature_engineering", "model_execution", "risk_execution"):
        run_stage(home.uri, home.settings, stage)
    known = home.query(
        "SELECT known_at FROM corporate_actions WHERE symbol = 'IBM' AND ex_date = %(d)s", d=ex
    )
    cutoffs = home.query(
        "SELECT known_at FROM stage_runs WHERE stage = 'data_ingestion' AND session_date IN (%(a)s, %(b)s) ORDER BY 1",
        a="2005-03-11", b=ex,
    )  # fmt: skip
    assert cutoffs[0] < known[0] <= cutoffs[1]
    price = (
        "SELECT reference_price FROM target_positions WHERE symbol = 'IBM' AND session_date = '2005-03-11'"
    )
    close = "SELECT close FROM market_data WHERE symbol = 'IBM' AND date = '2005-03-11'"
    assert float(home.query(price)[0][0]) == pytest.approx(home.query(close)[0][0])


def test_a_split_corrected_before_its_session_is_completed_is_what_the_session_knows(database, tmp_path, market):
    """The first attempt stores 2:1 and dies, the vendor corrects it to 20:1 meanwhile: nobody has decided on 2:1."""
    ex, value = "2005-02-28", "SELECT value FROM corporate_actions_as_of(%(c)s) WHERE action_type = 'split'"
    home = open_home(database, tmp_path, market)
    first = open_stage(home.uri, home.settings, "data_ingestion", end=HALF)
    for step in ("fetch_market_data", "apply_corporate_actions"):
        take_step(first, step)
    home.ingest(change(market, "AAPL", ex, split_ratio=20.0), end=HALF)
    cutoff = "SELECT known_at FROM stage_runs WHERE stage = 'data_ingestion' AND session_date = %(d)s"
    then = home.query(cutoff, d=HALF)[0][0]
    assert home.query(value, c=then) == [(20,)] and home.query("SELECT count(*) FROM restatements") == [(0,)]
    assert home.query("SELECT value, superseded_at <= known_at FROM corporate_actions_history") == [(2, True)]
    # Once the session has decided, a correction is known from now on.
    home.ingest(market, start=HALF, end=HALF)
    assert home.query(value, c=then) == [(20,)] and home.query(value, c=dt.datetime.now(dt.UTC)) == [(2,)]
    assert home.query("SELECT date, fact FROM restatements") == [(D(ex), "action corrected")]


def test_the_history_of_a_restatement_cannot_be_rewritten(home):
    with pytest.raises(Exception, match="permission denied"):
        home.query("UPDATE restatements SET fact = 'bar late' RETURNING 1")
    with pytest.raises(Exception, match="permission denied"):
        home.query("DELETE FROM trading_universe_history RETURNING 1")
    assert alter(home, "DELETE FROM restatements") == 0


def test_a_restatement_brings_the_correction_into_features_and_signals_and_no_further(home, market):
    """With history: what was decided on stays readable, and orders stay as they are."""
    day, stages = "2005-02-10", ("feature_engineering", "model_execution")
    orders = {k: v for k, v in home.hashes().items() if k in KEPT | {"positions"}}
    first = stored(home.uri, until=HALF)
    home.ingest(change(market, "IBM", day, close=91.0, low=90.0), start=day, end=HALF)
    batch = last_batch(home)
    run_stage(home.uri, home.settings, stages[0], start=day, end=HALF)  # as of what was known: nothing differs
    for stage in stages:
        run_stage(home.uri, home.settings, stage, start=day, end=HALF, restate=True)
    found = stored(home.uri, until=HALF)
    cutoff = home.query("SELECT known_at FROM market_data WHERE version = 2")[0][0]
    computed = [
        compute_sessions(Rows.from_bars(bars_as_of(home.uri, session, cutoff)), [session], "technical")
        for session in sorted({stamp.date() for stamp in found["date"]})
    ]
    for keys, values in computed:
        rows = found[found["date"] == keys["date"].iloc[0]]
        assert (bits(rows["values"]) == bits(values)).all()
    replaced = home.query("SELECT DISTINCT symbol, min(date) OVER () FROM feature_values_history")
    assert replaced == [("IBM", D(day))]
    kept = "SELECT values[1]::float8 FROM feature_values_history WHERE date = %(d)s AND feature_set = 'technical'"
    old = home.query(kept, d=day)
    was = first[(first["symbol"] == "IBM") & (first["date"].dt.date == D(day))]["values"].iloc[0]
    assert old == [(pytest.approx(float(was[0]), nan_ok=True),)]
    left = {row[0] for row in home.query(IMPACT, batch=batch)}
    assert left <= KEPT and "target_positions" in left
    assert {k: v for k, v in home.hashes().items() if k in orders} == orders
    # Verified from the knowledge each session rests on now, restated ones and those before them in one run.
    run_stage(home.uri, home.settings, stages[0], start=FIRST, end=HALF)
    run_stage(home.uri, home.settings, stages[1], start=FIRST, end=HALF)
    run_stage(home.uri, home.settings, stages[0], start=day, end="2005-02-11", restate=True)
    run_stage(home.uri, home.settings, stages[0], start=FIRST, end=HALF)


def test_a_corrected_ex_date_moves_the_action_and_counts_once(home, market):
    """Known on the old day to those who decided then, on the new one to those after; never on both."""
    old, new = "2005-02-15", "2005-02-18"
    paid = float(market.loc[(market["symbol"] == "MSFT") & (market["date"] == D(old)), "dividend"].iloc[0])
    cutoff = "SELECT known_at FROM stage_runs WHERE stage = 'data_ingestion' AND session_date = %(d)s"
    then = home.query(cutoff, d=HALF)[0][0]
    moved = change(change(market, "MSFT", old, dividend=0.0), "MSFT", new, dividend=paid)
    for _ in range(2):
        home.ingest(moved)  # the next catch-up asks for the last sessions' actions once more
        dates = "SELECT ex_date FROM corporate_actions_as_of(%(c)s) WHERE symbol = 'MSFT' AND ex_date >= '2005-02-01'"
        assert home.query(dates, c=then) == [(D(old),)]
        assert home.query(dates, c=dt.datetime.now(dt.UTC)) == [(D(new),)]
    facts = home.query("SELECT date, fact FROM restatements WHERE symbol = 'MSFT' ORDER BY 1")
    assert facts == [(D(old), "action moved"), (D(new), "action late")]
    since = home.query(IMPACT, batch=home.query("SELECT DISTINCT batch_id FROM restatements")[0][0])
    assert {row[0]: row[1] for row in since}["feature_values"] == D(old)
    home.ingest(market, start=old, end=new)  # and back again: a further version of the first
    version = "SELECT version FROM corporate_actions WHERE symbol = 'MSFT' AND ex_date = %(d)s"
    assert home.query(version, d=old) == [(2,)]
    assert home.query(dates, c=dt.datetime.now(dt.UTC)) == [(D(old),)]


def test_a_split_published_days_late_is_fetched_by_the_next_run(home, market):
    ex = "2005-02-24"
    home.ingest(end="2005-02-28")
    home.ingest(change(market, "IBM", ex, split_ratio=2.0), end="2005-03-01")
    assert home.query("SELECT fact, date FROM restatements") == [("action late", D(ex))]
