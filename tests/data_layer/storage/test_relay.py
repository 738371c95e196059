"""The relay to Kafka against librdkafka's own brokers, taken down and made to fail."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import time

import psycopg
import pytest

from data_layer.settings import ROOT
from data_layer.storage.audit import event, write_events
from data_layer.storage.database import as_run, transaction
from data_layer.storage.event_schemas import decode
from data_layer.storage.relay import kafka_producer, relay
from models.errors import DataQualityError, RetryableError
from tests.support.chain import query
from tests.support.mock_kafka import mock_kafka

DAY = dt.date(2012, 1, 3)
NOT_LEADER, TIMED_OUT, NOT_ENOUGH_REPLICAS = 6, 7, 19  # answers of a cluster in trouble, worth another try


@pytest.fixture
def kafka():
    with mock_kafka() as cluster:
        yield cluster


def fact(number):
    if number % 2:
        return event(
            f"blocked/{number}", "execution.blocked", DAY, "risk_execution", {"reason": f"no price {number}"}
        )
    payload = {"side": "buy", "quantity": number + 1, "price": "1.5"}
    return event(f"fill/{number}", "execution.completed", DAY, "risk_execution", payload, symbol="AAPL")


def happen(database, numbers):
    with as_run("a run"), transaction(database.writer) as connection:
        write_events(connection, map(fact, numbers))
    return [fact(n)["idempotency_key"] for n in numbers]


def impatient(kafka):
    options = {"delivery.timeout.ms": 1500, "request.timeout.ms": 500, "reconnect.backoff.max.ms": 200}
    return kafka_producer(kafka.brokers, **options)


def keys(kafka):
    return sorted(message.key().decode() for message in kafka.messages())


def reached(database):
    (row,) = query(database.reader, "SELECT position FROM event_relays") or ({"position": 0},)
    return row["position"]


def test_events_are_sent_once_each_to_the_topic_of_their_type(database, kafka):
    sent = happen(database, range(10))
    assert relay(database.writer, impatient(kafka), batch=3) == 10
    assert relay(database.writer, impatient(kafka)) == 0
    assert keys(kafka) == sorted(sent)
    stored = {row["idempotency_key"]: row for row in query(database.reader, "SELECT * FROM audit_events")}
    for message in kafka.messages():
        row, headers = stored[message.key().decode()], dict(message.headers())
        assert message.topic() == row["event_type"]
        assert headers["schema"].decode() == f"{row['event_type']}.v1"
        read = decode(row["event_type"], 1, message.value()[10:])
        payload = {k: v for k, v in read.pop("payload").items() if v is not None}
        assert payload == row.pop("payload")
        assert read == {**row, "event_id": str(row["event_id"])}


def test_it_goes_on_where_it_stopped(database, kafka):
    first = happen(database, range(4))
    assert relay(database.writer, impatient(kafka)) == 4
    later = happen(database, range(4, 7))
    assert relay(database.writer, impatient(kafka)) == 3
    assert keys(kafka) == sorted(first + later)


def test_nothing_is_lost_while_no_broker_can_be_reached(database, kafka):
    producer = impatient(kafka)
    sent = happen(database, range(4))
    relay(database.writer, producer)
    sent += happen(database, range(4, 9))
    kafka.down(1, 2, 3)
    with pytest.raises(RetryableError, match="not confirmed by Kafka"):
        relay(database.writer, producer)
    assert reached(database) == 4
    with pytest.raises(RetryableError):  # a relay begun anew while they are away fares no better
        relay(database.writer, impatient(kafka))
    kafka.up()
    assert relay(database.writer, impatient(kafka)) == 5
    assert set(keys(kafka)) == set(sent)
    assert reached(database) == 9


def test_brokers_that_come_back_in_time_are_waited_for(database, kafka):
    kafka.fail(NOT_LEADER, TIMED_OUT, NOT_ENOUGH_REPLICAS)
    kafka.down(1)
    sent = happen(database, range(20))
    producer = kafka_producer(kafka.brokers, **{"retry.backoff.ms": 50, "delivery.timeout.ms": 20000})
    happened = []
    produce = producer.poll

    def poll(seconds):
        happened.append(seconds)
        if len(happened) == 20:
            kafka.up()
        return produce(seconds)

    class Watched:
        def __getattr__(self, name):
            return poll if name == "poll" else getattr(producer, name)

    assert relay(database.writer, Watched()) == 20
    assert set(keys(kafka)) == set(sent)
    assert len(keys(kafka)) == 20  # the producer is idempotent: its own retries double nothing


def test_what_was_sent_and_not_noted_is_sent_again_under_its_key(database, kafka):
    happen(database, range(6))
    producer = impatient(kafka)
    relay(database.writer, producer, batch=2)
    with transaction(database.owner) as connection:
        connection.execute("UPDATE event_relays SET position = 2")
    sent = len(keys(kafka))
    assert relay(database.writer, producer) == 4
    assert len(keys(kafka)) == sent + 4  # doubled for a reader who does not look at the keys
    assert len(set(keys(kafka))) == 6


def test_an_event_that_is_gone_is_not_passed_over(database, kafka):
    happen(database, range(5))
    with transaction(database.owner) as connection:
        connection.execute("DELETE FROM audit_events WHERE idempotency_key = 'fill/2'")
    with pytest.raises(DataQualityError, match=r"missing from the chain.*position=3"):
        relay(database.writer, impatient(kafka))
    assert keys(kafka) == []


RELAY = """
import os
from data_layer.storage.relay import kafka_producer, relay
relay(os.environ["WRITER"], kafka_producer(os.environ["BROKERS"]), batch=5)
"""
WAITS = "SELECT FROM pg_locks WHERE relation = 'event_relays'::regclass AND NOT granted"


def test_a_relay_killed_in_the_middle_is_gone_on_with(database, kafka):
    """Killed between Kafka's confirmation of a batch and the note of it: the one place where something comes twice."""
    sent = happen(database, range(20))
    with transaction(database.owner) as connection:  # the first batch but one is noted already
        connection.execute("INSERT INTO event_relays (name, position) VALUES ('kafka', 5)")
    with psycopg.connect(database.owner) as holder:
        holder.execute("LOCK TABLE event_relays IN SHARE MODE")
        killed = subprocess.Popen(
            [sys.executable, "-c", RELAY], cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "WRITER": database.writer, "BROKERS": kafka.brokers},
        )  # fmt: skip
        try:
            until = time.monotonic() + 60
            while not query(database.owner, WAITS):
                assert killed.poll() is None and time.monotonic() < until
                time.sleep(0.02)
        finally:
            killed.send_signal(signal.SIGKILL)
            killed.wait()
    assert keys(kafka) == sorted(sent[5:10])
    assert reached(database) == 5  # what was not noted is sent again: at least once
    assert relay(database.writer, impatient(kafka)) == 15
    assert sorted(set(keys(kafka))) == sorted(sent[5:])
    assert len(keys(kafka)) == 20  # a batch came twice, each event of it under the key it had
    assert reached(database) == 20
