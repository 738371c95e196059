"""Hand events on to Kafka: at least once, in the order of their commits, from where the last confirmed one stood.

A topic is an event type, a message's key the event's idempotency key, by which a reader knows what comes twice; its
value is the event in Avro's single object encoding, by the schema in include/events that the headers name.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from data_layer.storage.database import load_sql, take_lock, transaction
from data_layer.storage.event_schemas import single_object
from models.errors import DataQualityError, RetryableError

if TYPE_CHECKING:
    from confluent_kafka import Producer

NAME = "kafka"
BATCH = 1000  # events between two notes of how far it is; what a kill sends twice at most
# How long a message is tried while brokers are away. Whoever runs the relay tries again.
PATIENCE_SECONDS = 30.0


def kafka_producer(brokers: str, **options: Any) -> Producer:
    """Return a producer that keeps order, waits for all replicas and sends nothing twice by itself.

    Args:
        brokers: ``host:port`` of some of the cluster's brokers, separated by commas.
        options: librdkafka's, over those here.
    """
    from confluent_kafka import Producer

    return Producer({
        "bootstrap.servers": brokers,
        "client.id": "almanac",
        "enable.idempotence": True,  # with acks of all replicas: a retry keeps order and doubles nothing
        "delivery.timeout.ms": int(PATIENCE_SECONDS * 1000),
        "linger.ms": 5,
        "log_level": 0,  # what fails is raised below
        **options,
    })  # fmt: skip


def relay(uri: str, producer: Producer, batch: int = BATCH) -> int:
    """Send every event that is not confirmed yet; return how many were.

    Args:
        uri: the writer's; two relays at once wait for each other.
        producer: where to.
        batch: events after which it is noted how far it is.

    Raises:
        RetryableError: when events were not confirmed in time; those before the first of them are noted as sent.
        DataQualityError: for an event that is gone, or of a shape its schema refuses; it is not passed over.
    """
    total = 0
    while sent := _relay_batch(uri, producer, batch):
        total += sent
    return total


def _relay_batch(uri: str, producer: Producer, batch: int) -> int:
    with transaction(uri) as connection:
        take_lock(connection, "relay", NAME)
        row = connection.execute(load_sql("event_relays/select_position"), {"name": NAME}).fetchone()
        begin = row["position"] if row else 0
        asked = {"position": begin, "most": batch}
        events = connection.execute(load_sql("audit_chain/select_after"), asked).fetchall()
        failed = _send(producer, events)
        reached = min(failed, default=(events[-1]["position"] if events else begin) + 1) - 1
        if reached > begin:
            connection.execute(load_sql("event_relays/upsert_position"), {"name": NAME, "position": reached})
    if failed:
        first = min(failed)
        raise RetryableError(
            f"events not confirmed by Kafka: {failed[first]}",
            stage="relay",
            key="position",
            value=first,
            remedy="see the brokers and KAFKA_BROKERS; what is not confirmed is sent again",
        )
    return len(events)


def _send(producer: Producer, events: list[dict[str, Any]]) -> dict[int, str]:
    """Send events and wait; return what went wrong by position."""
    messages = [(event["position"], event["event_type"], _message(event)) for event in events]
    open_ones = dict.fromkeys((position for position, _, _ in messages), "no answer in time")

    def confirmed(position: int, error: Any, _message: Any) -> None:
        if error is None:
            del open_ones[position]
        else:
            open_ones[position] = str(error)

    for position, topic, message in messages:
        producer.produce(topic, **message, on_delivery=partial(confirmed, position))
        producer.poll(0)
    if messages:
        producer.flush(PATIENCE_SECONDS + 5)  # each message ends by its own timeout before
    return open_ones


def _message(event: Mapping[str, Any]) -> dict[str, Any]:
    if event["event_id"] is None:
        raise DataQualityError("an event is missing from the chain", stage="relay", key="position",
                               value=event["position"], remedy="see make verify-audit")  # fmt: skip
    plain = {name: value for name, value in event.items() if name != "position"}
    return {
        "key": event["idempotency_key"],
        "value": single_object(plain),
        "headers": {
            "schema": f"{event['event_type']}.v{event['schema_version']}",
            "position": str(event["position"]),
        },
    }
