"""An order-update webhook: a signed hint that something has changed, and a reason to ask the broker.

What it says is never believed: no fill, price or state is taken from it. Its HTTP route lives with the web pages.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import re
from collections.abc import Sequence

from data_layer.storage.database import Connection, load_sql
from models.errors import BlockedError, ConfigError

# Clocks of servers differ by seconds and a queue may hold a call for minutes; older calls may be replays.
TOLERANCE = dt.timedelta(seconds=300)
MOST_BYTES = 64 * 1024  # an order update has about two thousand
FEWEST_KEY_LETTERS = 32
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def take_hint(
    connection: Connection, keys: Sequence[str], timestamp: str, signature: str, body: bytes, now: dt.datetime
) -> bool:
    """Check one call and note it; True when it is new, so that a reconciliation should follow.

    Args:
        connection: the caller's transaction.
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
    values = {"signature": given, "sent_at": sent, "key_number": matches.index(True) + 1}
    return connection.execute(load_sql("order_hints/insert_hint"), values).fetchone() is not None


def _refused(why: str, key: str, value: object) -> BlockedError:
    return BlockedError(f"webhook call refused: {why}", stage="hints", key=key, value=value,
                        remedy="nothing was noted")  # fmt: skip
