"""Splits and dividends that are told, or told otherwise, after what rests on them was decided."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from models.exits import Vote
from tests.support.trading_days import Account, Bar, make_days

TODAY = {"expires_in_old_shares": True}
LONG, FLAT = Vote(1.0, None, None, None), Vote(0.0, None, None, None)


def split_at(at, *votes, ratio=0.1, told=False, **rules):
    """Take sessions at 100 USD a share through a split at one of them; untold, the close before decides without it."""
    bars = [
        Bar((100.0,) * 4 if i < at else (100.0 / ratio,) * 4, vote, ratio if i == at else 1.0)
        for i, vote in enumerate(votes)
    ]
    days = make_days(bars, initial_cash="50000", **rules)
    if not told:
        days[at - 1] = replace(days[at - 1], next_splits={})
        days[at] = replace(days[at], resplit=frozenset({"A"}))
    return Account().take(days)


@pytest.mark.parametrize(
    ("at", "votes", "held"),
    [(1, [LONG, LONG, LONG], [0, 0, 50]), (2, [LONG, FLAT, FLAT, FLAT], [0, 500, 50, 0])],
    ids=["bought", "closed"],
)
def test_an_order_in_shares_of_before_a_split_nobody_told_expires_and_is_decided_anew(at, votes, held):
    account = split_at(at, *votes, **TODAY)
    (expired,) = account.done.expired
    assert (expired.symbol, expired.session_date) == ("A", account.done.snapshots[at].session_date)
    assert "in shares of before a split of A" in expired.reason
    assert account.held() == held and all(s.equity_usd == 50_000 for s in account.done.snapshots)
    assert all(p.engine_usd == p.account_usd for p in account.done.parity)


def test_one_that_was_told_is_in_the_orders_shares():
    account = split_at(2, LONG, FLAT, FLAT, told=True, **TODAY)
    assert account.held() == [0, 500, 0] and not account.done.expired


def test_a_split_that_is_called_off_leaves_its_orders_as_wrong():
    days = make_days([Bar((100.0,) * 4, LONG), Bar((100.0,) * 4, LONG)], initial_cash="50000", **TODAY)
    days[0] = replace(days[0], next_splits={"A": Decimal("0.1")})
    days[1] = replace(days[1], resplit=frozenset({"A"}))
    account = Account().take(days)
    assert account.held() == [0, 0] and len(account.done.expired) == 1


def test_a_session_decided_before_there_was_such_a_rule_fills_as_it_did():
    assert split_at(1, LONG, LONG).held() == [0, 500]
