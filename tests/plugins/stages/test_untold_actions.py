"""Splits and dividends that are told, or told otherwise, after what rests on them was decided."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from models.errors import DataQualityError
from models.exits import Vote
from plugins.stages.trading_state import Told
from tests.support.trading_days import Account, Bar, make_days

TODAY = {"expires_in_old_shares": True, "books_told_late": True}
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


def told_at(at, *told, dividends=(), scores=(LONG,) * 5, **rules):
    """Take five sessions at 100 USD a share, 500 shares wanted; actions of earlier sessions are told at one of them.

    Args:
        at: number of the session.
        told: action type, number of its session, value before and now.
        dividends: by number of the session what is known in time.
    """
    paid = dict(dividends)
    bars = [Bar((100.0,) * 4, score, dividend=paid.get(i, 0.0)) for i, score in enumerate(scores)]
    days = make_days(bars, initial_cash="50000", **{**TODAY, **rules})
    news = [
        Told("A", days[i].session, kind, *(None if v is None else Decimal(v) for v in values))
        for kind, i, *values in told
    ]
    days[at] = replace(days[at], told=news)
    return Account().take(days)


def dividends_of(account):
    start = [s.session_date for s in account.done.snapshots]
    cash = [e for e in account.done.ledger if e.kind == "dividend" and e.ledger_account == "cash"]
    assert all(p.engine_usd == p.account_usd for p in account.done.parity)
    assert sum(e.amount_usd for e in account.done.ledger) == 0
    return [(start.index(e.session_date), float(e.amount_usd)) for e in cash]


OUT = Vote(0.0, None, None, None)


@pytest.mark.parametrize(
    ("told", "dividends", "scores", "booked"),
    [
        ([("dividend", 2, None, "0.5")], {}, [LONG] * 5, [(4, 250)]),
        ([("dividend", 2, None, "0.5")], {}, [LONG, LONG, OUT, OUT, OUT], [(4, 250)]),  # sold at the next open
        ([("dividend", 1, None, "0.5")], {}, [LONG] * 5, []),  # bought at that open
        ([("dividend", 3, "0.5", None)], {3: 0.5, 4: 0.5}, [LONG] * 5, [(3, 250), (4, -250), (4, 250)]),
        ([("dividend", 3, "0.5", None)], {3: 0.5, 4: 0.5}, [LONG, LONG, OUT, OUT, OUT], [(3, 250), (4, -250)]),
        ([("dividend", 2, "0.5", "0.6")], {2: 0.5}, [LONG] * 5, [(2, 250), (4, 50)]),
    ],
    ids=["late", "late-sold", "late-not-held", "moved", "moved-behind-the-sale", "corrected"],
)
def test_a_dividend_told_otherwise_since_is_paid_once_on_the_shares_held_then(told, dividends, scores, booked):
    assert dividends_of(told_at(4, *told, dividends=dividends, scores=scores)) == booked


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [(None, "2", "was not known.*now it is 2"), ("2", None, "was booked as 2.*now there is none")],
)
def test_a_split_told_otherwise_since_stops_an_account_that_held_it(before, now, words):
    with pytest.raises(DataQualityError, match=f"split of A on .*{words}.*reset-account"):
        told_at(4, ("split", 3, before, now))
    assert told_at(4, ("split", 1, before, now)).held() == [0] + [500] * 4  # bought at that open
    assert told_at(4, ("split", 3, before, now), books_told_late=False).held() == [0] + [500] * 4
