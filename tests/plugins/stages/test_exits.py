"""Exits of the account, worked by hand: entry at 100, stop 5 % below, target 10 % above, no costs."""

from __future__ import annotations

from decimal import Decimal

import pytest

from models.exits import Vote
from tests.support.trading_days import RULES, Account, Bar, make_days

LONG = Vote(1.0, stop_loss=0.05)
SHORT = Vote(-1.0, stop_loss=0.05)
BRACKET = Vote(1.0, stop_loss=0.05, take_profit=0.10)
TRAIL = Vote(1.0, trailing_stop_usd=4.0)
QUIET = (100.0, 100.0, 100.0, 100.0)
BOUGHT = (1, "buy", 10, 100.0)  # decided at the first close, filled at the second open


def account(*bars, **rules):
    return Account().take(make_days([b if isinstance(b, Bar) else Bar(*b) for b in bars], **rules))


def quiet(vote, times=2):
    return [Bar(QUIET, vote)] * times


def test_a_stop_fills_inside_the_bar_at_its_price():
    done = account(*quiet(LONG), Bar((99, 99, 94, 98), LONG))
    assert done.fills() == [BOUGHT, (2, "sell", 10, 95.0)]
    assert done.held() == [0, 10, 0]
    assert done.resting() == {}
    (hit,) = done.done.hit.values()
    assert (hit.order_type, hit.stop_price, hit.parent) == ("stop", 95, done.done.orders[0].client_order_id)


def test_a_stop_that_the_open_has_jumped_over_fills_at_the_open():
    assert account(*quiet(LONG), Bar((90, 97, 89, 96), LONG)).fills()[1:] == [(2, "sell", 10, 90.0)]
    shorted = account(*quiet(SHORT), Bar((112, 113, 104, 105), SHORT))
    assert shorted.fills() == [(1, "sell", 10, 100.0), (2, "buy", 10, 112.0)]


def test_a_target_that_the_open_has_jumped_over_fills_at_the_open():
    assert account(*quiet(BRACKET), Bar((115, 116, 112, 113), BRACKET)).fills()[1:] == [
        (2, "sell", 10, 115.0)
    ]


def test_stop_before_target_when_a_bar_holds_both():
    done = account(*quiet(BRACKET), Bar((100, 120, 90, 119), BRACKET))
    assert done.fills()[1:] == [(2, "sell", 10, 95.0)]
    assert [(c.reason, c.session_date) for c in done.done.cancelled] == [
        ("another exit has filled", done.done.snapshots[2].session_date)
    ]
    assert account(*quiet(BRACKET), Bar((100, 110, 96, 97), BRACKET)).fills()[1:] == [(2, "sell", 10, 110.0)]


def test_exits_live_within_the_bar_of_the_entry():
    done = account(Bar(QUIET, BRACKET), Bar((100, 101, 94, 99), BRACKET))
    assert done.fills() == [BOUGHT, (1, "sell", 10, 95.0)]
    assert done.done.placed[0].session_date == done.done.fills[1].session_date


def test_stops_slip_and_targets_do_not():
    costs = {"slippage_bps": "100", "initial_cash": "1055"}
    stopped = account(*quiet(LONG), Bar((101, 101, 90, 95), LONG), **costs)
    # bought at 101, so the stop is 5 % below that, and sold another 1 % lower
    assert stopped.fills() == [(1, "buy", 10, 101.0), (2, "sell", 10, 94.9905)]
    assert stopped.done.fills[1].slippage_usd == Decimal("9.595")
    target = account(*quiet(BRACKET), Bar((101, 115, 100, 112), BRACKET), **costs)
    assert target.fills()[1] == (2, "sell", 10, 111.1)


def test_a_trailing_stop_moves_at_the_close_for_the_next_bar():
    done = account(
        *quiet(TRAIL),  # at the close of the entry bar it stands at 100 - 4
        Bar((100, 110, 97, 109), TRAIL),  # the high of this bar counts from the next one on
    )
    assert done.held()[-1] == 10
    assert done.resting() == {"trailing_stop": (10, 96.0)}
    assert done.state.exits["A"].trailing == 106
    done.take(make_days([Bar((109, 109, 106.5, 108), Vote(1.0, trailing_stop_usd=9.0))], first=3))
    assert done.held()[-1] == 10
    assert done.state.exits["A"].trailing == 106  # a wider distance does not take it back
    done.take(make_days([Bar((108, 108, 107, 108), Vote(1.0, trailing_stop_usd=3.5))], first=4))
    assert done.state.exits["A"].trailing == 106.5  # below the highest high, not below this bar's
    done.take(make_days([Bar((108, 108, 105, 107), TRAIL)], first=5))
    assert done.fills()[-1] == (5, "sell", 10, 106.5)


