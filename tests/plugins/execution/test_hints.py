"""Webhook calls: taken when they are signed, never believed, and followed by a question to the broker."""

import datetime as dt
import hashlib
import hmac
from decimal import Decimal

import pytest

from data_layer.storage.database import transaction
from models.errors import BlockedError, ConfigError, RetryableError
from plugins.execution.hints import MOST_BYTES, checked, hear_call, take_hint
from plugins.execution.sending import send_batch
from plugins.execution.truth import ask_broker, note_truth
from tests.support.alpaca_stub import ACCOUNT as STUB
from tests.support.alpaca_stub import serve
from tests.support.chain import sample_settings
from tests.support.real_account import (
    ACCOUNT,
    SESSION,
    approve_all,
    broker_at,
    open_account,
    plan_orders,
    states,
)
from tests.support.rows import insert

NEW, OLD = "n" * 32, "o" * 32
NOW = dt.datetime(2024, 7, 2, 14, tzinfo=dt.UTC)
BODY = b'{"event": "fill", "order": {"client_order_id": "A", "filled_qty": "1000000"}}'


def stamp(seconds=0):
    return str(int(NOW.timestamp()) + seconds)


def sign(key=NEW, timestamp=None, body=BODY):
    return hmac.new(key.encode(), (timestamp or stamp()).encode() + b"." + body, hashlib.sha256).hexdigest()


def taken(connection, *call) -> bool:
    return take_hint(connection, checked(*call))


@pytest.fixture
def connection(database):
    with transaction(database.writer) as opened:
        yield opened


def test_a_hint_is_taken_once_and_changes_nothing_else(connection):
    assert taken(connection, [NEW, OLD], stamp(), sign(), BODY, NOW)
    assert not taken(connection, [NEW, OLD], stamp(), sign(), BODY, NOW)
    assert not taken(connection, [NEW, OLD], stamp(), sign().upper(), BODY, NOW)
    counts = connection.execute(
        "SELECT (SELECT count(*) FROM fills) + (SELECT count(*) FROM broker_fills) AS fills, "
        "(SELECT count(*) FROM order_hints) AS hints"
    ).fetchone()
    assert (counts["fills"], counts["hints"]) == (0, 1)


def test_both_keys_count_while_senders_change_over(connection):
    assert taken(connection, [NEW, OLD], stamp(), sign(OLD), BODY, NOW)
    assert connection.execute("SELECT key_number FROM order_hints").fetchone()["key_number"] == 2
    with pytest.raises(BlockedError, match="not signed"):
        taken(connection, [NEW], stamp(), sign(OLD), BODY, NOW)


@pytest.mark.parametrize("seconds", [-301, 301, -86_400])
def test_a_call_too_far_away_in_time_is_refused(connection, seconds):
    with pytest.raises(BlockedError, match="too old"):
        taken(connection, [NEW], stamp(seconds), sign(timestamp=stamp(seconds)), BODY, NOW)


@pytest.mark.parametrize("seconds", [-300, 300])
def test_up_to_five_minutes_count(connection, seconds):
    assert taken(connection, [NEW], stamp(seconds), sign(timestamp=stamp(seconds)), BODY, NOW)


@pytest.mark.parametrize(
    ("timestamp", "signature", "body"),
    [
        (stamp(), sign(), BODY + b" "),
        (stamp(1), sign(), BODY),
        (stamp(), sign("x" * 32), BODY),
        (stamp(), "", BODY),
        (stamp(), "é" * 64, BODY),
        ("", sign(timestamp=""), BODY),
        ("17199288００", sign(), BODY),
        ("-1719928800", sign(), BODY),
        (stamp(), sign(body=b"x" * (MOST_BYTES + 1)), b"x" * (MOST_BYTES + 1)),
    ],
)
def test_what_is_not_signed_just_so_is_refused(connection, timestamp, signature, body):
    with pytest.raises(BlockedError, match="refused"):
        taken(connection, [NEW], timestamp, signature, body, NOW)
    assert connection.execute("SELECT count(*) AS n FROM order_hints").fetchone()["n"] == 0


@pytest.mark.parametrize("keys", [[], ["short"], [NEW, OLD, NEW]])
def test_without_a_usable_key_nothing_is_taken(connection, keys):
    with pytest.raises(ConfigError):
        taken(connection, keys, stamp(), sign(), BODY, NOW)


