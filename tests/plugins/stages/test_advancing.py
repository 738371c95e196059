"""Sessions are written in pieces, in order, while the next ones are decided; what one catch-up leaves is the same."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from data_layer.storage.database import transaction
from data_layer.storage.hashes import table_hashes
from plugins.stages import advancing
from tests.support.chain import run_stage
from tests.support.prepared import prepared

__all__ = ["prepared"]


@pytest.fixture
def counting(monkeypatch):
    """Take one step a session, which counts, two sessions a piece."""

    def step(state, day, _result):
        state.append(day.number)

    monkeypatch.setattr(advancing, "STEPS", (step,))
    monkeypatch.setattr(advancing, "PIECE_SESSIONS", 2)
    return step


def days(count):
    return [SimpleNamespace(number=n, account="paper") for n in range(count)]


def test_pieces_are_written_in_order_and_the_rows_added_up(counting):
    state, pieces = [], []

    def prepare(_result, piece):
        def write():
            pieces.append([day.number for day in piece])
            return {"orders": len(piece)}

        return write

    assert advancing.advance(days(5), state, counting, prepare) == {"orders": 5}
    assert state == [0, 1, 2, 3, 4] and pieces == [[0, 1], [2, 3], [4]]


def test_nothing_is_written_after_a_write_that_failed(counting):
    pieces = []

    def prepare(_result, piece):
        def write():
            pieces.append([day.number for day in piece])
            raise OSError("disk full")

        return write

    with pytest.raises(OSError, match="disk full"):
        advancing.advance(days(9), [], counting, prepare)
    assert pieces == [[0, 1]]


def test_pieces_leave_what_one_write_leaves(prepared, small_settings, monkeypatch):
    database, whole = prepared("risk_execution"), prepared("")
    monkeypatch.setattr(advancing, "PIECE_SESSIONS", 3)
    run_stage(database.writer, small_settings, "risk_execution")
    found = []
    for one in (database, whole):
        with transaction(one.reader) as connection:
            found.append(table_hashes(connection))
    differing = {name for name in found[0] if found[0][name] != found[1][name]}
    assert not differing & {"target_positions", "risk_decisions", "orders", "fills", "positions", "ledger_entries",
                            "account_snapshots", "ensemble_signals", "risk_snapshots", "backtest_parity"}  # fmt: skip
