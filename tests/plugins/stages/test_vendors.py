"""Two vendors of one market: fallback on record, both words kept, one chosen by the stated order."""

from __future__ import annotations

import datetime as dt

import pytest

from models.errors import ConfigError, RetryableError
from tests.support.bars import change
from tests.support.chain import STEPS, open_stage, query, run_chain, run_stage, stage_class, take_step
from tests.support.files_home import DAY, HALF, LAST, D
from tests.support.vendors import Vendors

BAR = "SELECT close, source, version FROM market_data WHERE symbol = 'IBM' AND date = %(day)s"
STAGE = "data_ingestion"


@pytest.fixture
def vendors(monkeypatch, tmp_path, market):
    made = Vendors(monkeypatch, tmp_path, "one", "two")
    for name in made.names:
        made.give(name, market)
    return made


def rows(uri, statement, **parameters):
    return [tuple(r.values()) for r in query(uri, statement, parameters)]


def test_a_fallback_is_an_audit_event_and_a_warning(database, vendors):
    vendors.errors["one"] = RetryableError("the vendor is down")
    first = open_stage(database.writer, vendors.settings(), STAGE, end=HALF)
    for step in STEPS[STAGE]:  # each task has an object of its own
        take_step(stage_class(STAGE)(first.context), step)
    assert rows(database.writer, "SELECT DISTINCT source FROM market_data") == [("two",)]
    events = rows(
        database.writer, "SELECT session_date, payload FROM audit_events WHERE event_type = 'market.fallback'"
    )
    assert [(day, e["question"], e["failed"], e["answered"]) for day, e in events] == [
        (D(HALF), "bars", "one", "two")
    ]
    told = "one failed to give bars, two did: the vendor is down"
    warnings = rows(
        database.writer, "SELECT DISTINCT detail -> 'warnings' FROM stage_runs WHERE stage = %(s)s", s=STAGE
    )
    assert warnings == [([told],)]
    # The next run, with the vendor back, says nothing of it, and mixes no two vendors in one answer.
    vendors.errors.clear()
    run_stage(database.writer, vendors.settings(), STAGE)
    sources = "SELECT source, min(date), max(date) FROM market_data GROUP BY 1 ORDER BY 1"
    assert [s[0] for s in rows(database.writer, sources)] == ["one", "two"]
    new = "SELECT count(*) FROM stage_runs WHERE detail ? 'warnings' AND session_date > %(day)s"
    assert rows(database.writer, new, day=HALF) == [(0,)]


def test_when_every_source_fails_nothing_is_made_up(database, vendors):
    vendors.errors |= {"one": RetryableError("down"), "two": RetryableError("down too")}
    with pytest.raises(RetryableError, match=r"every source failed to give bars: one: down; two: down too"):
        run_stage(database.writer, vendors.settings(), STAGE, end=HALF)
    assert rows(database.writer, "SELECT count(*) FROM market_data") == [(0,)]
    vendors.errors["one"] = ConfigError("no key")
    with pytest.raises(ConfigError, match="no key"):
        run_stage(database.writer, vendors.settings(), STAGE, end=HALF)


def test_a_home_holds_one_market(database, vendors):
    run_stage(database.writer, vendors.settings("two"), STAGE, end=HALF)
    with pytest.raises(ConfigError, match="this home holds bars of two"):
        run_stage(database.writer, vendors.settings("one"), STAGE)
    run_stage(database.writer, vendors.settings("one", "two"), STAGE, end=DAY)
    assert rows(database.writer, "SELECT DISTINCT source FROM market_data ORDER BY 1") == [("one",), ("two",)]


def test_a_lower_vendor_replaces_nothing_and_its_word_is_kept(database, vendors, market):
    vendors.give("two", change(market, "IBM", DAY, close=95.0, high=96.0))
    run_stage(database.writer, vendors.settings(cross_check="true"), STAGE)
    close = rows(database.writer, BAR, day=DAY)[0][0]
    assert rows(database.writer, BAR, day=DAY) == [(close, "one", 1)] and close != 95.0
    words = rows(
        database.writer,
        "SELECT source, close FROM vendor_bars WHERE symbol = 'IBM' AND date = %(d)s ORDER BY 1",
        d=DAY,
    )
    assert words == [("one", close), ("two", 95.0)]
    found = rows(
        database.writer,
        "SELECT symbol, date, field, source, value, other_source, other_value, chosen_source, tolerance, difference "
        "FROM vendor_disagreements WHERE field = 'close'",
    )
    assert found == [("IBM", D(DAY), "close", "two", 95.0, "one", close, "one", 0.001,
                      pytest.approx((95.0 - close) / ((95.0 + close) / 2)))]  # fmt: skip
    assert rows(database.writer, "SELECT count(*) FROM market_data_history") == [(0,)]
    batches = "SELECT source, received - duplicates - quarantined - accepted FROM ingestion_batches"
    assert {r[1] for r in rows(database.writer, batches)} == {0}
    # Asked again, both say the same: nothing is said twice.
    counts = "SELECT (SELECT count(*) FROM vendor_bars), (SELECT count(*) FROM vendor_disagreements)"
    before = rows(database.writer, counts)
    run_stage(database.writer, vendors.settings(cross_check="true"), STAGE, start=HALF, end=LAST)
    assert rows(database.writer, counts) == before


