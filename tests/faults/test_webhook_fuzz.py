"""Five thousand calls of the webhook, most of them forged: what is heard is signed, fresh and new, and nothing else."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from data_layer.storage.database import transaction
from data_layer.storage.hashes import table_hashes
from tests.plugins.web.conftest import airflow_home, app, over
from tests.plugins.web.test_webhook import KEY, PATH, now, sender, signed
from tests.support.kept_connections import kept_connections

pytestmark = [pytest.mark.faults, pytest.mark.usefixtures("kept_connections")]
__all__ = ["airflow_home", "app", "kept_connections", "over", "sender"]
TRIES = 5000
OLD = "o" * 32
bodies = st.integers(0, 400).map(lambda n: json.dumps({"event": "fill", "n": n}).encode())


def with_proof(headers: dict[str, str], proof: str) -> dict[str, str]:
    return {**headers, "X-Almanac-Signature": proof}


def with_time(headers: dict[str, str], at: str) -> dict[str, str]:
    return {**headers, "X-Almanac-Timestamp": at}


def proof_of(at: str, body: bytes) -> str:
    return signed(at, body)["X-Almanac-Signature"]


FORGERIES = {
    "another key": lambda at, body: (signed(at, body, "x" * 32), body),
    "no key": lambda at, body: (signed(at, body, ""), body),
    "a bit of the MAC": lambda at, body: (bent(signed(at, body)), body),
    "half a MAC": lambda at, body: (with_proof(signed(at, body), proof_of(at, body)[:32]), body),
    "another body": lambda at, body: (signed(at, body), body + b" "),
    "another time": lambda at, body: (with_time(signed(at, body), str(int(at) + 1)), body),
    "the point moved": lambda at, body: (with_time(signed(at, body), at[:-1]), at[-1:].encode() + b"." + body),
    "no signature": lambda at, body: ({"X-Almanac-Timestamp": at}, body),
    "no time": lambda at, body: ({"X-Almanac-Signature": proof_of(at, body)}, body),
    "a login instead": lambda at, body: (
        {"Authorization": "Bearer admin", "X-Almanac-Timestamp": at, "X-Almanac-Signature": "0" * 64}, body,
    ),
    "spelt digits": lambda at, body: (signed("+" + at[1:], body), body),
}  # fmt: skip


def bent(headers: dict[str, str]) -> dict[str, str]:
    proof = headers["X-Almanac-Signature"]
    return {**headers, "X-Almanac-Signature": f"{int(proof[0], 16) ^ 1:x}{proof[1:]}"}


def heard(database) -> int:
    with psycopg.connect(database.reader) as connection:
        return connection.execute("SELECT count(*) FROM order_hints").fetchone()[0]


def others(database) -> dict[str, str]:
    with transaction(database.writer) as connection:
        return {name: value for name, value in table_hashes(connection).items() if name != "order_hints"}


def test_five_thousand_calls_have_no_effect_that_was_not_signed(sender, database, monkeypatch):
    client, started = sender
    monkeypatch.setenv("ORDER_HINT_OLD_KEY", OLD)
    before, sent = others(database), []  # of each call that was heard: headers and body

    @settings(max_examples=TRIES, deadline=None, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(
        kind=st.sampled_from(["fresh", "old key", "again", "shouted", "too old", "too early", *FORGERIES]),
        offset=st.integers(-280, 280), far=st.integers(320, 10**7), place=st.integers(0, 10**6), body=bodies,
    )  # fmt: skip
    def call(kind, offset, far, place, body):
        at, expected = now(offset), 202  # in any order: each call has a time of its own
        if kind in ("fresh", "old key"):
            headers = signed(at, body, KEY if kind == "fresh" else OLD)
        elif kind in ("again", "shouted") and sent:
            headers, body = sent[place % len(sent)]
            age = int(now()) - int(headers["X-Almanac-Timestamp"])
            if 297 < age < 303:
                return  # whether it is too old by now is for the server's clock to say
            expected = 202 if age <= 297 else 401
            if kind == "shouted":
                headers = {**headers, "X-Almanac-Signature": headers["X-Almanac-Signature"].upper()}
        elif kind in ("too old", "too early"):
            headers, expected = signed(now(-far if kind == "too old" else far), body), 401
        elif kind in FORGERIES:
            (headers, body), expected = FORGERIES[kind](at, body), 401
        else:
            return
        answer = client.post(PATH, content=body, headers=headers)
        assert answer.status_code == expected, kind
        if expected == 202:
            known = any(headers["X-Almanac-Signature"].lower() == h["X-Almanac-Signature"] for h, _ in sent)
            assert answer.json() == {"new": not known}, kind
            if not known:
                sent.append((headers, body))
        else:
            assert answer.json() == {"detail": "webhook call refused"}

    call()
    assert len(sent) > TRIES / 20
    assert heard(database) == len(started) == len(sent)
    assert others(database) == before


def test_duplicates_at_the_same_time_count_once(sender, database):
    client, _ = sender
    for n in range(20):
        body = json.dumps({"n": n}).encode()
        headers = signed(now(), body)
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _, h=headers, b=body: client.post(PATH, content=b, headers=h), range(8)))
        assert {a.status_code for a in answers} == {202}
        assert sum(a.json()["new"] for a in answers) == 1
    assert heard(database) == 20
