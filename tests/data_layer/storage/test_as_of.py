"""As-of reads against a plain list of facts: corrected, corrected back or late, every instant agrees."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_layer.quality.action_checks import CheckedActions
from data_layer.quality.row_checks import CheckedRows
from data_layer.sessions import close_times, next_session, previous_session, sessions_between
from data_layer.storage.bars import Provenance, store_actions, store_bars
from data_layer.storage.database import transaction
from plugins.stages.universe import store_universe

SESSIONS = sessions_between(dt.date(2024, 7, 1), dt.date(2024, 7, 10))
SYMBOLS = ("AAA", "BBB")
TICK = dt.timedelta(microseconds=1)
NOTHING = pd.DataFrame(columns=["symbol", "session_date", "reason", "raw", "row_hash"])
# A batch: what is said of some sessions' bars, and how many sessions are decided after it.
batches = st.lists(
    st.tuples(
        st.dictionaries(
            st.tuples(st.sampled_from(SYMBOLS), st.integers(0, len(SESSIONS) - 1)), st.sampled_from([10, 11, 12]),
            min_size=1, max_size=6,
        ),
        st.integers(0, 2),
    ),
    min_size=1, max_size=6,
)  # fmt: skip
quick = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)


class Facts:
    """The model: every version ever said, with the instant from which it was believed."""

    def __init__(self):
        self.said: list[tuple[object, object, dt.datetime]] = []

    def say(self, key, value, known):
        self.said.append((key, value, known))

    def now(self, key):
        return next((v for k, v, _ in reversed(self.said) if k == key), None)

    def as_of(self, instant):
        return {key: value for key, value, known in self.said if known <= instant}

    def instants(self):
        return sorted({t for _, _, known in self.said for t in (known - TICK, known, known + TICK)})


def provenance(decided):
    return Provenance("x", "run", SESSIONS[0], SESSIONS[-1], SYMBOLS, dt.timedelta(0),
                      dt.datetime(2026, 11, 20, tzinfo=dt.UTC), decided)  # fmt: skip


@pytest.fixture(scope="module")
def shared(copy_database):
    return copy_database("quant_data")


def emptied(database):
    tables = ("market_data", "corporate_actions", "trading_universe")
    with transaction(database.owner) as connection:
        connection.execute("TRUNCATE restatements, " + ", ".join(f"{t}, {t}_history" for t in tables))
    return database.writer


@quick
@given(batches)
def test_bars(shared, said):
    uri, facts, done = emptied(shared), Facts(), 0
    closes = close_times(SESSIONS)
    for bars, more in said:
        decided = SESSIONS[done - 1] if done else None
        rows = pd.DataFrame(
            [(s, pd.Timestamp(SESSIONS[d]), p, p, p, p, 1) for (s, d), p in bars.items()],
            columns=["symbol", "date", "open", "high", "low", "close", "volume"],
        ).astype(dict.fromkeys(("open", "high", "low", "close"), float))
        with transaction(uri) as connection:
            now = connection.execute("SELECT now() AS t").fetchone()["t"]
            store_bars(connection, CheckedRows(len(rows), rows, 0, NOTHING), provenance(decided))
        held = {key[0] for key, _, _ in facts.said}
        for (symbol, d), price in bars.items():
            key, is_late = (symbol, SESSIONS[d]), decided is not None and SESSIONS[d] <= decided
            if facts.now(key) is None:
                facts.say(key, price, now if is_late and symbol in held else closes[SESSIONS[d]])
            elif facts.now(key) != price:
                facts.say(key, price, now)
        done = min(done + more, len(SESSIONS))
    with transaction(uri) as connection:
        for instant in facts.instants():
            found = connection.execute("SELECT symbol, date, close FROM market_data_as_of(%s)", [instant])
            assert {(r["symbol"], r["date"]): r["close"] for r in found} == facts.as_of(instant), instant
        spans = connection.execute(
            "SELECT count(*) AS n FROM market_data_history WHERE superseded_at <= known_at"
        ).fetchone()
    assert spans["n"] == 0


@quick
@given(batches)
def test_actions(shared, said):
    """No symbol has bars here, so none comes late: known at the announcement, else the eve's close."""
    uri, facts = emptied(shared), Facts()
    for actions, announced_before in said:
        days = {key: previous_session(SESSIONS[key[1]]) for key in actions}
        announced = [SESSIONS[key[1]] - dt.timedelta(days=7 * announced_before or -30) for key in actions]
        rows = pd.DataFrame(
            [(s, SESSIONS[d], "dividend", Decimal(v), False) for (s, d), v in actions.items()],
            columns=["symbol", "ex_date", "action_type", "value", "inferred"],
        ).assign(announced=announced)
        with transaction(uri) as connection:
            now = connection.execute("SELECT now() AS t").fetchone()["t"]
            nothing_else = (dt.date.min, dt.date.min)  # asked for: so no action has moved
            checked = CheckedActions(len(rows), rows, 0, NOTHING)
            store_actions(connection, checked, provenance(None), nothing_else)
        for (key, value), day in zip(actions.items(), announced, strict=True):
            name = (key[0], SESSIONS[key[1]])
            known = min(days[key], sessions_between(day, day + dt.timedelta(days=9))[0])
            if facts.now(name) is None:
                facts.say(name, value, close_times([known])[known])
            elif facts.now(name) != value:  # nothing has been decided: at the latest the eve's close
                before = max(k for key_, _, k in facts.said if key_ == name)
                facts.say(name, value, max(before, min(now, close_times([days[key]])[days[key]])))
    with transaction(uri) as connection:
        for instant in facts.instants():
            found = connection.execute(
                "SELECT symbol, ex_date, value FROM corporate_actions_as_of(%s)", [instant]
            )
            assert {(r["symbol"], r["ex_date"]): r["value"] for r in found} == facts.as_of(instant), instant


