"""Every session of the account beside what the backtest engine would have done with the same approved changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from data_layer.sessions import previous_session
from models.parity import Bars, Costs, Opening, compare
from models.records import Order
from plugins.stages.cash import YEAR
from plugins.stages.trading_state import Day, Pass, State, of_session

CARRIED = {"interest", "borrow"}  # kinds of entries that a night leaves
MOVED = {"deposit", "withdrawal", "adoption"}  # kinds that are nobody's profit


def note_opening(state: State, day: Day) -> None:
    """Keep the account as it is before a session, for what the engine would have made of it."""
    approved, decided = dict(state.approved), previous_session(day.session)
    for old, new, effective in day.renames:
        if old in approved and decided < effective:  # as the orders that were made of them
            approved[new] = approved.pop(old)
    approved = {s: change for s, change in approved.items() if not day.in_old_shares(s)}
    state.opening = Opening(state.book.cash, dict(state.book.positions), approved, state.rejected)
    state.exits_out = {}


def note_exits(state: State, day: Day) -> None:
    """Keep the exits that rest once the session has opened; a trailing stop with the price it stands at."""
    state.exits_out = {
        symbol: [
            replace(o, stop_price=state.exits[symbol].trailing) if o.order_type == "trailing_stop" else o
            for o in orders
        ]
        for symbol, orders in state.resting.items()
        if symbol in day.opens
    }


def note_parity(state: State, day: Day, result: Pass) -> None:
    """Compare the session; the first of an account has nothing to be compared with."""
    opening, snapshot = state.opening, result.snapshots[-1]
    if opening is None or (not opening.cash and not opening.positions):
        return
    bars = Bars(day.opens, _ranges(day, state.exits_out), day.closes, day.actions, day.volumes)
    names = ("commission_per_share", "commission_minimum")
    per_share, minimum = (Decimal(day.rules[name]) for name in names)
    cash_rate, borrow_rate = (Decimal(day.rules.get(name, "0")) / YEAR for name in ("cash_rate", "borrow_rate"))
    share = day.rules.get("volume_share")  # none in sessions decided before there was one
    slippage = Decimal(day.rules["slippage_bps"]) / 10_000
    most = Decimal(share) if share else None
    costs = Costs(per_share, minimum, slippage, cash_rate, borrow_rate, most)
    before = opening.cash + sum((p.market_value_usd for p in opening.positions.values()), Decimal(0))
    carried = moved = Decimal(0)
    for entry in reversed(result.ledger):
        if entry.session_date != day.session:
            break
        if entry.ledger_account == "cash":
            carried += entry.amount_usd if entry.kind in CARRIED else 0
            moved += entry.amount_usd if entry.kind in MOVED else 0
    result.parity.append(compare(
        day.session, opening, bars, state.exits_out, costs, of_session(result.fills, day.session), carried,
        snapshot.equity_usd - before - moved,
    ))  # fmt: skip


def _ranges(day: Day, exits: Mapping[str, Sequence[Order]]) -> dict[str, tuple[Decimal, Decimal]]:
    return {symbol: day.range(symbol) for symbol in exits}