@pytest.fixture
def desk():
    with serve() as running:
        yield running


@pytest.fixture
def settings(desk, tmp_path):
    return sample_settings(
        tmp_path, symbols="AAPL", broker="alpaca", alpaca_paper_key="k", alpaca_paper_secret="s",
        alpaca_account_id=STUB["id"], alpaca_paper_url=desk.url, order_hint_key=NEW,
    )  # fmt: skip


@pytest.fixture
def sent(database, desk):
    """Two orders out at the stub, on the session after the last one completed."""
    open_account(database.owner)
    names = plan_orders(database.owner, ["AAPL", "MSFT"])
    with transaction(database.owner) as connection:
        insert(connection, "account_adoptions", account_id=ACCOUNT, session_date=SESSION, cash_usd=1, positions="{}")
        insert(connection, "stage_runs", stage="risk_execution", session_date=SESSION, status="completed",
               run_id="x", known_at=NOW)  # fmt: skip
    approve_all(database.writer)
    send_batch(database.writer, ACCOUNT, SESSION, broker_at(desk), run_id="run")
    return names


def hear(database, settings, key=NEW, timestamp=None):
    timestamp = timestamp or stamp()
    return hear_call(database.writer, settings, timestamp, sign(key, timestamp), BODY, NOW)


def heeded(database):
    with transaction(database.reader) as connection:
        return [r["heeded"] for r in connection.execute("SELECT heeded_at IS NOT NULL AS heeded FROM order_hints")]


def test_a_hint_leads_to_a_reading_of_the_broker_once(database, desk, settings, sent):
    desk.fill(sent[0], 50.25, "2024-07-02T13:30:00Z", 4)
    assert hear(database, settings) == 1 and heeded(database) == [True]
    with transaction(database.reader) as connection:
        fills = connection.execute("SELECT session_date::text, quantity, price FROM broker_fills").fetchall()
        assert [(f["session_date"], f["quantity"], f["price"]) for f in fills] == [("2024-07-02", 4, Decimal("50.25"))]
    assert states(database) == {"AAPL": "partially_filled", "MSFT": "accepted"}
    asked = len(desk.asked)
    assert hear(database, settings) == 0 and len(desk.asked) == asked  # the same call again


def test_a_reading_in_the_session_ends_nothing_and_is_repeated_after_a_fault(database, desk, settings, sent):
    desk.orders.pop(sent[1])  # as one that is on its way, and not there yet
    desk.plan = lambda _method, _path: "500_before"
    with pytest.raises(RetryableError):
        hear(database, settings)
    assert heeded(database) == [False]
    desk.plan = lambda _method, _path: ""
    assert hear(database, settings) == 1 and heeded(database) == [True]
    assert states(database) == {"AAPL": "accepted", "MSFT": "accepted"}


def test_what_nobody_knows_latches_at_once(database, desk, settings, sent):
    desk.take({"symbol": "TSLA", "qty": 5, "side": "buy", "type": "market", "time_in_force": "day"})
    assert hear(database, settings) == 1
    with transaction(database.reader) as connection:
        row = connection.execute("SELECT cause, reason FROM kill_switch WHERE engaged").fetchone()
    assert row["cause"] == "reconciliation" and "5 TSLA" in row["reason"]


def test_a_stranger_makes_nobody_ask(database, desk, settings, sent):
    asked = len(desk.asked)
    with pytest.raises(BlockedError):
        hear(database, settings, key="x" * 32)
    assert len(desk.asked) == asked and heeded(database) == []


def test_the_stages_own_reading_follows_the_hints_before_it(database, desk, sent):
    with transaction(database.writer) as connection:
        taken(connection, [NEW], stamp(), sign(), BODY, NOW)
    truth = ask_broker(database.writer, ACCOUNT, broker_at(desk), SESSION, SESSION)
    with transaction(database.writer) as connection:
        taken(connection, [NEW], stamp(1), sign(timestamp=stamp(1)), BODY, NOW)  # came after the question
        note_truth(connection, ACCOUNT, [dt.date(2024, 7, 2)], truth)
    assert sorted(heeded(database)) == [False, True]
