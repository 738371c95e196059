"""risk_execution: fill what was ordered, decide what to hold, check it, order it, keep the books."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from itertools import groupby, zip_longest
from typing import Any, ClassVar

from data_layer.sessions import next_session, previous_session
from data_layer.storage.audit import event_rows, insert_events
from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, load_sql, take_lock, transaction
from data_layer.storage.kill_switch import heed_switch
from models.accounting import Book
from plugins.execution.booking import executed_in
from plugins.execution.broker import open_broker
from plugins.execution.opening import find_opened
from plugins.execution.real_session import RealSession
from plugins.stages.account import load_state, order_events, write_pass
from plugins.stages.advancing import Write, advance, again
from plugins.stages.book_checks import check_books
from plugins.stages.cash import account_of, cash_movements, current_account
from plugins.stages.context import Context
from plugins.stages.deciding import blend_votes, decide, targets
from plugins.stages.pace import steady
from plugins.stages.pass_rows import rows_of
from plugins.stages.runs import complete_sessions, completed_of, cutoffs_of
from plugins.stages.told_late import with_shares
from plugins.stages.tracing import name_written
from plugins.stages.trading_day import STEPS, Step, mark, order, reconcile
from plugins.stages.trading_history import Facts, read_facts, read_votes
from plugins.stages.trading_rules import refuse_older, rules_now
from plugins.stages.trading_state import Day, Pass, State

# A pass keeps its rows in memory and commits them together; two years of them are some megabytes.
CHUNK_SESSIONS = 500


class RiskExecution:
    """The steps of risk_execution for one run; each may run twice and die anywhere.

    Sessions depend on one another, so reconcile_fills decides all sessions due but the newest in one pass of
    the very steps that the tasks then take for the newest.
    """

    # Books that were wrong at the end of a run are still wrong when the next one finds nothing to do.
    ALWAYS: ClassVar[frozenset[str]] = frozenset({"check_books"})

    def __init__(self, context: Context):
        self.context = context
        broker = open_broker(context.settings)
        self.real = RealSession(context, broker) if broker else None
        self.settled: tuple[State, Day] | None = None  # the newest session as it stands after its last step
        self.facts: Facts | None = None  # read last, or ahead; the steps of a session all need the same

    def reconcile_fills(self) -> Mapping[str, Any]:
        """Decide all sessions but the newest; fill and book the newest one's orders at its open."""
        context = self.context
        if context.window.mode != "catch_up":
            return self._verify()
        *earlier, newest = context.sessions
        told = self.real.read(previous_session(newest), context.sessions) if self.real else None
        self._catch_up([earlier[i : i + CHUNK_SESSIONS] for i in range(0, len(earlier), CHUNK_SESSIONS)])
        written = self._advance([newest], reconcile)
        if self.real and told and self.settled:
            self.real.compare(*told, *self.settled)
        return context.say("fills reconciled", earlier_sessions=len(earlier), **written)

    def blend_signals(self) -> Mapping[str, Any]:
        """Weigh the models' votes of the newest session into one signal per symbol."""
        return self._newest("signals blended", blend_votes)

    def build_targets(self) -> Mapping[str, Any]:
        """Turn the newest session's published signals into wanted holdings."""
        return self._newest("targets built", targets)

    def check_risk(self) -> Mapping[str, Any]:
        """Check every wanted change against every limit."""
        return self._newest("risk checked", decide)

    def submit_orders(self) -> Mapping[str, Any]:
        """Order what was approved, for the next open; nothing when the kill switch was thrown meanwhile."""
        said = self._newest("orders submitted", order)
        if self.real and self.context.window.mode == "catch_up":
            return self.context.say("orders sent", **self.real.send(self.context.sessions[-1]))
        return said

    def plan_orders(self) -> Mapping[str, Any]:
        """Write the newest session's orders as planned, for somebody to approve; nothing is sent."""
        return self._newest("orders planned", order)

    def mark_positions(self) -> Mapping[str, Any]:
        """Value the account at the close and complete the session."""
        return self._newest("positions marked", mark)

    def check_books(self) -> Mapping[str, Any]:
        """Look for what must not be among the run's sessions, or in the last one when none was due."""
        return check_books(self.context)

    def _newest(self, what: str, last_step: Step) -> Mapping[str, Any]:
        context = self.context
        if context.window.mode != "catch_up":
            return context.say(f"{what}: compared by reconcile_fills")
        return context.say(what, **self._advance([context.sessions[-1]], last_step))

    def _catch_up(self, chunks: Sequence[Sequence[dt.date]]) -> None:
        """Take all steps of sessions in chunks; the next chunk's facts are read while one is decided and written."""
        with ThreadPoolExecutor(1, "reader") as reader:
            reading: Future[Facts] | None = None
            for chunk, following in zip_longest(chunks, chunks[1:]):
                self.facts = reading.result() if reading else None
                reading = reader.submit(self._read_ahead, following) if following else None
                self._advance(chunk, mark)

    def _read_ahead(self, sessions: Sequence[dt.date]) -> Facts:
        with transaction(self.context.uri) as connection:
            return read_facts(connection, self.context.uri, cutoffs_of(connection, "model_execution", sessions))

    def _advance(self, sessions: Sequence[dt.date], last_step: Step) -> dict[str, int]:
        """Take the steps up to the last for sessions in a row, write what is new, in one transaction.

        Steps taken by an earlier task are taken again from the same inputs; what they gave then is compared
        with what is stored. After the last of all steps the sessions are completed.
        """
        stage = self.context.stage
        with steady(), transaction(self.context.uri) as connection:
            take_lock(connection, stage)
            done = completed_of(connection, stage, sessions)
            due = [s for s in sessions if s not in done]
            if not due:
                return {}
            rules = self._rules(connection, due)
            if STEPS.index(last_step) >= STEPS.index(order):
                self._heed_kill_switch(connection, rules.values())
            written: Counter[str] = Counter()
            for account, part in groupby(due, key=lambda s: account_of(rules[s])):  # a reset lies between two
                written.update(self._take(connection, account, list(part), rules, last_step))
            return written

    def _take(
        self, connection: Connection, account: str, due: Sequence[dt.date],
        rules: Mapping[dt.date, dict[str, Any]], last_step: Step,
    ) -> dict[str, int]:  # fmt: skip
        """Take sessions in a row of one account."""
        if self.real:
            due = self._after_opening(connection, due, rules)
            if not due:
                return {}
        days = list(self._days(connection, due, rules))
        state = self._opening(connection, account, due[0])

        def prepare(result: Pass, piece: Sequence[Day]) -> Write:
            rows, sessions, ends = rows_of(result), [d.session for d in piece], last_step is mark
            details = _details(piece, result) if ends else {}
            events = event_rows(order_events(piece, result)) if ends else ""

            def write() -> Mapping[str, int]:
                written = write_pass(connection, rows, sessions, "insert", self.context.stage)
                if ends:
                    cutoffs = cutoffs_of(connection, "model_execution", sessions)
                    complete_sessions(connection, self.context, cutoffs, details)
                    insert_events(connection, events)
                return written

            return write

        written = advance(days, state, last_step, prepare)
        name_written(connection, account, due, written)
        self.settled = state, days[-1]
        if last_step is not mark:
            self._freeze(connection, due[-1], rules[due[-1]])
        return written

    def _after_opening(
        self, connection: Connection, due: Sequence[dt.date], rules: Mapping[dt.date, dict[str, Any]]
    ) -> Sequence[dt.date]:
        """Complete the sessions before a real broker's account was taken over, which decided nothing."""
        opened = find_opened(connection, self.context.settings.broker.name)
        before = [s for s in due if rules[s].get("broker") and opened and s <= opened.session]
        details = {s: {"rows": 0, "rules": rules[s], "warnings": ["before the account was opened"]} for s in before}
        if before:
            cutoffs = cutoffs_of(connection, "model_execution", before)
            complete_sessions(connection, self.context, cutoffs, details)
        return due[len(before) :]

    def _verify(self) -> Mapping[str, Any]:
        """Decide each session again from what it rested on, and compare; orders are never re-decided."""
        sessions = self.context.sessions
        with steady(), transaction(self.context.uri) as connection:
            take_lock(connection, self.context.stage)
            rules = self._rules(connection, sessions)
            for account, part in groupby(sessions, key=lambda s: account_of(rules[s])):
                days = self._days(connection, list(part), rules)
                for result, decided in again(days, partial(self._opening, connection, account)):
                    write_pass(connection, rows_of(result), decided, "verify", self.context.stage)
        return self.context.say("decisions compared, none differs", sessions=len(sessions))

    def _freeze(self, connection: Connection, session: dt.date, rules: Mapping[str, Any]) -> None:
        """Keep what the newest session is decided by: a limit changed meanwhile is for the next one."""
        connection.execute(
            load_sql("stage_runs/upsert_running"),
            {"stage": self.context.stage, "session_date": session, "run_id": self.context.request.run_id,
             "detail": json_text({"rules": rules})},
        )  # fmt: skip

    def _heed_kill_switch(self, connection: Connection, undecided: Iterable[dict[str, Any]]) -> None:
        """Block the orders of sessions checked before the switch was thrown; orders that are out stay out."""
        switch = heed_switch(connection, current_account(connection, self.context.settings)).by_hand
        for rules in undecided:
            rules.setdefault("blocked", "" if rules["kill_switch"] else switch)

    def _opening(self, connection: Connection, account: str, session: dt.date) -> State:
        """Return the account as it stood before the session opened."""
        first = connection.execute(load_sql("accounts/select_first_session"), {"id": account}).fetchone()
        if first is None or first["session_date"] is None or session <= first["session_date"]:
            return State(Book(), opened=False)
        return load_state(connection, account, previous_session(session))

    def _days(
        self, connection: Connection, sessions: Sequence[dt.date], rules: Mapping[dt.date, Mapping[str, Any]]
    ) -> Iterator[Day]:
        cutoffs = cutoffs_of(connection, "model_execution", sessions)
        movements = cash_movements(connection, account_of(rules[sessions[0]]), sessions)
        facts = self.facts = read_facts(connection, self.context.uri, cutoffs, self.facts)
        votes = read_votes(self.context.uri, sessions, {s: rules[s]["models"] for s in sessions}, facts.members)
        for view in facts.views:
            told = with_shares(connection, account_of(rules[sessions[0]]), view.told)
            for session in view.sessions:
                bars = view.bars[session]
                opens = {s: Decimal(repr(bar[0])) for s, bar in bars.items()}
                benchmark = rules[session]["benchmark"]
                yield Day(
                    session=session,
                    opens=opens,
                    closes={s: Decimal(repr(bar[3])) for s, bar in bars.items()},
                    ranges={s: (bar[1], bar[2]) for s, bar in bars.items()},
                    volumes={s: bar[4] for s, bar in bars.items()},
                    actions=view.actions[session],
                    next_splits={
                        a.symbol: a.value for a in view.actions[next_session(session)] if a.action_type == "split"
                    },
                    votes=votes[session],
                    rules=rules[session],
                    restricted=frozenset(s for s, flag in facts.members[session].items() if flag),
                    members=frozenset(facts.members[session]),
                    renames=view.changes,
                    movements=movements[session],
                    resplit=view.resplit if session == view.sessions[0] else frozenset(),
                    told=told if session == view.sessions[0] else (),
                    executed=executed_in(connection, account_of(rules[session]), session, opens)
                    if rules[session].get("broker") else None,
                    lookback=view.history.at(session),
                    index=(benchmark,) if benchmark else tuple(facts.members[session]),
                    sectors=facts.sectors[session],
                )

    def _rules(self, connection: Connection, sessions: Sequence[dt.date]) -> dict[dt.date, dict[str, Any]]:
        """Return what each session is decided by: as stored for one decided before, else as set now."""
        stored = {
            row["session_date"]: row["rules"]
            for row in connection.execute(
                load_sql("stage_runs/select_rules"), {"stage": self.context.stage, "sessions": list(sessions)}
            )
        }
        refuse_older(stored, () if self.context.window.mode == "catch_up" else sessions)
        settings = self.context.settings
        now = rules_now(connection, settings, current_account(connection, settings))
        models: dict[dt.date, list[str]] = defaultdict(list)
        for row in connection.execute(load_sql("stage_runs/select_models"), {"sessions": list(sessions)}):
            models[row["session_date"]].append(row["model"])
        newest = self.context.sessions[-1]
        return {
            s: stored.get(s) or {**now, "models": models[s], **({"missed": s != newest} if "broker" in now else {})}
            for s in sessions
        }


def _details(days: Sequence[Day], done: Pass) -> dict[dt.date, dict[str, Any]]:
    """Return what stands beside each session once it is completed: its rules, counts, warnings and equity."""
    counts: dict[dt.date, dict[str, Any]] = {d.session: {"rows": 0, "rules": d.rules} for d in days}
    for name in ("targets", "decisions", "orders", "placed", "fills"):
        for record in getattr(done, name):
            detail = counts[record.session_date]
            detail[name] = detail.get(name, 0) + 1
            detail["rows"] += 1
    for skipped in done.skipped:
        counts[skipped.session_date].setdefault("warnings", []).append(skipped.reason)
    for snapshot in done.snapshots:
        counts[snapshot.session_date]["equity_usd"] = str(snapshot.equity_usd)
    return counts
