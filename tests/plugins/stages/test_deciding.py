"""What a session decides: blending, holding for so long, latching by itself; no database."""

from __future__ import annotations

import datetime as dt

import pytest

from models.exits import Vote
from models.portfolio_weights import METHODS
from tests.support.trading_days import CALENDAR, RULES, WIDE, Account, Bar, make_days

LONG = Vote(1.0)


def bars(closes, vote=LONG):
    return [Bar((c, c, c, c), vote) for c in closes]


def decisions(done, days):
    """Return each session's decision, None where nothing was wanted."""
    found = {d.session_date: d for d in done.done.decisions}
    return [found[d.session].decision if d.session in found else None for d in days]


def limits(**changed):
    return {**WIDE, **changed}


def portfolio(**changed):
    return {**RULES["portfolio"], "full_score_weight": 0.5, **changed}


def test_a_drawdown_latches_in_the_session_that_finds_it_and_arms_itself_later():
    closes = [10, 10, 10, 7.5, 7, 7, 7, 7, 7]  # half of the account loses a quarter: 12.5 %
    days = make_days(bars(closes), limits=limits(max_drawdown=0.1), rearm_sessions=3, portfolio=portfolio())
    done = Account().take(days)
    watched = done.done.watched
    assert [w.watch.event for w in watched] == ["", "", "", "latched", "", "", "rearmed", "", ""]
    assert [bool(w.kill_switch) for w in watched] == [False] * 3 + [True] * 3 + [False] * 3
    found = decisions(done, days)
    assert "rejected" in found[3:6] and "approved" not in found[3:6]
    assert (
        "kill switch is latched: drawdown of 12."
        in next(d for d in done.done.decisions if d.decision == "rejected").reason
    )
    assert "approved" in found[6:]  # measured anew from where it was armed
    assert watched[6].watch.reason == f"3 sessions after: {watched[3].watch.reason}"
    for_good = Account().take(make_days(bars(closes), limits=limits(max_drawdown=0.1), portfolio=portfolio()))
    assert all(w.kill_switch for w in for_good.done.watched[3:])


def test_a_loss_latches_and_a_hand_arms_it():
    days = make_days(
        bars([10, 10, 10, 8.9, 8.9, 8.9]), limits=limits(max_session_loss=0.05), portfolio=portfolio()
    )
    for day in days[5:]:
        object.__setattr__(day, "rules", {**day.rules, "last_rearm": 4})
    done = Account().take(days)
    assert [w.watch.cause for w in done.done.watched] == ["", "", "", "loss", "loss", ""]
    assert done.done.watched[5].watch.last_rearm == 4


def test_while_latched_by_hand_nothing_passes_and_the_fall_is_followed_on():
    days = make_days(bars([10] * 4), kill_switch="no trust")
    done = Account().take(days)
    assert decisions(done, days) == ["rejected"] * 4
    assert [w.kill_switch for w in done.done.watched] == ["no trust"] * 4
    assert [w.watch.cause for w in done.done.watched] == [""] * 4


def test_what_was_held_too_long_ends_with_its_reason_and_waits_for_the_score_to_turn():
    votes = [LONG] * 8 + [Vote(0.0)] + [LONG] * 3
    days = make_days([Bar((10.0,) * 4, v) for v in votes], portfolio=portfolio(max_holding_sessions=3))
    done = Account().take(days)
    assert done.held() == [0, 50, 50, 50, 0, 0, 0, 0, 0, 0, 50, 50]
    reasons = [t.reason for t in done.done.targets if t.reason]
    assert reasons[0] == "held for 3 sessions, the most is 3"
    assert set(reasons[1:]) == {"an exit has ended it: not again before the score turns"}


def test_monthly_weights_are_decided_in_a_months_first_session():
    first = CALENDAR.index(dt.date(2000, 3, 30))
    closes = [10, 10, 10, 12, 12, 12]  # 30 and 31 March, then April
    days = make_days(bars(closes), first=first, portfolio=portfolio(rebalance="monthly", min_change=0.0))
    done = Account().take(days)
    assert done.held() == [0, 0, 0, 50, 50, 50]  # decided at the close of 3 April, never adjusted after
    days = make_days(
        bars(closes[:4]) + bars(closes[4:], Vote(0.0)), first=first, portfolio=portfolio(rebalance="monthly")
    )
    assert Account().take(days).held() == [0, 0, 0, 50, 50, 0]  # but closed when it is wanted no more


@pytest.mark.parametrize("method", METHODS)
def test_every_method_takes_a_session(method):
    done = Account().take(make_days(bars([10] * 4), portfolio=portfolio(method=method, max_gross=0.5)))
    assert done.done.targets
    assert all(abs(t.target_weight) <= 0.5 + 1e-9 for t in done.done.targets)


def test_what_is_not_published_is_not_wanted():
    rules = {**RULES["ensemble"], "publish_threshold": 0.6}
    votes = [Vote(0.5, confidence=0.5), Vote(0.7), Vote(0.5, confidence=0.5)]
    done = Account().take(
        make_days([Bar((10.0,) * 4, v) for v in [*votes, votes[2]]], ensemble=rules, portfolio=portfolio())
    )
    assert [bool(b.published[0]) for _, b in done.done.blends] == [False, True, False, False]
    assert done.held() == [0, 0, 35, 0]


def test_a_real_broker_closes_a_holding_before_the_other_side_is_opened():
    """The simulated account goes through zero in one order; Alpaca refuses such an order."""

    def turned(**rules):
        votes = [(LONG, {}), (LONG, {}), (Vote(-1.0), rules)]
        days = make_days([Bar((10.0, 10.0, 10.0, 10.0), v, rules=r) for v, r in votes], portfolio=portfolio())
        aim = Account().take(days).done.targets[-1]
        return aim.current_quantity, aim.target_quantity, aim.target_weight, aim.reason

    assert turned() == (50, -50, -0.5, "")
    assert turned(broker="alpaca", exits="at_close") == (50, 0, 0.0, "closed first: the other side is opened from flat")
