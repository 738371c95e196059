"""Hand audit events on to Kafka; off unless `KAFKA_BROKERS` is set.

**Waits for:** nothing; with `KAFKA_BROKERS` Airflow runs it every five minutes, and it sends what is not confirmed yet.
**Writes:** a topic per event type, keyed by the idempotency key, in Avro by `include/events`; `event_relays`.
**Rerun:** safe: it goes on after the last confirmed event. What a kill left unconfirmed is sent again under its key.
**If it fails:** the message names the position in `audit_chain` and what the brokers said; nothing is passed over, and
the next run tries again. A topic that does not exist and cannot make itself is created at the brokers.
"""

from plugins.dag_defaults import relay_dag
from plugins.operators.upkeep import UpkeepOperator

with relay_dag("relay_events", __doc__):
    UpkeepOperator(task_id="relay_events")
