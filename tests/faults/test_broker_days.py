"""Two thousand days at a broker that misbehaves, from seeds; the books agree with it after each of them."""

from __future__ import annotations

import datetime as dt
import hashlib
import random
from decimal import Decimal
from itertools import pairwise

import pytest

from data_layer.sessions import sessions_between
from data_layer.storage.database import transaction
from models.errors import RetryableError
from plugins.execution.sending import send_batch
from plugins.execution.truth import ask_broker, note_truth
from tests.support.faulty_broker import FaultyBroker
from tests.support.kept_connections import kept_connections
from tests.support.real_account import ACCOUNT, approve_all, open_account, plan_orders
from tests.support.soak import TIMES

__all__ = ["kept_connections"]
pytestmark = [pytest.mark.faults, pytest.mark.usefixtures("kept_connections")]
DAYS, RUNS = 100, 20 * TIMES
CALENDAR = sessions_between(dt.date(2022, 1, 3), dt.date(2022, 12, 30))
OPENED = dt.date(2021, 12, 31)


def live(database, seed, days):
    """Take the account through days; return a hash of all that is stored about orders and fills."""
    dice, broker = random.Random(seed), FaultyBroker(seed, Decimal(1_000_000))  # noqa: S311
    with transaction(database.owner) as connection:  # no crash is tried here, and thousands of commits are made
        connection.execute(f"ALTER DATABASE {database.name} SET synchronous_commit = off")
    open_account(database.owner)
    intended: dict[str, str] = {}
    unbooked = []
    for day, after in pairwise(CALENDAR[: days + 1]):
        symbols = sorted(dice.sample(["A", "B", "C", "D", "E", "F"], dice.randint(1, 3)))
        names = plan_orders(database.owner, symbols, day, dice.choice([10, 250, 4000]))
        intended |= dict.fromkeys(names, "")
        approve_all(database.writer, day, f"run {day}")
        for _ in range(12):
            try:
                send_batch(database.writer, ACCOUNT, day, broker, run_id=f"run {day}")
            except RetryableError:
                continue
            break
        broker.trade({s: Decimal(dice.randint(20, 80)) for s in symbols}, after,
                     {s: float(dice.choice([0, 900, 30_000, 1e6])) for s in symbols})  # fmt: skip
        unbooked.append(after)
        try:
            truth = ask_broker(database.writer, ACCOUNT, broker, unbooked[0], OPENED)
            with transaction(database.writer) as connection:
                assert note_truth(connection, ACCOUNT, unbooked, truth) == []
        except RetryableError:  # the stage fails, and the next day's run makes up for it
            continue
        unbooked = []
        check(database, broker, intended)
    return fingerprint(database)


def check(database, broker, intended):
    """What must hold whenever the books have been brought up to the broker."""
    assert len(set(broker.taken)) == len(broker.taken), "an order was taken twice"
    assert set(broker.taken) <= intended.keys(), "an order nobody intended"
    with transaction(database.reader) as connection:
        rows = connection.execute(
            "SELECT o.client_order_id, o.state, o.quantity, o.filled_quantity, o.session_date, "
            "coalesce(sum(f.quantity), 0) AS told, count(f.*) AS fills FROM orders o "
            "LEFT JOIN broker_fills f USING (client_order_id) GROUP BY o.id ORDER BY o.id"
        ).fetchall()
        held = connection.execute(
            "SELECT symbol, sum(CASE side WHEN 'buy' THEN quantity ELSE -quantity END) AS q, "
            "sum(quantity * price + commission_usd) AS spent FROM broker_fills GROUP BY symbol"
        ).fetchall()
    for row in rows:
        report = SimulatedView(broker).report(row["client_order_id"])
        assert row["filled_quantity"] == row["told"] == (report.filled_quantity if report else 0), row
        assert (row["state"] == "filled") == (row["filled_quantity"] == row["quantity"]), row
        if report is None:
            assert row["state"] in {"rejected", "unknown", "expired", "planned", "blocked"}, row
        else:
            assert row["state"] == report.state, (row, report)
    holdings = SimulatedView(broker).holdings()
    assert {r["symbol"]: r["q"] for r in held} == dict(holdings.positions)
    assert sum((r["spent"] for r in held), Decimal(0)) == Decimal(1_000_000) - holdings.cash_usd


class SimulatedView:
    """The broker's own books, read without its network."""

    def __init__(self, broker):
        self.broker = broker

    def report(self, name):
        return self.broker._reports.get(name)

    def holdings(self):
        return super(FaultyBroker, self.broker).holdings()


def fingerprint(database):
    with transaction(database.reader) as connection:
        text = "".join(
            repr(sorted(row.items()))
            for statement in (
                "SELECT client_order_id, state, filled_quantity, reason, payload_hash, broker_order_id FROM orders "
                "ORDER BY client_order_id",
                "SELECT broker_fill_id, client_order_id, session_date, quantity, cumulative_quantity, price "
                "FROM broker_fills ORDER BY broker_fill_id",
                "SELECT idempotency_key, event_type, payload FROM audit_events ORDER BY idempotency_key",
            )
            for row in connection.execute(statement)
        )
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("seed", range(RUNS))
def test_the_books_agree_with_the_broker_after_each_day(database, seed):
    live(database, seed, DAYS)


def test_the_same_seed_gives_the_same_bytes(copy_database):
    assert len({live(copy_database("quant_data"), 7, 40) for _ in range(2)}) == 1
    assert live(copy_database("quant_data"), 8, 40) != live(copy_database("quant_data"), 7, 40)
