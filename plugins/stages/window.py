"""The session resolver: which sessions a run of a stage is about. Only here a run's clock is weighed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from data_layer.sessions import is_session, last_closed
from data_layer.settings import parse_date, validate_symbol
from models.errors import ConfigError

Mode = Literal["nothing", "catch_up", "verify", "restate", "replay"]


@dataclass(frozen=True)
class Request:
    """What a run was asked for.

    Attributes:
        stage: DAG id.
        run_id: Airflow run.
        params: start, end (ISO dates), symbols, restate; missing or None where not given.
        logical_date: None for runs started by assets or without a date.
        now: instant the run started (UTC).
    """

    stage: str
    run_id: str
    params: Mapping[str, Any]
    logical_date: dt.datetime | None
    now: dt.datetime


@dataclass(frozen=True)
class Window:
    """The sessions of a run, ascending, and what to do with them.

    catch_up: decide sessions not yet completed; verify: compute completed ones again as of their cutoff and
    compare; restate: the same, writing what differs as a new version; replay: decide completed ones again, each
    stage from what the one before it gives now, into a scratch schema; nothing: there is nothing to do.
    """

    mode: Mode
    sessions: tuple[dt.date, ...] = ()
    symbols: tuple[str, ...] = ()  # verify and restate only these; empty for all
    reason: str = ""

    def __bool__(self) -> bool:
        return self.mode != "nothing"


def resolve_window(request: Request, available: Sequence[dt.date], done: Sequence[dt.date]) -> Window:
    """Decide which sessions a run works on.

    ``params`` come first, then the logical date (midnight UTC names that very date, another instant the last
    session closed then), then the last session that upstream completed.

    Args:
        request: the run.
        available: sessions that upstream has completed, or the source holds, ascending.
        done: sessions this stage has completed, ascending.

    Raises:
        ConfigError: for dates that are no dates or lie in the future, for a range without a session, and
            for sessions that upstream, or in a range this stage, has not completed yet.
    """
    start, end = _date(request, "start"), _date(request, "end")
    symbols = _symbols(request)
    restate = bool(request.params.get("restate"))
    if start:
        return _past(request, start, end or start, symbols, restate, available, done)
    if symbols or restate:
        raise _refuse(
            request,
            "symbols" if symbols else "restate",
            symbols or restate,
            "needs a start",
            "give start and end of the sessions to compute again",
        )
    if end:
        _refuse_future(request, "end", end)
        return _catch_up(request, end, available, done)
    named = request.logical_date
    if named and named.astimezone(dt.UTC).time() == dt.time(0):
        return _named(request, named.astimezone(dt.UTC).date(), available, done)
    return _catch_up(request, last_closed(named or request.now), available, done)


def _named(request: Request, day: dt.date, available: Sequence[dt.date], done: Sequence[dt.date]) -> Window:
    _refuse_future(request, "logical date", day)
    if not is_session(day):
        return Window("nothing", reason=f"{day} is not a session of the exchange")
    if day in set(done):
        return Window("verify", (day,))
    if available and day < available[0]:
        return Window("nothing", reason=f"{day} lies before {available[0]}, the first session held")
    if not available or day > available[-1]:
        if request.stage == "data_ingestion":
            held = f"ends {available[-1]}" if available else "is empty"
            return Window("nothing", reason=f"the source {held}, {day} is beyond it")
        raise _refuse(
            request,
            "logical date",
            day,
            "upstream has not completed this session",
            "run the stage before it first",
        )
    return _catch_up(request, day, available, done)


def _past(
    request: Request,
    start: dt.date,
    end: dt.date,
    symbols: tuple[str, ...],
    restate: bool,
    available: Sequence[dt.date],
    done: Sequence[dt.date],
) -> Window:
    if start > end:
        raise _refuse(request, "start", f"{start} > {end}", "start lies after end", "swap them")
    _refuse_future(request, "end", end)
    chosen = tuple(s for s in available if start <= s <= end)
    if not chosen:
        held = f"{available[0]} to {available[-1]}" if available else "none"
        raise _refuse(
            request,
            "start..end",
            f"{start}..{end}",
            "no session lies in this range",
            f"sessions held: {held}",
        )
    undone = [s for s in chosen if s not in set(done)]
    if undone:
        raise _refuse(
            request,
            "start..end",
            undone[0],
            "session is not completed yet",
            "leave start empty to catch up, then compute it again",
        )
    return Window("restate" if restate else "verify", chosen, symbols)


def _catch_up(
    request: Request, last: dt.date, available: Sequence[dt.date], done: Sequence[dt.date]
) -> Window:
    finished = set(done)
    due = tuple(s for s in available if s <= last and s not in finished)
    if not due:
        held = f"done up to {done[-1]}" if done else "upstream has completed nothing yet"
        return Window("nothing", reason=held)
    if done and due[0] < done[-1]:
        raise _refuse(
            request,
            "session",
            due[0],
            f"lies before {done[-1]}, which is done already",
            "history is decided in order: use another ALMANAC_HOME for an earlier START",
        )
    return Window("catch_up", due)


def _date(request: Request, name: str) -> dt.date | None:
    text = request.params.get(name)
    return parse_date(str(text), key=name, stage=request.stage) if text else None


def _symbols(request: Request) -> tuple[str, ...]:
    given = request.params.get("symbols") or ()
    listed = given.replace(",", " ").split(" ") if isinstance(given, str) else list(given)
    return tuple(validate_symbol(s, stage=request.stage) for s in listed if s)


def _refuse_future(request: Request, key: str, day: dt.date) -> None:
    if day > last_closed(request.now):
        raise _refuse(
            request,
            key,
            day,
            "the session has not closed yet",
            f"the last one closed is {last_closed(request.now)}",
        )


def _refuse(request: Request, key: str, value: object, what: str, remedy: str) -> ConfigError:
    return ConfigError(what, stage=request.stage, key=key, value=str(value), remedy=remedy)