def test_within_the_tolerance_vendors_agree(database, vendors, market):
    volume = int(market[(market["symbol"] == "IBM") & (market["date"] == D(DAY))]["volume"].iloc[0])
    vendors.give("two", change(market, "IBM", DAY, volume=round(volume * 1.04)))
    settings = vendors.settings(cross_check="true")
    run_stage(database.writer, settings, STAGE)
    assert rows(database.writer, "SELECT count(*) FROM vendor_disagreements") == [(0,)]
    strict = vendors.settings(cross_check="true", vendor_volume_tolerance="0.01")
    vendors.give("two", change(market, "IBM", DAY, volume=round(volume * 1.03)))
    run_stage(database.writer, strict, STAGE, start=DAY)
    assert rows(database.writer, "SELECT field, chosen_source FROM vendor_disagreements") == [
        ("volume", "one")
    ]


def test_a_higher_vendors_restatement_of_one_bar(database, vendors, market):
    """The bar the fallback gave is replaced: seen in history, impact and disagreements, and as-of reads stay."""
    run_chain(database.writer, vendors.settings("two"))
    old = rows(database.writer, BAR, day=DAY)[0][0]
    vendors.give("one", change(market, "IBM", DAY, close=95.0, high=96.0))
    before = dt.datetime.now(dt.UTC)
    run_stage(database.writer, vendors.settings(), STAGE, start=DAY)
    assert rows(database.writer, BAR, day=DAY) == [(95.0, "one", 2)]
    history = "SELECT symbol, date, close, source, superseded_by FROM market_data_history"
    batch = rows(database.writer, "SELECT max(id) FROM ingestion_batches WHERE kind = 'bars'")[0][0]
    assert rows(database.writer, history) == [("IBM", D(DAY), old, "two", batch)]
    as_of = "SELECT close FROM market_data_as_of(%(at)s) WHERE symbol = 'IBM' AND date = %(day)s"
    assert rows(database.writer, as_of, at=before, day=DAY) == [(old,)]
    assert rows(database.writer, as_of, at=dt.datetime.now(dt.UTC), day=DAY) == [(95.0,)]
    found = "SELECT field, source, value, other_source, other_value, chosen_source FROM vendor_disagreements"
    assert ("close", "one", 95.0, "two", old, "one") in rows(database.writer, found)
    impact = rows(
        database.writer,
        "SELECT relation, min(session_date) AS since, max(session_date) AS until, min(symbol) AS first, "
        "max(symbol) AS last, min(reason) AS why FROM restatement_impact(%(batch)s) GROUP BY 1 ORDER BY 1",
        batch=batch,
    )
    reason = f"bar corrected ({DAY})"
    assert ("feature_values", D(DAY), D(LAST), "IBM", "IBM", reason) in impact
    assert {row[0] for row in impact} >= {"feature_values", "signals", "target_positions"}
    stale = "SELECT count(*) FROM stale_decisions WHERE batch_id = %(batch)s AND symbol = 'IBM'"
    assert rows(database.writer, stale, batch=batch)[0][0] > 0
    # The lower vendor comes back with its old word: nothing is replaced again.
    run_stage(database.writer, vendors.settings(cross_check="true"), STAGE, start=DAY)
    assert rows(database.writer, BAR, day=DAY) == [(95.0, "one", 2)]


def test_actions_are_chosen_alike(database, vendors, market):
    vendors.give("two", change(market, "MSFT", "2005-02-15", dividend=0.5))
    run_stage(database.writer, vendors.settings("two"), STAGE, end=HALF)
    value = "SELECT value::float, source, version FROM corporate_actions WHERE symbol = 'MSFT'"
    assert rows(database.writer, value) == [(0.5, "two", 1)]
    run_stage(database.writer, vendors.settings(), STAGE, start="2005-02-14", end=HALF)
    stated = rows(database.writer, value)
    assert stated[0][1:] == ("one", 2) and stated[0][0] != 0.5
    run_stage(database.writer, vendors.settings("two", "one"), STAGE, start="2005-02-14", end=HALF)
    assert rows(database.writer, value)[0] == (0.5, "two", 3)
    vendors.errors["two"] = RetryableError("down")
    run_stage(database.writer, vendors.settings("two", "one"), STAGE, start="2005-02-14", end=HALF)
    assert rows(database.writer, value)[0] == (0.5, "two", 3)
