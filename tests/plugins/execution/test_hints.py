import datetime as dt
import hashlib
import hmac

import pytest

from data_layer.storage.database import transaction
from models.errors import BlockedError, ConfigError
from plugins.execution.hints import MOST_BYTES, take_hint

NEW, OLD = "n" * 32, "o" * 32
NOW = dt.datetime(2024, 7, 2, 14, tzinfo=dt.UTC)
BODY = b'{"event": "fill", "order": {"client_order_id": "A", "filled_qty": "1000000"}}'


def stamp(seconds=0):
    return str(int(NOW.timestamp()) + seconds)


def sign(key=NEW, timestamp=None, body=BODY):
    return hmac.new(key.encode(), (timestamp or stamp()).encode() + b"." + body, hashlib.sha256).hexdigest()


@pytest.fixture
def connection(database):
    with transaction(database.writer) as opened:
        yield opened


def test_a_hint_is_taken_once_and_changes_nothing_else(connection):
    assert take_hint(connection, [NEW, OLD], stamp(), sign(), BODY, NOW)
    assert not take_hint(connection, [NEW, OLD], stamp(), sign(), BODY, NOW)
    assert not take_hint(connection, [NEW, OLD], stamp(), sign().upper(), BODY, NOW)
    counts = connection.execute(
        "SELECT (SELECT count(*) FROM fills) + (SELECT count(*) FROM broker_fills) AS fills, "
        "(SELECT count(*) FROM order_hints) AS hints"
    ).fetchone()
    assert (counts["fills"], counts["hints"]) == (0, 1)


def test_both_keys_count_while_senders_change_over(connection):
    assert take_hint(connection, [NEW, OLD], stamp(), sign(OLD), BODY, NOW)
    assert connection.execute("SELECT key_number FROM order_hints").fetchone()["key_number"] == 2
    with pytest.raises(BlockedError, match="not signed"):
        take_hint(connection, [NEW], stamp(), sign(OLD), BODY, NOW)


@pytest.mark.parametrize("seconds", [-301, 301, -86_400])
def test_a_call_too_far_away_in_time_is_refused(connection, seconds):
    with pytest.raises(BlockedError, match="too old"):
        take_hint(connection, [NEW], stamp(seconds), sign(timestamp=stamp(seconds)), BODY, NOW)


@pytest.mark.parametrize("seconds", [-300, 300])
def test_up_to_five_minutes_count(connection, seconds):
    assert take_hint(connection, [NEW], stamp(seconds), sign(timestamp=stamp(seconds)), BODY, NOW)


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
        take_hint(connection, [NEW], timestamp, signature, body, NOW)
    assert connection.execute("SELECT count(*) AS n FROM order_hints").fetchone()["n"] == 0


@pytest.mark.parametrize("keys", [[], ["short"], [NEW, OLD, NEW]])
def test_without_a_usable_key_nothing_is_taken(connection, keys):
    with pytest.raises(ConfigError):
        take_hint(connection, keys, stamp(), sign(), BODY, NOW)
