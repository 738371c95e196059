"""Rankings by run: what is read and written, and how trials are counted."""

import threading

import numpy as np
import pandas as pd
import psycopg
import pytest

from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import copy_in, load_sql, take_lock, transaction
from models.errors import BlockedError, ConfigError
from plugins.backtest.ranking import rank_run
from tests.support.rankings import candidates

CLASSES = {
    "buy_and_hold": "models.strategies.allocation.buy_and_hold.BuyAndHold",
    "dip": "models.strategies.mean_reversion.rsi_reversion.RsiReversion",
    "gone": "models.strategies.gone.Gone",
}
SESSIONS = 400


def stored_run(database, *, has_delisted=False, failed=()) -> int:
    """An assessment of two strategies, one of them with two sets of parameters, and one whose file is gone."""
    given = candidates(SESSIONS)
    trials = [("buy_and_hold", {}), ("dip", {"oversold": 30.0}), ("dip", {"oversold": 20.0}), ("gone", {})]
    with transaction(database.writer) as connection:
        run = {
            "form": "assessment", "run_key": "ab" * 8,
            "parameters": json_text({"rules": {"cash_rate": 0.0}}), "symbols": 3,
            "first_session": "2010-01-04", "last_session": "2012-01-04", "cash_usd": 1e5, "data_version": "x",
            "known_at": None, "code_version": "y", "has_delisted": has_delisted, "synthetic": False,
        }  # fmt: skip
        connection.execute(load_sql("backtest_runs/insert_run"), run)
        run_id = connection.execute("SELECT id FROM backtest_runs").fetchone()["id"]
        ids = [tried(connection, name, parameters) for name, parameters in trials]
        frame = pd.DataFrame(
            {
                "run_id": run_id,
                "trial_id": np.repeat(ids, SESSIONS),
                "date": np.tile(given.dates, len(ids)),
                "daily_return": given.returns[:, : len(ids)].T.ravel(),
                "accounts": 3,
            }
        )
        copy_in(connection, "assessment_returns", frame)
        # Told at this close, so the ranking's regime of the next session.
        regimes = ["bear"] * 200 + ["bull"] * (SESSIONS - 200)
        copy_in(connection, "assessment_sessions",
                pd.DataFrame({"run_id": run_id, "date": given.dates, "regime": regimes}))  # fmt: skip
        for name in failed:
            connection.execute(
                "INSERT INTO assessment_errors (run_id, strategy, strategy_class, error) VALUES (%s, %s, '', 'x')",
                [run_id, name],
            )
    return run_id


def tried(connection, name, parameters, universe="AAPL MSFT GOOG") -> int:
    rows = [{"strategy": name, "strategy_class": CLASSES[name], "parameters": parameters}]
    found = connection.execute(
        load_sql("strategy_trials/upsert_trials"), {"rows": json_text(rows), "universe": universe}
    )
    return found.fetchone()["id"]


def query(database, statement):
    with psycopg.connect(database.reader) as connection:
        return connection.execute(statement).fetchall()


def test_a_run_is_ranked_by_scope(database):
    run_id = stored_run(database)
    found = rank_run(database.writer, run_id)
    assert found["trials"] == 4
    assert found["lines"][0].startswith("Survivors only")
    rows = query(
        database, "SELECT scope, strategy, rank FROM strategy_rankings ORDER BY scope, rank, trial_id"
    )
    assert len(rows) == found["rankings"] == found["written"]
    assert {scope for scope, *_ in rows} == {
        "overall",
        "category:mean_reversion",
        "regime:bear",
        "regime:bull",
    }
    overall = {strategy: rank for scope, strategy, rank in rows if scope == "overall"}
    assert len([name for name in overall if name.startswith("dip #")]) == 2  # told apart by their trial
    assert min(overall, key=overall.__getitem__).startswith("dip #")
    lines = query(database, "SELECT lines FROM ranking_reports")[0][0]
    assert lines == found["lines"][: len(lines)]
    assert found["lines"][len(lines) + 1] == "overall"


def test_regimes_are_those_told_at_the_close_before(database):
    rank_run(database.writer, stored_run(database))
    counts = dict(
        query(database, "SELECT DISTINCT scope, sessions FROM strategy_rankings WHERE scope ~ 'regime'")
    )
    assert counts == {"regime:bear": 200, "regime:bull": SESSIONS - 201}


