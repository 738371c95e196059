"""The webhook: a signature instead of a login, each call once, and whatever it says changes nothing but a hint."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from plugins.execution.hints import MOST_BYTES

PATH = "/api/v1/webhooks/orders"
KEY = "k" * 32
BODY = b'{"event": "fill", "order": {"client_order_id": "A", "filled_qty": "1000000"}}'


def now(seconds: int = 0) -> str:
    return str(int(dt.datetime.now(dt.UTC).timestamp()) + seconds)


def signed(timestamp: str, body: bytes = BODY, key: str = KEY) -> dict[str, str]:
    proof = hmac.new(key.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"X-Almanac-Timestamp": timestamp, "X-Almanac-Signature": proof}


@pytest.fixture
def sender(app, over, database, monkeypatch, tmp_path):
    """A client without a login, and the runs its calls have started."""
    started = []
    monkeypatch.setattr("plugins.web.api.webhook.start", lambda dag, who, **more: started.append((dag, more["run_id"])))
    monkeypatch.setenv("ORDER_HINT_KEY", KEY)
    monkeypatch.setenv("ALMANAC_HOME", str(tmp_path))
    over(database)
    return TestClient(app, raise_server_exceptions=False), started


def hints(database) -> int:
    with psycopg.connect(database.reader) as connection:
        return connection.execute("SELECT count(*) FROM order_hints").fetchone()[0]


def test_a_call_counts_once(sender, database):
    client, started = sender
    headers = signed(now())
    assert client.post(PATH, content=BODY, headers=headers).json() == {"new": True}
    assert client.post(PATH, content=BODY, headers=headers).json() == {"new": False}
    assert hints(database) == 1
    assert [dag for dag, _ in started] == ["risk_execution"]


def test_a_stranger_does_not_reach_the_database(sender, monkeypatch):
    client, started = sender
    monkeypatch.setattr("plugins.web.api.webhook.transaction", lambda uri: 1 / 0)
    assert client.post(PATH, content=BODY, headers=signed(now(), key="x" * 32)).status_code == 401
    assert client.post(PATH, content=BODY, headers=signed(now(-600))).status_code == 401
    assert client.post(PATH, content=BODY, headers=signed(now())).status_code == 500
    assert not started


def test_without_a_run_it_may_come_again(sender, database, monkeypatch):
    client, _ = sender
    headers = signed(now())
    monkeypatch.setattr("plugins.web.api.webhook.start", lambda *_, **__: 1 / 0)
    assert client.post(PATH, content=BODY, headers=headers).status_code == 500
    assert hints(database) == 0


@pytest.mark.parametrize(
    "made",  # as the test runs, for they are signed with the time of day
    [
        lambda: {}, lambda: signed("1700000000"), lambda: {**signed(now()), "X-Almanac-Timestamp": now(5)},
        lambda: signed(now(), key="x" * 32), lambda: signed(now(400)), lambda: signed(now(-400)),
        lambda: {**signed(now()), "X-Almanac-Signature": "0" * 64},
        lambda: {**signed(now()), "Authorization": "Bearer admin", "X-Almanac-Signature": ""},
    ],
)  # fmt: skip
def test_nobody_else_is_heard(sender, database, made):
    client, started = sender
    answer = client.post(PATH, content=BODY, headers=made())
    assert (answer.status_code, answer.json()) == (401, {"detail": "webhook call refused"})
    assert not hints(database)
    assert not started


def test_a_flood_is_cut_off(sender, database):
    client, _ = sender
    body = b"x" * (MOST_BYTES + 1)
    assert client.post(PATH, content=body, headers=signed(now(), body)).status_code == 413
    assert not hints(database)


def test_without_a_key_nobody_is_heard(sender, monkeypatch):
    client, _ = sender
    monkeypatch.delenv("ORDER_HINT_KEY")
    assert client.post(PATH, content=BODY, headers=signed(now())).status_code == 401


words = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=70)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    timestamp=words | st.integers(0, 2**40).map(str),
    signature=words | st.just("0" * 64),
    body=st.binary(max_size=60),
)
def test_no_guess_is_heard(sender, timestamp, signature, body):
    client, started = sender
    headers = {"X-Almanac-Timestamp": timestamp, "X-Almanac-Signature": signature}
    assert client.post(PATH, content=body, headers=headers).status_code in (401, 422)
    assert not started
