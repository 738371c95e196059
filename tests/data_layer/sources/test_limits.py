"""How often a vendor is called, and how long it is left alone; time is a number here."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_layer.settings import ROOT
from data_layer.sources.calls import Answer, Caller, Patience
from data_layer.sources.limits import MINUTE, TokenBucket, bucket_of, retry_after
from models.errors import ConfigError, RetryableError


class Time:
    """A clock that moves only when somebody sleeps."""

    def __init__(self):
        self.now, self.slept = 100.0, []

    def clock(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def time():
    return Time()


def caller(time, calls=1000, **patience):
    bucket = TokenBucket(calls, clock=time.clock, sleep=time.sleep)
    secrets = ["secret-1"]
    return Caller("someone", bucket, Patience(**patience), secrets, clock=time.clock, sleep=time.sleep)


def answers(*given, headers=None):
    """A function that gives these answers one after another: statuses, errors or bodies."""
    left = list(given)

    def send(seconds):
        assert seconds > 0
        one = left.pop(0)
        if isinstance(one, Exception):
            raise one
        status, body = (one, b"{}") if isinstance(one, int) else (200, one)
        return Answer(status, headers or {}, body)

    send.left = left
    return send


@given(st.integers(1, 7), st.lists(st.floats(0, 90), min_size=1, max_size=40))
def test_no_minute_sees_more_calls_than_allowed(calls, pauses):
    time, taken = Time(), []
    bucket = TokenBucket(calls, clock=time.clock, sleep=time.sleep)
    for pause in pauses:
        time.now += pause
        assert bucket.take()
        taken.append(time.now)
    assert all(later - earlier >= MINUTE - 1e-6 for earlier, later in zip(taken, taken[calls:], strict=False))
    assert all(earlier <= later for earlier, later in pairwise(taken))


def test_a_burst_is_allowed_and_then_each_token_is_waited_for(time):
    bucket = TokenBucket(5, clock=time.clock, sleep=time.sleep)
    for _ in range(5):
        assert bucket.take()
        time.now += 4
    assert time.slept == []
    assert not bucket.take(within=39) and time.slept == []
    assert bucket.take() and time.slept == [40.0]
    assert bucket.take(within=4) and time.slept == [40.0, 4.0]


def test_one_bucket_a_vendor_and_home(tmp_path):
    bucket = bucket_of("polygon", 5, tmp_path)
    assert bucket is bucket_of("polygon", 5, tmp_path)
    assert bucket.ledger == tmp_path / "run" / "polygon.calls"
    others = {bucket_of("alpaca", 5, tmp_path), bucket_of("polygon", 5, tmp_path / "other")}
    assert bucket not in others and len(others) == 2


def test_processes_share_a_homes_bucket(time, tmp_path):
    ledger = tmp_path / "run" / "polygon.calls"
    one, other = (TokenBucket(3, ledger=ledger, clock=time.clock, sleep=time.sleep) for _ in range(2))
    assert one.take() and other.take() and one.take()
    assert not other.take(within=10) and not one.take(within=10)
    assert other.take() and time.slept == [60.0]
    # A process killed while it wrote, or times of before the machine started anew, hold nobody up.
    ledger.write_text("99999999.5\nno number\n17")
    assert one.take(within=0) and one.take(within=0) and one.take(within=0) and not one.take(within=1)


def test_no_minute_is_overdrawn_by_many_at_once(tmp_path):
    code = (
        "import sys, time, pathlib; from data_layer.sources import limits as m; m.MINUTE = 0.5\n"
        "looks = []\n"
        "clock = lambda: looks.append(time.monotonic()) or looks[-1]\n"
        "b = m.TokenBucket(4, ledger=pathlib.Path(sys.argv[1]), clock=clock)\n"
        "for _ in range(6): b.take(); print(looks[-1])"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "calls")]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(3)]
    taken = sorted(float(line) for one in running for line in one.communicate()[0].split())
    assert len(taken) == 18
    assert all(later - earlier >= 0.5 - 1e-6 for earlier, later in zip(taken, taken[4:], strict=False))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("17", 17), ("-3", None), ("1e3", None), ("soon", None), ("", None), ("٣", None),
     ("Wed, 21 Oct 2015 07:28:30 GMT", 30), ("Wed, 21 Oct 2015 07:27:00 GMT", 0)],
)  # fmt: skip
def test_retry_after_in_seconds_or_as_a_date(text, seconds):
    headers = {"date": "Wed, 21 Oct 2015 07:28:00 GMT", "retry-after": text}
    assert retry_after(headers) == seconds
    if ":" in text:
        assert retry_after({"retry-after": text}) is None  # counts from the answer's own date only


@pytest.mark.parametrize(
    "trouble", [429, 408, 500, 502, 503, 504, TimeoutError("slow"), ConnectionResetError()]
)
def test_what_may_pass_is_tried_again_within_the_budget(time, trouble):
    send = answers(trouble, trouble, b'{"a": 1}')
    assert caller(time).ask("x", send) == (200, {"a": 1})
    assert time.slept == [0.5, 1.0]
    with pytest.raises(RetryableError, match=r"no usable answer of someone.*asked for='x'"):
        caller(time).ask("x", answers(*[trouble] * 3))


def test_what_will_not_pass_is_not_tried_again(time):
    for status in (301, 302, 400, 401, 403, 404, 410):
        with pytest.raises(ConfigError, match=f"someone refuses: HTTP {status}"):
            caller(time).ask("x", answers(status))
    assert time.slept == []
    assert caller(time).ask("x", answers(404), accept=[404]) == (404, {})


def test_a_wait_that_fits_is_kept_and_a_longer_one_is_left_to_airflow(time):
    caller(time).ask("x", answers(429, b"{}", headers={"retry-after": "7"}))
    assert time.slept == [7.0]
    send = answers(429, b"{}", headers={"retry-after": "3600"})
    with pytest.raises(RetryableError, match="HTTP 429, to be asked again in 3600 s"):
        caller(time).ask("x", send)
    assert len(send.left) == 1 and time.slept == [7.0]


def test_a_repetition_costs_a_token_and_does_not_wait_a_minute_for_it(time):
    with pytest.raises(RetryableError, match="HTTP 500"):
        caller(time, calls=1).ask("x", answers(500, b"{}"))
    assert sum(time.slept) < 10


def test_pages_end_and_never_repeat(time):
    def walk(*pages):
        left = list(pages)

        def send(cursor, seconds):
            return Answer(200, {}, left.pop(0))

        return list(caller(time).walk("x", send, lambda p: p["rows"], lambda p: p.get("next")))

    assert walk(b'{"rows": [1], "next": "a"}', b'{"rows": [2]}') == [[1], [2]]
    assert walk(b'{"rows": [], "next": "a"}', b'{"rows": []}') == [[], []]
    endless = [b'{"rows": [%d], "next": "%d"}' % (n, n) for n in range(3000)]
    for pages, what in (
        ([b'{"rows": [1], "next": "a"}', b'{"rows": [2], "next": "a"}'], "circle"),
        ([b'{"rows": [1], "next": "a"}', b'{"rows": [1]}'], "same page came twice"),
        ([b'{"rows": [1], "next": 7}'], "circle or nowhere: 7"),
        ([b'{"rows": [1], "next": ""}'], "circle or nowhere"),
        (endless, "more than 2000 pages"),
    ):
        with pytest.raises(RetryableError, match=what):
            walk(*pages)


def test_a_key_that_a_vendor_repeats_is_not_passed_on(time):
    with pytest.raises(RetryableError) as caught:
        caller(time).ask("x", answers(b"<html>secret-1 is wrong"))
    assert "secret-1" not in str(caught.value) and "(hidden)" in str(caught.value)
