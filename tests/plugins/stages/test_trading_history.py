"""What is read ahead of a catch-up's next sessions: used when it is what would be read then, and never else."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from data_layer.storage.database import transaction
from models.errors import RetryableError
from plugins.stages import risk, trading_history
from plugins.stages.runs import completed_sessions
from plugins.stages.trading_history import read_facts
from tests.support.books import STAGE, assert_sound
from tests.support.chain import run_stage
from tests.support.prepared import DUE, change, hashes, prepared

__all__ = ["prepared"]


def test_sessions_decided_in_chunks_end_as_in_one_and_each_is_read_once(prepared, small_settings, monkeypatch):
    whole, chunked = prepared(STAGE), prepared(STAGE)
    run_stage(whole.writer, small_settings, STAGE)
    views = []
    read = trading_history._read_view
    monkeypatch.setattr(trading_history, "_read_view", lambda *a: views.append(a[2]) or read(*a))
    monkeypatch.setattr(risk, "CHUNK_SESSIONS", 2)
    run_stage(chunked.writer, small_settings, STAGE)
    assert hashes(chunked.writer) == hashes(whole.writer)
    taken = [str(session) for view in views for session in view]
    assert sorted(taken) == list(DUE)  # the newest, too: its steps share what the first of them has read
    assert_sound(chunked, small_settings)


def test_facts_read_ahead_that_are_not_those_of_now_are_read_again(prepared, small_settings, monkeypatch):
    whole, stale = prepared(STAGE), prepared(STAGE)
    run_stage(whole.writer, small_settings, STAGE)
    read = risk.RiskExecution._read_ahead

    def changed_since(self, sessions):
        facts = read(self, sessions)
        earlier = {s: at - dt.timedelta(seconds=1) for s, at in facts.cutoffs.items()}
        return dataclasses.replace(facts, cutoffs=earlier, members={}, views=[])

    monkeypatch.setattr(risk, "CHUNK_SESSIONS", 2)
    monkeypatch.setattr(risk.RiskExecution, "_read_ahead", changed_since)
    run_stage(stale.writer, small_settings, STAGE)
    assert hashes(stale.writer) == hashes(whole.writer)


def test_votes_restated_after_the_facts_were_read_ahead_are_heard(prepared, small_settings, monkeypatch):
    whole, restated = prepared(STAGE), prepared(STAGE)
    mute = f"DELETE FROM signals WHERE session_date = '{DUE[2]}'"
    change(whole, mute)
    run_stage(whole.writer, small_settings, STAGE)
    read = risk.RiskExecution._read_ahead

    def restated_since(self, sessions):
        facts = read(self, sessions)
        change(restated, mute)
        return facts

    monkeypatch.setattr(risk, "CHUNK_SESSIONS", 2)
    monkeypatch.setattr(risk.RiskExecution, "_read_ahead", restated_since)
    run_stage(restated.writer, small_settings, STAGE)
    assert hashes(restated.writer) == hashes(whole.writer)


def test_a_session_that_is_no_longer_completed_is_not_left_out(prepared, small_settings):
    """Those after it would rest on books without it."""
    database = prepared(STAGE)

    def restate(step):
        change(database, f"DELETE FROM stage_runs WHERE stage = 'model_execution' AND session_date = '{DUE[1]}'")

    books = ("ensemble_signals", "target_positions", "orders", "fills", "positions", "ledger_entries")
    before = hashes(database.writer, *books)
    with pytest.raises(RetryableError, match=f"no longer completed.*{DUE[1]}.*run model_execution"):
        run_stage(database.writer, small_settings, STAGE, before=restate)
    assert hashes(database.writer, *books) == before


def test_facts_serve_the_same_question_alone(prepared):
    uri = prepared(STAGE).writer
    with transaction(uri) as connection:
        done = completed_sessions(connection, "model_execution")
        cutoffs = {session: done[session] for session in map(dt.date.fromisoformat, DUE[:2])}
        facts = read_facts(connection, uri, cutoffs)
        assert read_facts(connection, uri, dict(cutoffs), facts) is facts
        later = {s: at + dt.timedelta(seconds=1) for s, at in cutoffs.items()}
        fewer = dict(list(cutoffs.items())[:1])
        assert all(read_facts(connection, uri, known, facts) is not facts for known in (later, fewer))
