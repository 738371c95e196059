"""An order-update webhook: a signed hint that something has changed, which makes us ask the broker.

What it says is never believed: no fill, price or state is taken from it. Its HTTP route lives with the web pages.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Any

from data_layer.brokers.base import Broker
from data_layer.sessions import next_session
from data_layer.settings import Settings
from data_layer.storage.database import Connection, load_sql, take_lock, transaction
from models.errors import BlockedError, ConfigError
from plugins.execution.broker import open_broker
from plugins.execution.opening import find_opened
from plugins.execution.sending import SENDING, STAGE
from plugins.execution.truth import ask_broker, latch_unknown, note_truth
from plugins.stages.runs import completed_sessions

# Clocks of servers differ by seconds and a queue may hold a call for minutes; older calls may be replays.
TOLERANCE = dt.timedelta(seconds=300)
MOST_BYTES = 64 * 1024  # an order update has about two thousand
FEWEST_KEY_LETTERS = 32
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def hear_call(
    uri: str, settings: Settings, timestamp: str, signature: str, body: bytes, now: dt.datetime
) -> int:
    """Take one call, and follow it: what the route of the webhook calls; returns how many hints were followed.

    Args:
        uri: writer's connection URI.
        settings: with the webhook's keys, and those of the broker.
        timestamp: see ``checked``, as the next three.
        signature: of it and the body.
        body: as it came.
        now: when it came, UTC.

    Raises:
        ConfigError: see ``checked`` and open_broker.
        BlockedError: see ``checked``.
        RetryableError: when the broker gave no sound answer; the hint waits for the next call, or the next run.
    """
    call = checked(settings.broker.hint_keys, timestamp, signature, body, now)
    with transaction(uri) as connection:
        take_hint(connection, call)
    broker = open_broker(settings)
    return follow_hints(uri, broker) if broker else 0


def follow_hints(uri: str, broker: Broker) -> int:
    """Read the broker when hints wait, and write what it says of the session that is open; return how many waited.

    Many calls at once lead to one reading or two: whoever comes second finds its hint followed.

    Raises:
        RetryableError: when the broker gave no sound answer, or fills do not add up yet.
    """
    with transaction(uri) as guard:
        opened, done = find_opened(guard, broker.name), completed_sessions(guard, STAGE)
        if opened is None or not done:
            return 0  # nothing was ever sent: the first run reads the account
        take_lock(guard, *SENDING, opened.account)
        if not guard.execute(load_sql("order_hints/select_unheeded")).rowcount:
            return 0
        session = next_session(max(done))
        truth = ask_broker(uri, opened.account, broker, session, opened.session)
        with transaction(uri) as connection:
            take_lock(connection, STAGE)
            strange = note_truth(connection, opened.account, [session], truth, settle=False)
        latch_unknown(uri, opened.account, strange)
        return len(truth.hints)


def take_hint(connection: Connection, call: Mapping[str, Any]) -> bool:
    """Note a call that ``checked`` has let pass, in the caller's transaction; True when it is new."""
    return connection.execute(load_sql("order_hints/insert_hint"), call).fetchone() is not None


def checked(
    keys: Sequence[str], timestamp: str, signature: str, body: bytes, now: dt.datetime
) -> Mapping[str, Any]:
    """Check one call, before anything is opened for it, and return what is noted of it.

    Args:
        keys: the key in force, then the one it follows while senders change over; at most two.
        timestamp: seconds since 1970 as the sender wrote them, part of what is signed.
        signature: HMAC-SHA256 over `timestamp.body`, hexadecimal.
        body: as it came.
        now: when it came, UTC.

    Raises:
        ConfigError: without a usable key.
        BlockedError: for a body too large, a timestamp too far away, or a signature of neither key.
    """
    if not 1 <= len(keys) <= 2 or any(len(key) < FEWEST_KEY_LETTERS for key in keys):
        raise ConfigError("no usable key of the webhook", stage="hints", key="ORDER_HINT_KEY", value="(hidden)",
                          remedy=f"set one of {FEWEST_KEY_LETTERS} letters or more")  # fmt: skip
    if len(body) > MOST_BYTES:
        raise _refused("too large", "bytes", len(body))
    if not re.fullmatch(r"[0-9]{10}", timestamp, re.ASCII):
        raise _refused("not a timestamp", "timestamp", timestamp[:20])
    sent = EPOCH + dt.timedelta(seconds=int(timestamp))
    if abs(now - sent) > TOLERANCE:
        raise _refused("too old, or from the future", "timestamp", timestamp)
    signed = timestamp.encode() + b"." + body
    proofs = [hmac.new(key.encode(), signed, hashlib.sha256).hexdigest() for key in keys]
    given = signature.lower() if re.fullmatch(r"[0-9a-fA-F]{64}", signature, re.ASCII) else ""
    matches = [hmac.compare_digest(proof, given) for proof in proofs]  # both, so that time tells nothing
    if not any(matches):
        raise _refused("not signed by a key of ours", "signature", "(hidden)")
    return {"signature": given, "sent_at": sent, "key_number": matches.index(True) + 1}


def _refused(why: str, key: str, value: object) -> BlockedError:
    return BlockedError(f"webhook call refused: {why}", stage="hints", key=key, value=value,
                        remedy="nothing was noted")  # fmt: skip
