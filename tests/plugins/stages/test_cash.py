"""What can be taken out of an account: not what is ordered for, nor what a short sale brought in."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from models.exits import Vote
from models.records import CashMovement
from tests.support.trading_days import Account, Bar, make_days

FREE = {"withdraws_free_cash": True}
SHORT, LONG = (Vote(score, None, None, None) for score in (-0.98, 0.98))


def taken(score, at, amount, **rules):
    """Take amounts out at a session of an account of 100,000 that wants 98 % of it in one share at 100 USD."""
    days = make_days([Bar((100.0, 100.0, 100.0, 100.0), score)] * 4, initial_cash="100000", **rules)
    out = CashMovement(days[at].session, "withdrawal", Decimal(amount))
    days[at] = replace(days[at], movements=[out])
    account = Account().take(days)
    return account, [out] == account.done.refused


@pytest.mark.parametrize(
    ("score", "at", "most"),
    [(SHORT, 2, 2000), (SHORT, 1, 2000), (LONG, 1, 2000), (LONG, 2, 2000)],
    ids=["short", "short-ordered", "ordered", "held"],
)
def test_a_withdrawal_leaves_what_is_held_and_ordered_for_paid(score, at, most):
    account, refused = taken(score, at, most, **FREE)
    assert not refused and all(s.gross_exposure_usd <= s.equity_usd for s in account.done.snapshots)
    account, refused = taken(score, at, most + 1, **FREE)
    assert refused and account.state.book.mark(account.done.snapshots[-1].session_date, {}).equity_usd == 100_000


def test_a_deposit_of_the_same_open_counts():
    days = make_days([Bar((100.0, 100.0, 100.0, 100.0), LONG)] * 2, initial_cash="100000", **FREE)
    moved = [CashMovement(days[1].session, kind, Decimal(5000)) for kind in ("withdrawal", "deposit")]
    days[1] = replace(days[1], movements=moved)
    assert not Account().take(days).done.refused


def test_a_session_decided_before_there_was_such_a_rule_is_decided_by_its_own():
    account, refused = taken(SHORT, 2, 150_000)
    assert not refused and account.done.snapshots[2].equity_usd == -50_000
