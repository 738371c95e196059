"""A share that is renamed and leaves the market in the same session."""

from __future__ import annotations

from decimal import Decimal

import pytest

from models.exits import Vote
from plugins.execution.differences import explain_positions
from plugins.stages.trading_state import Executed
from tests.support.trading_days import Account, Bar, make_days

BRACKET = Vote(1.0, stop_loss=0.05, take_profit=0.10)
QUIET = Bar((100.0, 100.0, 100.0, 100.0), BRACKET)


def renamed_and_gone(**more):
    """Ten shares of A with two exits; then a session from which A is B, without a bar or a place in the universe."""
    done = Account().take(make_days([QUIET, QUIET], pays_out_delisted=True))
    (day,) = make_days([Bar(None)], symbol="B", first=2, pays_out_delisted=True)
    for name, value in {"renames": [("A", "B", day.session)], **more}.items():
        object.__setattr__(day, name, value)
    return done.take([day])


def test_it_is_paid_out_once_under_its_new_ticker_and_nothing_of_it_rests():
    done = renamed_and_gone()
    assert "A" not in done.state.book.positions and done.state.book.positions["B"].quantity == 0
    paid = [e for e in done.done.ledger if e.kind == "delisting"]
    assert sum(e.amount_usd for e in paid) == 0 and {e.symbol for e in paid} == {"B"}
    assert [e.amount_usd for e in paid if e.ledger_account == "cash"] == [Decimal(1000)]
    assert done.state.book.cash == Decimal(1000) and done.held()[-1] == 0
    assert done.resting("A") == done.resting("B") == {} and not done.state.exits and not done.state.orders
    assert {c.symbol for c in done.done.cancelled} <= {"A", "B"} and len(done.done.cancelled) == 2
    assert done.done.parity[-1].account_usd == done.done.parity[-1].engine_usd


def test_an_order_for_it_that_was_out_expires():
    done = Account().take(make_days([QUIET], pays_out_delisted=True))
    (order,) = done.state.orders
    (day,) = make_days([Bar(None)], symbol="B", first=1, pays_out_delisted=True)
    object.__setattr__(day, "renames", [("A", "B", day.session)])
    done.take([day])
    assert [e.client_order_id for e in done.done.expired] == [order.client_order_id] and not done.done.fills


@pytest.mark.parametrize("there", [{}, {"A": Decimal(10)}])
def test_a_real_broker_says_itself_what_became_of_it_and_a_difference_is_told(there):
    done = renamed_and_gone(executed=Executed())
    held = {p.symbol: p.quantity for p in done.state.book.positions.values() if p.quantity}
    assert held == {"B": 10} and not [e for e in done.done.ledger if e.kind == "delisting"]
    assert explain_positions(held, {"B": Decimal(10)}) == []
    assert any("B 0 at the broker, 10 in the books" in line for line in explain_positions(held, there))
