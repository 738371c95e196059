"""The quality gate for splits and dividends."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_layer.features.adjustment import forward_factors
from data_layer.quality.action_checks import check_actions

DAY = dt.date(2000, 7, 13)
EVE = dt.date(2000, 7, 12)
RUINOUS = "the dividend is not below the close before"
DIFFER = "two actions of one symbol, ex-date and kind differ"
NO_NUMBER = "the value is not a number above zero"


def actions_of(*actions):
    rows = [(s, d, k, v if isinstance(v, str) else Decimal(str(v)), False) for s, d, k, v in actions]
    return pd.DataFrame(rows, columns=["symbol", "ex_date", "action_type", "value", "inferred"])


def eves_of(*eves):
    return pd.DataFrame(list(eves), columns=["symbol", "ex_date", "date", "close"])


def check(*actions, close=93.75):
    keys = {(a[0], a[1]) for a in actions}
    eves = eves_of(*((s, d, EVE, close) for s, d in sorted(keys, key=str)))
    return check_actions(actions_of(*actions), eves, source="test")


def reasons(checked):
    return sorted(
        (r["symbol"], r["raw"]["value"], r["reason"]) for r in checked.quarantined.to_dict("records")
    )


def test_possible_actions_are_accepted_as_received():
    actions = [
        ("A", DAY, "dividend", Decimal("93.74")),
        ("A", DAY, "split", Decimal("0.5")),
        ("B", DAY, "split", 28),
    ]
    checked = check(*actions)
    assert checked.quarantined.empty and checked.duplicates == 0
    assert list(checked.accepted.columns) == ["symbol", "ex_date", "action_type", "value", "inferred"]


@pytest.mark.parametrize(
    "value",
    [
        "abc",
        "",
        "nan",
        Decimal("NaN"),
        Decimal("Infinity"),
        Decimal("-Infinity"),
        Decimal(0),
        Decimal(-1),
        10**6,
    ],
)
@pytest.mark.parametrize("kind", ["split", "dividend"])
def test_a_value_that_is_no_number_above_zero(kind, value):
    checked = check(("A", DAY, kind, value), ("B", DAY, kind, Decimal(1)))
    assert checked.accepted["symbol"].to_list() == ["B"]
    assert [r[2] for r in reasons(checked)] == [NO_NUMBER]


def test_a_dividend_beyond_the_share_is_kept_with_its_day():
    checked = check(("KSU", DAY, "dividend", 181))
    row = checked.quarantined.iloc[0]
    assert (row["symbol"], row["session_date"], row["reason"]) == ("KSU", DAY, RUINOUS)
    assert row["raw"] == {"symbol": "KSU", "ex_date": "2000-07-13", "action_type": "dividend", "value": "181"}


def test_the_close_before_is_the_bound():
    assert reasons(check(("A", DAY, "dividend", Decimal("93.75")))) == [("A", "93.75", RUINOUS)]
    assert reasons(check(("A", DAY, "dividend", Decimal("93.7499")))) == []


def test_a_split_of_the_day_changes_what_a_share_is():
    # Two for one: each new share is worth half of the close before.
    assert reasons(check(("A", DAY, "split", 2), ("A", DAY, "dividend", 50))) == [("A", "50", RUINOUS)]
    assert reasons(check(("A", DAY, "split", Decimal("0.1")), ("A", DAY, "dividend", 181))) == []


def test_dividends_between_two_bars_add_up():
    saturday = dt.date(2000, 7, 15)
    both = [("A", DAY, "dividend", 50), ("A", saturday, "dividend", 50)]
    assert len(reasons(check(*both))) == 2
    assert reasons(check(*both, close=101)) == []


def test_without_a_bar_before_there_is_nothing_to_compare_with():
    checked = check_actions(actions_of(("A", DAY, "dividend", 181)), eves_of(), source="test")
    assert len(checked.accepted) == 1


@pytest.mark.parametrize("kind", ["split", "dividend"])
def test_two_that_differ_are_both_refused(kind):
    checked = check(("A", DAY, kind, 2), ("A", DAY, kind, 3), ("A", EVE, kind, 2), ("B", DAY, kind, 2))
    assert reasons(checked) == [("A", "2", DIFFER), ("A", "3", DIFFER)]
    assert len(checked.accepted) == 2


def test_one_that_is_repeated_is_counted():
    checked = check(("A", DAY, "split", 2), ("A", DAY, "split", 2), ("A", DAY, "split", Decimal("2.0")))
    assert len(checked.accepted) == 1 and checked.duplicates == 2


def test_a_malformed_symbol():
    assert [r[2] for r in reasons(check(("A\n", DAY, "split", 2), ("../x", DAY, "dividend", 1)))] == [
        "malformed symbol"
    ] * 2


def test_no_actions_at_all():
    checked = check()
    assert checked.accepted.empty and checked.quarantined.empty and checked.duplicates == 0


DAYS = [dt.date(2000, 7, d) for d in (10, 11, 12, 15, 17)]  # the 15th has no bar
values = st.sampled_from(["abc", "NaN", "0", "-3", "0.5", "1", "2", "9.99", "10", "30"])
some = st.tuples(st.sampled_from("AB"), st.sampled_from(DAYS), st.sampled_from(["split", "dividend"]), values)


@settings(deadline=None, database=None)
@given(st.lists(some, max_size=10))
def test_whatever_is_accepted_can_be_adjusted_for(found):
    """The gate's reason to be: one impossible action would stop the features of all symbols."""
    bars = pd.DataFrame([(s, d) for s in "AB" for d in DAYS if d.day != 15], columns=["symbol", "date"])
    bars = bars.assign(open=10.0, high=10.0, low=10.0, close=10.0, volume=1)
    eves = [
        (s, d, max(b for b in DAYS if b < d and b.day != 15), 10.0)
        for s in "AB"
        for d in DAYS
        if d != DAYS[0]
    ]
    actions = actions_of(*((s, d, k, v if v == "abc" else Decimal(v)) for s, d, k, v in found))
    checked = check_actions(actions, eves_of(*eves), source="test")
    assert len(checked.accepted) + checked.duplicates + len(checked.quarantined) == len(found)
    factors = forward_factors(bars, checked.accepted.astype({"value": float}))
    assert (factors[["split_factor", "return_factor"]] > 0).all(axis=None)