def test_ranking_again_changes_nothing(database):
    run_id = stored_run(database)
    first = rank_run(database.writer, run_id)
    before = query(database, "SELECT * FROM strategy_rankings ORDER BY 1, 2, 3")
    again = rank_run(database.writer, run_id)
    assert again["written"] == 0
    assert again["lines"] == first["lines"]
    assert (
        query(database, "SELECT * FROM strategy_rankings ORDER BY 1, 2, 3") == before
    )  # recorded_at as well


def test_trials_are_counted_once_each_and_every_one(database):
    run_id = stored_run(database)
    first = rank_run(database.writer, run_id)
    with transaction(database.writer) as connection:
        tried(connection, "dip", {"oversold": 20.0})  # a rerun
    assert rank_run(database.writer, run_id)["trials"] == 4
    with transaction(database.writer) as connection:
        tried(connection, "dip", {"oversold": 25.0})  # other parameters, never part of this run
        tried(connection, "dip", {"oversold": 20.0}, universe="XOM")  # another universe
    more = rank_run(database.writer, run_id)
    assert more["trials"] == 6
    assert more["written"] == first["rankings"]
    assert "6 configurations tried in all" in " ".join(more["lines"])


def test_a_trial_tried_again_under_another_name_keeps_its_own(database):
    run_id = stored_run(database)
    first = rank_run(database.writer, run_id)
    with transaction(database.writer) as connection:
        rows = [{"strategy": "bah_second", "strategy_class": CLASSES["buy_and_hold"], "parameters": {}}]
        connection.execute(
            load_sql("strategy_trials/upsert_trials"), {"rows": json_text(rows), "universe": "AAPL MSFT GOOG"}
        )
    assert rank_run(database.writer, run_id)["lines"] == first["lines"]
    with transaction(database.owner) as connection:  # as an earlier version may have left it
        connection.execute("UPDATE strategy_trials SET strategy = 'x' WHERE strategy = 'buy_and_hold'")
    with transaction(database.writer) as connection:
        tried(connection, "buy_and_hold", {})
    assert rank_run(database.writer, run_id)["lines"] == first["lines"]


def test_rows_of_a_scope_that_is_no_more_go(database):
    run_id = stored_run(database)
    rank_run(database.writer, run_id)
    with psycopg.connect(database.owner) as connection:
        connection.execute("UPDATE assessment_sessions SET regime = 'sideways' WHERE regime = 'bear'")
    rank_run(database.writer, run_id)
    scopes = {row[0] for row in query(database, "SELECT scope FROM strategy_rankings")}
    assert "regime:bear" not in scopes
    assert "regime:sideways" in scopes


def test_two_at_once_take_turns(database):
    run_id = stored_run(database)
    found = []
    thread = threading.Thread(target=lambda: found.append(rank_run(database.writer, run_id)))
    with transaction(database.writer) as connection:
        take_lock(connection, "strategy_assessment", "ranking", str(run_id))
        thread.start()
        thread.join(1.5)
        assert thread.is_alive()
        assert query(database, "SELECT count(*) FROM pg_locks WHERE NOT granted") == [(1,)]
    thread.join(60.0)
    assert found[0]["written"] == found[0]["rankings"]


def test_what_did_not_run_and_who_left_is_said(database):
    lines = rank_run(database.writer, stored_run(database, has_delisted=True, failed=["broken"]))["lines"]
    assert not lines[0].startswith("Survivors")
    assert "Not run, see their errors: broken." in lines


def test_no_run_and_no_returns_are_errors(database):
    with pytest.raises(ConfigError, match="no such run"):
        rank_run(database.writer, 99)
    run_id = stored_run(database)
    with psycopg.connect(database.owner) as connection:
        connection.execute("DELETE FROM assessment_returns")
    with pytest.raises(BlockedError, match="no strategy's returns"):
        rank_run(database.writer, run_id)


def test_the_table_refuses_what_is_no_number(database):
    rank_run(database.writer, stored_run(database))
    for column in ("sharpe_ratio", "deflated_sharpe", "annual_return", "spa_p_sharpe"):
        for value in ("NaN", "Infinity"):
            with psycopg.connect(database.owner) as connection, pytest.raises(psycopg.errors.CheckViolation):
                connection.execute(
                    f"UPDATE strategy_rankings SET {column} = '{value}' WHERE scope = 'overall'"
                )
