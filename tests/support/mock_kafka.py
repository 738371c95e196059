"""librdkafka's mock cluster: real brokers' protocol on real ports, which can be taken down and made to fail.

confluent-kafka reaches of it only `test.mock.num.brokers`; the library that it carries has all of it.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import confluent_kafka
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

PRODUCE = 0  # Kafka's number of the request
PRODUCER = 0  # RD_KAFKA_PRODUCER
LIBRARY = next((Path(confluent_kafka.__file__).parents[1] / "confluent_kafka.libs").glob("librdkafka*.so*"))


class MockKafka:
    """A cluster of some brokers; topics make themselves, with four partitions."""

    def __init__(self, handle: ctypes.CDLL, cluster: ctypes.c_void_p, count: int):
        self._library, self._cluster, self.count = handle, cluster, count
        self.brokers: str = handle.rd_kafka_mock_cluster_bootstraps(cluster).decode()

    def down(self, *numbers: int) -> None:
        """Refuse connections to brokers, 1 and on, and cut those there are."""
        for number in numbers:
            assert self._library.rd_kafka_mock_broker_set_down(self._cluster, number) == 0

    def up(self) -> None:
        """Bring all brokers back."""
        for number in range(1, self.count + 1):
            assert self._library.rd_kafka_mock_broker_set_up(self._cluster, number) == 0

    def slow(self, milliseconds: int) -> None:
        """Answer each request so much later."""
        for number in range(1, self.count + 1):
            assert self._library.rd_kafka_mock_broker_set_rtt(self._cluster, number, milliseconds) == 0

    def fail(self, *codes: int) -> None:
        """Answer the next Produce requests with these error codes."""
        self._library.rd_kafka_mock_push_request_errors_array(
            self._cluster, PRODUCE, len(codes), (ctypes.c_int * len(codes))(*codes)
        )

    def messages(self, seconds: float = 10.0) -> list[confluent_kafka.Message]:
        """Return everything in all topics, each partition in its order."""
        consumer = Consumer({"bootstrap.servers": self.brokers, "group.id": "reader", "log_level": 0})
        try:
            topics = consumer.list_topics(timeout=seconds).topics
            places = [TopicPartition(t, p, OFFSET_BEGINNING) for t, m in topics.items() for p in m.partitions]
            ends = {
                (p.topic, p.partition): consumer.get_watermark_offsets(p, timeout=seconds)[1] for p in places
            }
            consumer.assign([p for p in places if ends[p.topic, p.partition]])
            found: list[confluent_kafka.Message] = []
            until = time.monotonic() + seconds
            while len(found) < sum(ends.values()):
                assert time.monotonic() < until, "messages that the cluster says it has do not come"
                message = consumer.poll(0.1)
                if message is not None and not message.error():
                    found.append(message)
            return found
        finally:
            consumer.close()


@contextmanager
def mock_kafka(count: int = 3) -> Iterator[MockKafka]:
    """Run a cluster for the block."""
    handle = ctypes.CDLL(str(LIBRARY))
    pointer = ctypes.c_void_p
    for name, result, *arguments in (
        ("rd_kafka_conf_new", pointer),
        ("rd_kafka_new", pointer, ctypes.c_int, pointer, ctypes.c_char_p, ctypes.c_size_t),
        ("rd_kafka_destroy", None, pointer),
        ("rd_kafka_mock_cluster_new", pointer, pointer, ctypes.c_int),
        ("rd_kafka_mock_cluster_destroy", None, pointer),
        ("rd_kafka_mock_cluster_bootstraps", ctypes.c_char_p, pointer),
        ("rd_kafka_mock_broker_set_down", ctypes.c_int, pointer, ctypes.c_int32),
        ("rd_kafka_mock_broker_set_up", ctypes.c_int, pointer, ctypes.c_int32),
        ("rd_kafka_mock_broker_set_rtt", ctypes.c_int, pointer, ctypes.c_int32, ctypes.c_int),
        ("rd_kafka_mock_push_request_errors_array", None, pointer, ctypes.c_int16, ctypes.c_size_t, pointer),
    ):
        function = getattr(handle, name)
        function.restype, function.argtypes = result, arguments
    said = ctypes.create_string_buffer(512)
    client = handle.rd_kafka_new(PRODUCER, handle.rd_kafka_conf_new(), said, len(said))
    assert client, said.value
    cluster = handle.rd_kafka_mock_cluster_new(client, count)
    try:
        yield MockKafka(handle, cluster, count)
    finally:
        handle.rd_kafka_mock_cluster_destroy(cluster)
        handle.rd_kafka_destroy(client)
