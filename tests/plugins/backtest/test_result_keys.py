"""What an assessment stores belongs to a run and a configuration that exist, looked up once a statement."""

from __future__ import annotations

import psycopg
import pytest

from data_layer.storage.database import transaction
from plugins.backtest.assessment_run import Asked, run_here
from tests.support.chain import query


def test_rows_of_no_run_are_refused_and_go_with_their_run(chained, small_settings):
    prepared, _ = run_here(chained.writer, small_settings, Asked(("buy_and_hold",), scenarios=("full period",)))
    key = {"run": prepared.run_id}
    columns = {"backtest_results": "symbol, scenario, sessions", "assessment_returns": "date, daily_return, accounts"}
    for table, rest in columns.items():
        for keys in ("run_id + 1, trial_id", "run_id, trial_id + 1"):
            copy = f"INSERT INTO {table} (run_id, trial_id, {rest}) SELECT {keys}, {rest} FROM {table}"
            with transaction(chained.writer) as connection:
                with pytest.raises(psycopg.errors.ForeignKeyViolation, match="of which one does not exist"):
                    connection.execute(copy)
                connection.rollback()
    with transaction(chained.writer) as connection:
        with pytest.raises(psycopg.errors.ForeignKeyViolation, match="of which one does not exist"):
            connection.execute("UPDATE backtest_results SET trial_id = trial_id + 1")
        connection.rollback()
    with transaction(chained.owner) as connection:
        with pytest.raises(psycopg.errors.ForeignKeyViolation, match="has results"), connection.transaction():
            connection.execute("DELETE FROM strategy_trials")
        connection.execute("DELETE FROM backtest_runs WHERE id = %(run)s", key)
    for table in columns:
        assert query(chained.reader, f"SELECT count(*) AS n FROM {table}") == [{"n": 0}]
