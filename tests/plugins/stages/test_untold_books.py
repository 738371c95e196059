"""An action that is told late or moves, in the database: the books, their checks, and the same when decided again."""

from __future__ import annotations

import pytest

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
    """Take all stages behind the ingestion up to what it has, then decide from a day on again, whole and in parts."""
    for stage in STAGES:
        run_stage(home.uri, home.settings, stage)
    assert failed_checks(home.uri) == []
    (last,) = home.query("SELECT max(session_date) FROM account_snapshots")[0]
    for first in (day, str(last)):
        run_stage(home.uri, home.settings, "risk_execution", start=first, end=str(last))


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
    ended = "SELECT symbol, state, reason FROM orders WHERE session_date = %(d)s AND order_type = 'market'"
    orders = {symbol: (state, reason) for symbol, state, reason in home.query(ended, d=eve)}
    state, reason = orders.pop("MSFT")
    assert state == "expired" and f"in shares of before a split of MSFT on {ex}" in reason
    assert {state for state, _ in orders.values()} == {"filled"}
    assert held(home, "MSFT", eve) == -80 and held(home, "MSFT", ex) == -160
