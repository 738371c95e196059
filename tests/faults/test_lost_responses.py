"""Lost answers: whatever the network does, Alpaca's stub ends with exactly the intended orders, each once."""

from __future__ import annotations

import random
import time

import pytest

from models.errors import RetryableError
from plugins.execution.sending import send_batch
from tests.support.alpaca_stub import serve
from tests.support.kept_connections import kept_connections
from tests.support.real_account import (
    ACCOUNT,
    SESSION,
    approve_all,
    broker_at,
    open_account,
    plan_orders,
    states,
)
from tests.support.soak import TIMES

__all__ = ["kept_connections"]
pytestmark = [pytest.mark.faults, pytest.mark.usefixtures("kept_connections")]
BATCH = 20
FAULTS = [
    f"{what}_{when}" for what in ("504", "reset", "stall", "html", "half") for when in ("before", "after")
]


@pytest.mark.parametrize("round_number", range(10 * TIMES))
def test_lost_answers_neither_lose_nor_double_an_order(database, round_number):
    """Twenty answers to POST are lost a round, some lookups besides; ten rounds make two hundred."""
    dice = random.Random(round_number)  # noqa: S311
    symbols = [f"S{n}" for n in range(BATCH)]
    open_account(database.owner)
    plan_orders(database.owner, symbols)
    approve_all(database.writer)
    lost = 0

    def plan(method, path):
        nonlocal lost
        if method == "POST" and lost < BATCH:
            lost += 1
            return dice.choice(FAULTS)
        return dice.choice(FAULTS) if "by_client" in path and dice.random() < 0.1 else ""

    with serve() as desk:
        desk.plan = plan
        for _ in range(30):
            try:
                send_batch(database.writer, ACCOUNT, SESSION, broker_at(desk, 0.1), run_id="run")
            except RetryableError:
                continue
            break
        assert lost == BATCH
        assert sorted(order["symbol"] for order in desk.orders.values()) == sorted(symbols)
        assert all(order["qty"] == "10" for order in desk.orders.values())
        assert set(states(database).values()) == {"accepted"}
        posts = [post["client_order_id"] for post in desk.posts]
        assert len(set(posts)) == BATCH


def test_an_order_that_arrives_after_its_lookup_is_taken_once(database):
    """The answer is lost, the lookup finds nothing, and then the first request arrives after all."""
    open_account(database.owner)
    (name,) = plan_orders(database.owner, ["LATE"])
    approve_all(database.writer)
    with serve() as desk:
        desk.plan = lambda method, _path: "reset_before" if method == "POST" else ""
        with pytest.raises(RetryableError):
            send_batch(database.writer, ACCOUNT, SESSION, broker_at(desk), run_id="run")
        late = {"symbol": "LATE", "qty": 10, "side": "buy", "type": "market", "time_in_force": "day"}
        real = desk.answer

        def overtaken(method, path, query, body):
            if method == "POST":
                desk.take({**late, "client_order_id": name})  # the lost one is quicker
            return real(method, path, query, body)

        desk.answer = overtaken
        desk.plan = lambda _method, _path: ""
        assert send_batch(database.writer, ACCOUNT, SESSION, broker_at(desk), run_id="run").states == {"accepted": 1}
        assert len(desk.orders) == 1


def test_two_senders_at_once_send_each_order_once(database):
    open_account(database.owner)
    plan_orders(database.owner, [f"S{n}" for n in range(BATCH)])
    approve_all(database.writer)
    from concurrent.futures import ThreadPoolExecutor

    with serve() as desk, ThreadPoolExecutor(8) as pool:
        began = time.monotonic()
        futures = [
            pool.submit(send_batch, database.writer, ACCOUNT, SESSION, broker_at(desk, 5), run_id="run")
            for _ in range(8)
        ]
        counts = [f.result().states.get("accepted", 0) for f in futures]
        assert sorted(counts) == [0] * 7 + [BATCH] and len(desk.posts) == BATCH
        assert time.monotonic() - began < 60
