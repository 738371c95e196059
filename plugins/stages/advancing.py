"""Deciding sessions in a row, and writing what was decided while the next ones are decided."""

from __future__ import annotations

import datetime as dt
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice

from plugins.stages.trading_day import STEPS, Step
from plugins.stages.trading_state import Day, Pass, State

# Written together: fewer, and the dozen temporary tables of each write cost more than its rows; more, and the last
# write, for which nothing is decided any more, takes longer.
PIECE_SESSIONS = 100
SWITCH_SECONDS = 0.0005  # the writer mostly waits for the database: it gets a turn soon when an answer has come

Write = Callable[[], Mapping[str, int]]
Prepare = Callable[[Pass, Sequence[Day]], Write]


def advance(days: Sequence[Day], state: State, last_step: Step, prepare: Prepare) -> Counter[str]:
    """Take sessions of one account up to a step, and have them written in order, in pieces.

    Args:
        days: the sessions, ascending.
        state: the account before the first one; moved on.
        last_step: the last one to take of each session.
        prepare: makes rows of what a piece of the sessions led to, and returns what writes them and returns how many
            by table. That is called in a thread of its own, never twice at once, and always with the pieces before
            it written; nothing else may use its connection meanwhile. What it raises is raised here, and nothing is
            written after. It should only wait for the database: what it computes, the next decisions wait for.

    Returns:
        Rows written by table.
    """
    steps = STEPS[: STEPS.index(last_step) + 1]
    written: Counter[str] = Counter()
    writing: Future[Mapping[str, int]] | None = None
    with _quick_turns(), ThreadPoolExecutor(1, "writer") as writer:
        for start in range(0, len(days), PIECE_SESSIONS):
            piece = days[start : start + PIECE_SESSIONS]
            result = Pass(piece[0].account)
            for day in piece:
                for step in steps:
                    step(state, day, result)
            write = prepare(result, piece)
            if writing:
                written.update(writing.result())
            writing = writer.submit(write)
        if writing:
            written.update(writing.result())
    return written


def again(
    days: Iterable[Day], opening: Callable[[dt.date], State]
) -> Iterator[tuple[Pass, Sequence[dt.date]]]:
    """Take each session of one account through all steps from what it opened with; give the results in pieces.

    Args:
        days: the sessions, ascending.
        opening: returns the account as it stood before a session opened.

    Yields:
        What a piece of the sessions leads to, and which they are, to be compared in one go.
    """
    waiting = iter(days)
    while piece := list(islice(waiting, PIECE_SESSIONS)):
        result = Pass(piece[0].account)
        for day in piece:
            state = opening(day.session)
            for step in STEPS:
                step(state, day, result)
        yield result, [day.session for day in piece]


@contextmanager
def _quick_turns() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
