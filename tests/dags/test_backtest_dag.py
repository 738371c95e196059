"""strategy_backtest: its form takes what make backtest takes, and its operator answers on a real database."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException

from plugins.backtest.answering import WORDS
from tests.conftest import SMALL
from tests.support.chain import query
from tests.support.dags import parse_dags


def test_the_form_asks_for_what_the_command_takes_one_run_at_a_time():
    dag = parse_dags()["dags"]["strategy_backtest"]
    assert set(dag["params"]) == {word.lower() for word in WORDS}
    assert (dag["waits_for"], dag["max_active_runs"], dag["paused"]) == ("None", 1, False)


def test_the_operator_runs_and_answers(chained, small_settings, monkeypatch):
    from plugins.operators.backtest import BacktestOperator

    monkeypatch.setenv("AIRFLOW_CONN_QUANT_DATA", chained.writer.replace("postgresql://", "postgres://", 1))
    monkeypatch.setenv("ALMANAC_HOME", str(small_settings.almanac_home))
    for name, value in SMALL.items():
        monkeypatch.setenv(name.upper(), value)
    run = SimpleNamespace(run_id="r1", run_after=dt.datetime(2026, 11, 20, tzinfo=dt.UTC))

    def operate(**form):
        return BacktestOperator(task_id="run_backtest").execute({"params": form, "dag_run": run})

    made = operate(strategy="buy_and_hold", symbols="AAPL", start="2005-01-03", parameters=None)
    with pytest.raises(AirflowFailException, match="did you mean buy_and_hold"):
        operate(strategy="buy_and_hol")
    told = query(chained.reader, "SELECT event_type, payload FROM audit_events WHERE source = 'strategy_backtest' "
                 "AND run_id = 'r1'")  # fmt: skip
    assert sorted((t["event_type"], sorted(t["payload"])) for t in told) == [
        ("backtest.failed", ["error"]), ("backtest.stored", ["id"]),
    ]  # fmt: skip
    assert query(chained.reader, "SELECT id FROM backtest_runs") == [{"id": made}]
