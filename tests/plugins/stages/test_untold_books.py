"""An action that is told late or moves, in the database: the books, their checks, and the same when decided again."""

from __future__ import annotations

import datetime as dt

import pytest

from data_layer.runtime.account import reset
from data_layer.storage.database import transaction
from models.errors import DataQualityError
from plugins.replay.replay import replay
from tests.plugins.stages.test_restatements import FIRST, half_done
from tests.support.bars import change, real_bars
from tests.support.chain import run_stage
from tests.support.files_home import LAST
from tests.support.prepared import failed_checks

__all__ = ["half_done"]
STAGES = ("feature_engineering", "model_execution", "risk_execution")


@pytest.fixture(scope="module")
def market():
    return real_bars("AAPL IBM MSFT", FIRST, LAST)


def decide(home, day):
    """Take all stages behind the ingestion up to what it has, then compare what is decided again from a day on."""
    for stage in STAGES:
        run_stage(home.uri, home.settings, stage)
    (last,) = home.query("SELECT max(session_date) FROM account_snapshots")[0]
    run_stage(home.uri, home.settings, "risk_execution", start=day, end=str(last))
    return last


def held(home, symbol, day):
    found = home.query("SELECT quantity FROM positions WHERE symbol = %(s)s AND session_date = %(d)s", s=symbol, d=day)
    return int(found[0][0]) if found else 0


@pytest.mark.parametrize("at_once", [True, False])
def test_an_order_in_old_shares_expires_alone(home, market, at_once):
    """80 shares are sold short and bought back; a split of that open comes to be known after the order."""
    eve, ex = "2005-03-16", "2005-03-17"
    home.ingest(end=eve)
    if not at_once:
        decide(home, eve)
    home.ingest(change(market, "MSFT", ex, split_ratio=2.0), end=LAST)
    decide(home, eve)
    assert failed_checks(home.uri) == []
    ended = "SELECT symbol, state, reason FROM orders WHERE session_date = %(d)s AND order_type = 'market'"
    orders = {symbol: (state, reason) for symbol, state, reason in home.query(ended, d=eve)}
    state, reason = orders.pop("MSFT")
    assert state == "expired" and f"in shares of before a split of MSFT on {ex}" in reason
    assert {state for state, _ in orders.values()} == {"filled"}
    assert held(home, "MSFT", eve) == -80 and held(home, "MSFT", ex) == -160


def dividends(home, symbol):
    sql = (
        "SELECT session_date::text, amount_usd FROM ledger_entries WHERE kind = 'dividend' AND ledger_account = 'cash' "
        "AND symbol = %(s)s AND session_date >= '2005-03-01' ORDER BY 1, 2"
    )
    return [(day, float(usd)) for day, usd in home.query(sql, s=symbol)]


def test_a_dividend_told_sessions_late_is_paid_on_what_was_held(home, market):
    """Of a short holding it is owed: 78 shares at the open of the 11th, one less sold at it."""
    late = change(market, "MSFT", "2005-03-11", dividend=0.5)
    home.ingest(end="2005-03-14")
    decide(home, "2005-03-11")
    home.ingest(late, start="2005-03-11", end="2005-03-14")
    home.ingest(late, end="2005-03-17")
    last = decide(home, "2005-03-11")
    assert failed_checks(home.uri) == []
    report = replay(home.uri, home.settings, dt.date(2005, 3, 11), last)
    assert report.first is None and report.refused is None
    assert dividends(home, "MSFT") == [("2005-03-15", -39.5)]


@pytest.mark.parametrize("at_once", [False, True])
def test_a_dividend_that_moves_after_it_was_paid_is_paid_once(home, market, at_once):
    old, new = "2005-03-14", "2005-03-15"
    home.ingest(change(market, "MSFT", old, dividend=0.5), end=old)
    if not at_once:
        decide(home, "2005-03-11")
    home.ingest(change(market, "MSFT", new, dividend=0.5), end="2005-03-17")
    decide(home, "2005-03-11")
    assert failed_checks(home.uri) == []
    first, *more = dividends(home, "MSFT")
    assert first[0] == old and {day for day, _ in more} == {new} and len(more) == 2
    assert sum(usd for _, usd in more) == 0.5 * (held(home, "MSFT", old) - held(home, "MSFT", "2005-03-11"))


@pytest.mark.parametrize("moves", [True, False])
def test_a_split_that_moves_or_is_told_late_stops_the_account_until_it_is_reset(home, market, moves):
    old, new = "2005-03-14", "2005-03-15"
    home.ingest(change(market, "MSFT", old, split_ratio=2.0) if moves else market, end=old)
    decide(home, "2005-03-11")
    before = held(home, "MSFT", old)
    told = change(market, "MSFT", new if moves else old, split_ratio=2.0)
    home.ingest(told, start=old, end=old)
    home.ingest(told, end="2005-03-17")
    for stage in STAGES[:2]:
        run_stage(home.uri, home.settings, stage)
    with pytest.raises(DataQualityError, match=f"split of MSFT on {old}.*reset-account"):
        run_stage(home.uri, home.settings, "risk_execution")
    assert held(home, "MSFT", old) == before and held(home, "MSFT", new) == 0  # nothing is written
    with transaction(home.uri) as connection:
        reset(connection, "a split that was told late", home.settings.initial_cash)
    decide(home, new)
    # The shares of the account that is closed are counted by what is known now: only with them it is wrong for good.
    assert failed_checks(home.uri) == ["check_lots_equal_positions"]
    assert home.query("SELECT DISTINCT account_id, symbol FROM check_lots_equal_positions") == [("paper", "MSFT")]
