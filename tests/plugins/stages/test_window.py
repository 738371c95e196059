"""The session resolver, branch by branch."""

from __future__ import annotations

import datetime as dt

import pytest

from models.errors import ConfigError
from plugins.stages.window import Request, Window, resolve_window

D = dt.date.fromisoformat
HELD = [D(f"2005-06-{d:02}") for d in (1, 2, 3, 6, 7, 8)]
NOW = dt.datetime(2005, 6, 10, 11, 0, tzinfo=dt.UTC)  # the Friday after, seven in the morning in New York


def resolve(available=HELD, done=(), stage="feature_engineering", logical=None, now=NOW, **params):
    return resolve_window(Request(stage, "r", params, logical, now), available, list(done))


def at(text):
    return dt.datetime.fromisoformat(text)


def refused(*parts, **options):
    with pytest.raises(ConfigError) as caught:
        resolve(**options)
    assert caught.value.stage == options.get("stage", "feature_engineering")
    assert caught.value.remedy
    for part in parts:
        assert part in str(caught.value)


def test_without_anything_all_that_upstream_did_is_due():
    assert resolve() == Window("catch_up", tuple(HELD))
    assert resolve(done=HELD[:4]) == Window("catch_up", tuple(HELD[4:]))


def test_when_all_is_done_there_is_nothing_to_do():
    for options in ({"done": HELD}, {"available": []}):
        window = resolve(**options)
        assert window.mode == "nothing" and not window and not window.sessions and window.reason


@pytest.mark.parametrize(("now", "last"), [
    ("2005-06-07T19:59:59+00:00", "2005-06-06"), ("2005-06-07T20:00:00+00:00", "2005-06-07"),
])  # fmt: skip
def test_a_session_that_has_not_closed_is_not_due(now, last):
    assert resolve(now=at(now)).sessions[-1] == D(last)


@pytest.mark.parametrize(("logical", "last"), [
    ("2005-06-07T19:59:59+00:00", "2005-06-06"),
    ("2005-06-07T16:00:00-04:00", "2005-06-07"),
    ("2005-06-06T07:00:00-04:00", "2005-06-03"),  # the schedule's seven o'clock
    ("2005-06-06T00:00:00-04:00", "2005-06-03"),  # midnight elsewhere is an instant, not a date
])  # fmt: skip
def test_an_instant_means_the_last_session_closed_then(logical, last):
    assert resolve(logical=at(logical)).sessions[-1] == D(last)


def test_midnight_utc_names_that_very_date():
    day = at("2005-06-07T00:00:00+00:00")
    assert resolve(logical=day) == Window("catch_up", tuple(HELD[:5]))
    assert resolve(logical=day, done=HELD[:4]) == Window("catch_up", (HELD[4],))
    assert resolve(logical=day, done=HELD) == Window("verify", (HELD[4],))
    assert resolve(logical=at("2005-06-07T02:00:00+02:00")) == resolve(logical=day)


@pytest.mark.parametrize("day", ["2005-06-04", "2005-05-30"])
def test_a_named_day_without_trading_is_nothing_to_do(day):
    window = resolve(logical=at(f"{day}T00:00:00+00:00"))
    assert window.mode == "nothing" and f"{day} is not a session" in window.reason


def test_a_named_day_before_history_is_nothing_to_do():
    window = resolve(logical=at("2005-05-31T00:00:00+00:00"), done=HELD[:2])
    assert window.mode == "nothing" and "before 2005-06-01" in window.reason


def test_a_named_day_beyond_the_source_is_nothing_to_do():
    for available, word in ((HELD, "ends 2005-06-08"), ([], "is empty")):
        window = resolve(available, stage="data_ingestion", logical=at("2005-06-09T00:00:00+00:00"))
        assert window.mode == "nothing" and word in window.reason


def test_a_named_day_that_upstream_has_not_done_is_refused():
    refused("upstream", "2005-06-09", "run the stage before it", logical=at("2005-06-09T00:00:00+00:00"))
    refused("upstream", "2005-06-09", available=[], logical=at("2005-06-09T00:00:00+00:00"))


@pytest.mark.parametrize("day", ["2005-06-10", "2005-06-13", "2006-01-01"])
def test_the_future_is_refused(day):
    refused("has not closed", day, "2005-06-09", logical=at(f"{day}T00:00:00+00:00"))
    refused("end", "has not closed", day, end=day)
    refused("end", "has not closed", day, start="2005-06-01", end=day, done=HELD)
    refused("has not closed", day, start=day)


def test_an_end_bounds_the_catch_up():
    assert resolve(end="2005-06-03") == Window("catch_up", tuple(HELD[:3]))
    assert resolve(end="2005-06-05") == Window("catch_up", tuple(HELD[:3]))
    assert resolve(end="2005-06-02", done=HELD[:2]).mode == "nothing"
    assert resolve(end="2005-06-02", logical=at("2005-06-07T00:00:00+00:00")).sessions[-1] == HELD[1]


def test_a_range_is_computed_again():
    assert resolve(start="2005-06-02", end="2005-06-06", done=HELD) == Window("verify", tuple(HELD[1:4]))
    assert resolve(start="2005-06-02", done=HELD) == Window("verify", (HELD[1],))
    assert resolve(start="2005-06-04", end="2005-06-06", done=HELD).sessions == (HELD[3],)
    window = resolve(start="2005-06-02", done=HELD, restate=True, symbols="AAPL, MSFT")
    assert window == Window("restate", (HELD[1],), ("AAPL", "MSFT"))
    assert resolve(start="2005-06-02", done=HELD, symbols=["BRK.B"]).symbols == ("BRK.B",)
    assert resolve(start="2005-06-02", done=HELD, restate=False, symbols=None, end=None).mode == "verify"


def test_a_range_that_was_not_done_is_refused():
    refused(
        "not completed yet",
        "2005-06-03",
        "leave start empty",
        start="2005-06-01",
        end="2005-06-06",
        done=HELD[:2],
    )
    refused("no session lies", "2005-06-01 to 2005-06-08", start="2005-06-04", end="2005-06-05", done=HELD)
    refused("no session lies", "sessions held: none", start="2005-06-01", available=[])


def test_start_after_end_is_refused():
    refused(
        "start lies after end",
        "2005-06-06 > 2005-06-02",
        "swap",
        start="2005-06-06",
        end="2005-06-02",
        done=HELD,
    )


@pytest.mark.parametrize("options", [{"symbols": "AAPL"}, {"restate": True}])
def test_what_only_makes_sense_for_the_past_needs_a_start(options):
    refused(next(iter(options)), "needs a start", **options)


@pytest.mark.parametrize("name", ["start", "end"])
@pytest.mark.parametrize("text", ["junk", "20050601", "2005-02-30", "2005-06-01T00:00:00"])
def test_a_date_must_be_one(name, text):
    refused("not a date", name, text, "YYYY-MM-DD", **{name: text})


@pytest.mark.parametrize("symbols", ["AAPL\n", "../x", "A' OR 1=1", ["aapl"]])
def test_a_symbol_must_be_one(symbols):
    refused("malformed symbol", start="2005-06-01", done=HELD, symbols=symbols)


def test_history_is_decided_in_order():
    earlier = [D("2005-05-27"), D("2005-05-31"), *HELD]
    refused("2005-05-27", "lies before 2005-06-08", "ALMANAC_HOME", available=earlier, done=HELD)
