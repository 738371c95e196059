"""What a session does at a real broker, beside the steps it shares with the simulated account.

Before the books: read the broker, write down what it says. After them: compare holdings and cash. At the end:
send what was approved. Whatever nobody can explain latches the kill switch; the session still ends, sending nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from data_layer.brokers.base import Broker, CashActivity
from data_layer.sessions import next_session, opens_at
from data_layer.storage.audit import event, write_events
from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, load_sql, take_lock, transaction
from data_layer.storage.kill_switch import read_switch
from plugins.execution.approval import block_orders, use_approval
from plugins.execution.cancelling import cancel_older, cancel_open, free_symbols
from plugins.execution.collar import trades_of
from plugins.execution.differences import explain_cash, explain_positions
from plugins.execution.opening import Opened, open_account
from plugins.execution.sending import STAGE, send_batch
from plugins.execution.truth import Truth, ask_broker, booked_in, latch_unknown, note_truth
from plugins.stages.cash import current_account
from plugins.stages.context import Context
from plugins.stages.trading_state import Day, State


class RealSession:
    """One run's dealings with a real broker."""

    def __init__(self, context: Context, broker: Broker):
        self.context, self.broker = context, broker
        self.uri = context.uri

    def read(self, before: dt.date, sessions: Sequence[dt.date]) -> tuple[Opened, Truth]:
        """Read the broker and write down what it says of the sessions to be booked; cancel what is out too long.

        Args:
            before: the session before the newest: an account begins with it.
            sessions: due, in order.
        """
        opened = open_account(self.uri, self.broker, before)
        if not self.context.settings.dry_run:
            cancel_older(self.uri, opened.account, self.broker, sessions[-1])
        due = [s for s in sessions if s > opened.session]
        truth = ask_broker(self.uri, opened.account, self.broker, due[0], opened.session)
        with transaction(self.uri) as connection:
            take_lock(connection, self.context.stage)
            strange = note_truth(connection, opened.account, due, truth)
        latch_unknown(self.uri, opened.account, strange)
        return opened, truth

    def compare(self, opened: Opened, truth: Truth, state: State, day: Day) -> None:
        """Compare the books of the newest session with the broker; latch what nothing explains."""
        later = [e for e in truth.executions if booked_in(e, [day.session]) is None]
        held = {p.symbol: p.quantity for p in state.book.positions.values() if p.quantity}
        problems = explain_positions(held, truth.holdings.positions, later, day.next_splits)
        spent = sum(
            ((1 if e.side == "buy" else -1) * e.price * e.quantity + e.commission_usd for e in later),
            Decimal(0),
        )
        with transaction(self.uri) as connection:
            key = {"account_id": opened.account}
            booked = connection.execute(load_sql("broker_cash/select_of_account"), key).fetchall()
            credited = connection.execute(load_sql("broker_cash/select_dividends"), key).fetchall()
            renames = connection.execute(load_sql("symbol_changes/select_tickers")).fetchall()
            found = explain_cash(
                state.book.cash - spent, truth.holdings.cash_usd, truth.activities,
                [r["activity_id"] for r in booked if r["session_date"] <= day.session],
                [(r["symbol"], r["session_date"], r["amount_usd"]) for r in credited],
                [(r["ticker"], r["begins"], r["ends"], r["symbol"]) for r in renames],
            )  # fmt: skip
            self._note_cash(connection, opened.account, next_session(day.session), found.to_book)
        if not found.is_explained:
            problems.append(f"cash nobody can explain: {found.unexplained_usd} USD at the broker")
        latch_unknown(self.uri, opened.account, problems)

    def send(self, session: dt.date) -> dict[str, Any]:
        """Send what is planned and approved; with the kill switch on, cancel what is out instead.

        In either case exits of shares that split before the next open, or are restricted, make way. A dry run sends
        nothing, also when it was none as the session began; with the switch on it cancels.
        """
        with transaction(self.uri) as connection:
            account = current_account(connection, self.context.settings)
            latched = read_switch(connection, account).reason
        dry_run = self.context.settings.dry_run
        if latched:
            cancelled = sum(cancel_open(self.uri, account, self.broker).values())
            free_symbols(self.uri, account, session, self.broker, trades=False, unfit=not dry_run)
            return {"cancelled": cancelled}
        if dry_run:
            return {"dry_run": self._hold_back(account, session)}
        run_id = self.context.request.run_id
        blocked = self._too_late(account, session) or use_approval(self.uri, account, session, run_id)
        held = free_symbols(self.uri, account, session, self.broker, trades=not blocked)
        if blocked:
            return {"blocked": blocked}
        ask_trades = trades_of(self.context.settings)
        return send_batch(
            self.uri, account, session, self.broker, ask_trades, run_id=run_id, held=held
        ).states

    def _hold_back(self, account: str, session: dt.date) -> int:
        """Leave what waits planned for good, as in a session begun as a dry run; return how many orders."""
        with transaction(self.uri) as connection:
            key = {"account_id": account, "session": session}
            held = connection.execute(load_sql("orders/update_dry_run"), key).rowcount
            if held:
                name = f"held_back/{account}/{session}"
                write_events(connection, [event(name, "execution.blocked", session, STAGE, {"reason": "dry_run"})])
        return held

    def _too_late(self, account: str, session: dt.date) -> str:
        """Block what is planned once its open has gone by: the broker would keep it for another one. Return why."""
        opening = opens_at(next_session(session))
        now = self.broker.clock()
        if now < opening:
            return ""
        reason = f"its open, {opening:%Y-%m-%d %H:%M} UTC, has gone by: it is {now:%Y-%m-%d %H:%M} at the broker"
        with transaction(self.uri) as connection:
            block_orders(connection, account, session, reason)
        return reason

    def _note_cash(
        self, connection: Connection, account: str, session: dt.date, found: Sequence[CashActivity]
    ) -> None:
        rows = [{"activity_id": a.activity_id, "kind": a.kind, "symbol": a.symbol, "amount_usd": str(a.amount_usd)}
                for a in found]  # fmt: skip
        values = {"account_id": account, "session": session, "rows": json_text(rows)}
        connection.execute(load_sql("broker_cash/insert_cash"), values)