ends = st.sampled_from([None, *SESSIONS[1:5]])


@quick
@given(st.lists(st.tuples(ends, ends, st.booleans(), st.integers(0, 3)), min_size=1, max_size=6))
def test_universe(shared, said):
    uri, facts, done = emptied(shared), Facts(), 0
    closes = close_times(SESSIONS)
    for turn, (*last_days, restricted, more) in enumerate(said):
        stated_now = SYMBOLS[: 1 + (turn > 0)]  # the second one joins later
        decided = SESSIONS[done - 1] if done else None
        done = min(done + more, len(SESSIONS) - 1)
        last = SESSIONS[max(done - 1, 0)]
        members = pd.DataFrame(
            [(s, s, None, SESSIONS[0], end, restricted, "x")
             for s, end in zip(stated_now, last_days, strict=False)],
            columns=["symbol", "name", "sector", "active_from", "active_to", "restricted", "source"], dtype=object,
        )  # fmt: skip
        with transaction(uri) as connection:
            now = connection.execute("SELECT now() AS t").fetchone()["t"]
            store_universe(connection, members, last=last, decided=decided, delay=dt.timedelta(0))
        for symbol, stated in zip(stated_now, last_days, strict=False):
            end = stated if stated is not None and stated < last else None
            old = facts.now(symbol)
            if old is None:
                facts.say(symbol, (None, restricted), now if decided else closes[SESSIONS[0]])
                old = (None, restricted)
            if old[0] is None and end is not None:
                after = next_session(end)
                newest = max(k for key, _, k in facts.said if key == symbol)
                stated_at = now if decided and after <= decided else closes[after]
                known = stated_at if stated_at > newest else now
                facts.say(symbol, (end, old[1]), known)
                old = (end, old[1])
            if old != (end, restricted):
                facts.say(symbol, (end, restricted), now)
    with transaction(uri) as connection:
        for instant in facts.instants():
            found = connection.execute(
                "SELECT symbol, active_to, restricted FROM universe_known_at(%s)", [instant]
            )
            assert {r["symbol"]: (r["active_to"], r["restricted"]) for r in found} == facts.as_of(instant), (
                instant
            )