def test_of_two_stops_the_nearer_one_counts():
    both = Vote(1.0, stop_loss=0.05, trailing_stop_usd=2.0)
    assert account(*quiet(both), Bar((99, 99, 90, 91), both)).fills()[1:] == [(2, "sell", 10, 98.0)]
    wide = Vote(1.0, stop_loss=0.05, trailing_stop_usd=8.0)
    assert account(*quiet(wide), Bar((99, 99, 90, 91), wide)).fills()[1:] == [(2, "sell", 10, 95.0)]


def test_a_split_while_exits_rest_moves_prices_and_quantities():
    vote = Vote(1.0, 0.05, 0.10, 4.0)
    done = account(*quiet(vote), Bar((50, 51, 49, 50), vote, split=2.0))
    assert done.held() == [0, 10, 20]
    assert done.resting() == {"stop": (20, 47.5), "limit": (20, 55.0), "trailing_stop": (20, 48.0)}
    assert done.state.exits["A"].best == 51
    assert {c.reason for c in done.done.cancelled} == {"the holding has changed"}
    done.take(make_days([Bar((49, 49, 46, 47), vote)], first=3))
    assert done.fills()[-1] == (3, "sell", 20, 48.0)
    plain = account(*quiet(LONG, 3), Bar((50, 51, 49, 50), LONG, split=2.0))
    assert plain.resting() == {"stop": (20, 47.5)}


def test_a_session_without_a_bar_leaves_exits_resting():
    done = account(*quiet(TRAIL), Bar(None), Bar((97, 99, 96.5, 98), TRAIL))
    assert done.held() == [0, 10, 10, 10]
    assert done.resting() == {"trailing_stop": (10, 96.0)}
    done.take(make_days([Bar(None), Bar((90, 91, 89, 90), TRAIL)], first=4))
    assert done.fills()[-1] == (5, "sell", 10, 90.0)


def test_a_side_that_an_exit_has_ended_is_not_entered_before_the_score_turns():
    stopped = [*quiet(LONG), Bar((99, 99, 94, 98), LONG), *quiet(LONG)]
    done = account(*stopped)
    assert done.held()[2:] == [0, 0, 0]
    last = done.done.targets[-1]
    assert (last.score, last.target_quantity) == (1.0, 0)
    assert last.reason == "an exit has ended it: not again before the score turns"
    for turn in (Bar(QUIET), Bar(QUIET, Vote(0.0))):
        again = account(*stopped, turn, *quiet(LONG, 3))
        assert again.held()[5:] == [0, 0, 9, 9]  # 950 USD are left
    turned = account(*stopped, *quiet(SHORT), *quiet(LONG))
    assert turned.held()[5:] == [0, -9, -9, 9]


def test_a_holding_that_grows_shrinks_or_closes_has_its_exits_amended():
    half = Vote(0.5, stop_loss=0.05)
    done = account(*quiet(half))
    assert done.resting() == {"stop": (5, 95.0)}
    done.take(make_days([Bar(QUIET, LONG), Bar((110, 110, 110, 110), Vote(0.2, stop_loss=0.01))], first=2))
    # five more at 110: the average cost is 105, and the fraction is that of the entry
    assert done.resting() == {"stop": (10, 99.75)}
    done.take(make_days([Bar((110, 110, 110, 110), None)], first=4))
    assert done.resting() == {"stop": (1, 99.75)}
    done.take(make_days([Bar((110, 110, 110, 110), None)], first=5))
    assert (done.held()[-1], done.resting(), done.state.exits) == (0, {}, {})
    assert [c.reason for c in done.done.cancelled] == [
        "the holding has changed", "the holding has changed", "the holding is closed",
    ]  # fmt: skip
    assert len({o.client_order_id for o in done.done.placed}) == len(done.done.placed) == 3


