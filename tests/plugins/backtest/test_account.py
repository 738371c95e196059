"""An account looked at walks no more bars than it needs: its scenario's and those before, one such at a time."""

from __future__ import annotations

import datetime as dt

import pytest

from models.backtest.scenarios import parse_scenarios
from models.errors import BlockedError
from plugins.backtest import account
from plugins.backtest.account import account_of
from plugins.backtest.assessment_run import Asked, run_here
from tests.support.chain import query

# A rule that compares symbols and one that does not, over all there is, in its last months, and under a stress.
SCENARIOS = """
[[scenario]]
name = "all"
kind = "historical"
category = "whole"
why = "all there is"
[[scenario]]
name = "autumn"
kind = "historical"
category = "bull"
start = 2005-09-01
end = 2005-12-01
why = "the end of what is held"
[[scenario]]
name = "fall"
kind = "stress"
category = "stress"
why = "prices fall"
sessions = 40
size = -0.3
path = [0.6, 1.0]
by_beta = true
seed = 3
"""
WARM_UP = 300  # sessions; of the 504 held
RUNS = "SELECT run_id, trial_id, scenario, symbol, total_return, strategy FROM backtest_results r " \
    "JOIN strategy_trials t ON t.id = r.trial_id ORDER BY 6, 3, 4"  # fmt: skip


@pytest.fixture(scope="module")
def assessed(small_chain, copy_database, small_settings):
    """The accounts of an assessment, and the database that holds it."""
    database = copy_database(small_chain.name, keep=True)
    asked = Asked(strategies=("golden_cross", "dual_momentum"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("plugins.backtest.assessment_run.read_scenarios", lambda: parse_scenarios(SCENARIOS))
        run_here(database.writer, small_settings, asked)
    return database, query(database.reader, RUNS)


@pytest.fixture
def reads(monkeypatch):
    """The first day of each market that is read over all symbols."""
    found, market = [], account.market_from_database

    def noted(*args, **more):
        if not more["sessions"]:
            found.append(more["since"])
        return market(*args, **more)

    monkeypatch.setattr(account, "market_from_database", noted)
    monkeypatch.setattr(account, "WARM_UP", WARM_UP)
    return found


def looked_at(database, row):
    return account_of(database.reader, row["run_id"], row["trial_id"], row["scenario"], row["symbol"])


def test_no_more_is_read_than_the_account_needs(assessed, reads):
    database, rows = assessed
    assert {(r["strategy"], r["scenario"]) for r in rows} == {
        (name, where) for name in ("golden_cross", "dual_momentum") for where in ("all", "autumn", "fall")
    }
    for row in rows:
        reads.clear()
        found = looked_at(database, row)
        assert found["same"] and found["total_return"] == pytest.approx(row["total_return"], rel=1e-9), row
        whole = row["strategy"] == "dual_momentum" and row["scenario"] == "all"
        alone = row["strategy"] == "golden_cross" and row["scenario"] != "fall"
        assert all((day == dt.date.min) == whole for day in reads) and len(reads) <= 1, (row, reads)
        assert not (alone and reads)
        if row["scenario"] == "fall":
            assert reads and reads[0] > dt.date(2004, 6, 1)
    assert not all(r["total_return"] == 0 for r in rows if r["strategy"] == "dual_momentum")


def test_what_its_scenario_needs_may_be_read_where_the_whole_run_may_not(assessed, reads, monkeypatch):
    database, rows = assessed
    monkeypatch.setattr(account, "MOST_BARS", 3 * 504 - 1)
    refused = []
    for row in rows:
        try:
            assert looked_at(database, row)["same"]
        except BlockedError as error:
            assert "more than a page may read" in str(error)
            refused.append((row["strategy"], row["scenario"]))
    assert set(refused) == {("dual_momentum", "all")}


def test_one_such_account_is_run_at_a_time(assessed, reads, monkeypatch):
    database, rows = assessed
    stress = next(r for r in rows if r["scenario"] == "fall")
    monkeypatch.setattr(account, "PATIENCE", 0.01)
    with account.ONE_AT_A_TIME, pytest.raises(BlockedError, match="look again in a minute"):
        looked_at(database, stress)
    assert not reads and looked_at(database, stress)["same"]
