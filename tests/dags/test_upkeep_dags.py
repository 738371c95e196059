"""relay_events: off without brokers; its operator against a mock cluster."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from airflow.sdk import BaseHook

from plugins.operators.upkeep import UpkeepOperator
from tests.dags.test_dags import HEAVY, READ, ROOT, in_a_fresh_process
from tests.support.chain import query
from tests.support.mock_kafka import mock_kafka


@pytest.fixture
def operate(database, monkeypatch, tmp_path):
    """Returns a function that runs a step of upkeep as its task would."""
    monkeypatch.setenv("ALMANAC_HOME", str(tmp_path))
    monkeypatch.setattr(
        BaseHook, "get_connection", classmethod(lambda *_: SimpleNamespace(get_uri=lambda: database.writer))
    )
    return lambda task, **arguments: UpkeepOperator(task_id=task, arguments=arguments).execute({})


def test_the_relay_is_off_unless_brokers_are_named(tmp_path):
    file = str(ROOT / "dags" / "relay_events.py")
    assert in_a_fresh_process(tmp_path, READ, file, *HEAVY)["dags"]["relay_events"]["waits_for"] == "None"
    on = in_a_fresh_process(tmp_path, READ, file, *HEAVY, KAFKA_BROKERS="broker-1:9092")
    assert "*/5 * * * *" in on["dags"]["relay_events"]["waits_for"]
    assert on["heavy"] == []


def test_the_operator_relays_to_the_brokers_that_are_set(database, operate, monkeypatch):
    accept = "INSERT INTO session_exceptions (session_date, symbol, reason) VALUES ('2005-06-01', 'IBM', 'halted')"
    query(database.writer, accept + " RETURNING 1")
    assert operate("relay_events") == {"sent": 0}
    with mock_kafka(1) as kafka:
        monkeypatch.setenv("KAFKA_BROKERS", kafka.brokers)
        assert operate("relay_events") == {"sent": 1}
        assert operate("relay_events") == {"sent": 0}
        assert [message.topic() for message in kafka.messages()] == ["quality.accepted"]