def test_an_order_through_zero_ends_one_holding_and_begins_another():
    done = account(*quiet(LONG), Bar(QUIET, SHORT), Bar(QUIET, SHORT))
    assert done.held() == [0, 10, 10, -10]
    (stop,) = done.state.resting["A"]
    assert (stop.side, stop.stop_price, stop.parent) == ("buy", 105, done.done.orders[-1].client_order_id)


def test_the_tightest_exits_of_the_models_on_the_holdings_side_count():
    members = [{"model": model, "weight": 1.0, "by_confidence": False} for model in "abcde"]
    days = make_days(quiet(None), models=list("abcde"), ensemble={**RULES["ensemble"], "members": members})
    votes = [
        Vote(0.4, 0.05, 0.2, model="a"),
        Vote(0.1, 0.03, model="b"),
        Vote(0.8, None, 0.3, model="c"),
        Vote(-0.2, 0.01, 0.01, model="d"),
        Vote(0.0, 0.001, model="e"),
    ]
    for day in days:
        object.__setattr__(day, "votes", {"A": votes})
    done = Account().take(days)
    assert {k: p for k, (_, p) in done.resting().items()} == {"stop": 97.0, "limit": 120.0}


def test_exits_rest_and_fill_while_the_kill_switch_is_thrown():
    thrown = {"kill_switch": "the market is mad"}
    done = account(
        Bar(QUIET, LONG), Bar(QUIET, LONG, rules=thrown), Bar((99, 99, 94, 98), LONG, rules=thrown)
    )
    assert done.fills() == [BOUGHT, (2, "sell", 10, 95.0)]


def test_a_restricted_share_is_not_sold_by_an_exit():
    done = account(
        *quiet(LONG), Bar(QUIET, LONG, restricted=True), Bar((90, 90, 80, 85), LONG, restricted=True)
    )
    assert done.fills() == [BOUGHT]
    assert [c.reason for c in done.done.cancelled] == ["the share is restricted"]


def test_a_renamed_share_keeps_its_exits():
    done = account(*quiet(BRACKET))
    (day,) = make_days([Bar((100, 101, 99, 100), BRACKET)], symbol="B", first=2)
    object.__setattr__(day, "renames", [("A", "B", day.session)])
    done.take([day])
    assert done.resting() == {}
    assert done.resting("B") == {"stop": (10, 95.0), "limit": (10, 110.0)}
    assert {c.reason for c in done.done.cancelled} == {"the holding has changed"}
    done.take(make_days([Bar((99, 99, 94, 95), BRACKET)], symbol="B", first=3))
    assert done.fills()[-1] == (3, "sell", 10, 95.0)


def test_at_the_close_nothing_rests_and_the_next_open_sells():
    done = account(*quiet(LONG), Bar((99, 99, 90, 96), LONG), Bar((97, 97, 94, 95), LONG),
                   Bar((93, 93, 92, 92), LONG), Bar(QUIET, LONG), exits="at_close")  # fmt: skip
    assert done.fills() == [BOUGHT, (4, "sell", 10, 93.0)]  # the low of 90 had not counted
    assert done.done.placed == []
    assert [t.reason for t in done.done.targets][2:] == [
        "", "stop reached at the close", *["an exit has ended it: not again before the score turns"] * 2,
    ]  # fmt: skip


def test_an_exit_at_the_close_is_tried_again_when_there_is_no_bar():
    done = account(*quiet(BRACKET), Bar((100, 112, 100, 111), BRACKET), Bar(None), Bar((111, 111, 111, 111), BRACKET),
                   Bar((108, 108, 108, 108), BRACKET), exits="at_close")  # fmt: skip
    assert done.fills() == [BOUGHT, (5, "sell", 10, 108.0)]
    assert done.done.targets[2].reason == "limit reached at the close"


@pytest.mark.parametrize("mode", ["at_close", None])
def test_another_setting_is_for_the_sessions_after(mode):
    """Also back: sessions decided before there were exits stay as they were decided."""
    done = account(*quiet(BRACKET))
    days = make_days([Bar((99, 99, 94, 96), BRACKET)], first=2, exits=mode)
    if mode is None:
        del days[0].rules["exits"]
    assert done.take(days).resting() == {}
    assert done.fills() == [BOUGHT]
    assert {c.reason for c in done.done.cancelled} == {"exits are judged at the close"}
