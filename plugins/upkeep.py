"""The steps of upkeep: handing events on."""

from __future__ import annotations

from data_layer.settings import Settings
from data_layer.storage.relay import kafka_producer, relay


def relay_events(uri: str, settings: Settings) -> dict[str, int]:
    """Send what Kafka has not confirmed yet; nothing without KAFKA_BROKERS.

    Args:
        uri: the writer's.
        settings: kafka_brokers.

    Returns:
        The number of events sent.

    Raises:
        RetryableError: when brokers do not confirm.
    """
    brokers = settings.upkeep.kafka_brokers
    return {"sent": relay(uri, kafka_producer(brokers)) if brokers else 0}
