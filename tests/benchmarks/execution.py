"""Orders on their way to Alpaca's stub, as the real client sends them and the database notes them."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from data_layer.runtime.postgres import embedded_postgres
from data_layer.storage.migrate import prepare_database
from plugins.execution.sending import send_batch
from tests.benchmarks.measure import Measure
from tests.support.alpaca_stub import serve
from tests.support.real_account import ACCOUNT, SESSION, approve_all, broker_at, open_account, plan_orders

ORDERS = 100
# What an order and a question may take; there is no peer that does the same.
SUBMIT_SECONDS, QUERY_SECONDS = 0.100, 0.020


def order_submission() -> Iterator[Measure]:
    """An order from its claim to what the stub said of it, in the database; and a question about one."""
    with tempfile.TemporaryDirectory() as folder, embedded_postgres(Path(folder)) as server, serve() as desk:
        prepare_database(server)
        owner, writer = server.uri("postgres", "quant_data"), server.uri("quant_writer", "quant_data")
        open_account(owner)
        names = plan_orders(owner, [f"S{n}" for n in range(ORDERS)])
        approve_all(writer)
        broker = broker_at(desk, 5.0)
        began = time.perf_counter()
        send_batch(writer, ACCOUNT, SESSION, broker, run_id="run")
        yield Measure("submit_order", (time.perf_counter() - began) / ORDERS, SUBMIT_SECONDS, 1)
        asked = []
        for name in names:
            began = time.perf_counter()
            assert broker.find(name) is not None
            asked.append(time.perf_counter() - began)
        yield Measure("query_order", statistics.median(asked), QUERY_SECONDS, 1)


BENCHMARKS = (order_submission,)
