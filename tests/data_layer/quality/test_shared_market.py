"""The gate on twenty years of real bars: the known defects are found, true big moves pass."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pandas as pd
import pyarrow.parquet as pq
import pytest

from data_layer.quality.action_checks import check_actions
from data_layer.quality.adjusted import compare_adjusted
from data_layer.quality.cross_checks import cross_checks
from data_layer.quality.row_checks import check_rows
from data_layer.quality.thresholds import load_thresholds

NOW = dt.datetime(2021, 6, 1, tzinfo=dt.UTC)
LIMITS = load_thresholds()
# Symbol, session, check and severity of what is known to be wrong, and why.
DEFECTS = [
    # One day at a third below the days before and after, its whole range with it.
    ("CMCSA", "2004-08-02", "spike", "defect"),
    ("IRM", "2006-02-02", "spike", "defect"),
    # Two days already in the price basis of the spin-off that came weeks later.
    ("APTV", "2017-11-16", "spike", "defect"),
    ("APTV", "2017-11-21", "spike", "defect"),
    # Halved overnight by splits that the file does not record.
    ("TRMB", "2007-02-26", "unrecorded_split", "suspect"),
    ("WST", "2004-09-30", "unrecorded_split", "suspect"),
    # The spin-off of its mobile business is not recorded beside the consolidation of the same day.
    ("MSI", "2011-01-04", "jump", "suspect"),
    # Recorded, but the price does not move by it: another day, or another amount.
    ("MCO", "2000-10-03", "action_without_jump", "defect"),
    ("GNRC", "2010-02-12", "action_without_jump", "defect"),
    ("TMUS", "2013-05-01", "action_without_jump", "defect"),
    ("SO", "2001-04-03", "action_without_jump", "defect"),
    ("FMC", "2019-02-22", "action_without_jump", "suspect"),
    # A range of prices without a share traded; and days without any trading at all.
    ("ODFL", "2000-08-15", "zero_volume", "defect"),
    ("CHTR", "2010-02-17", "zero_volume", "suspect"),
    ("CHTR", "2010-02-17", "stale_repeat", "suspect"),
    # The very same bar twice, shares traded included.
    ("SPGI", "2014-12-09", "stale_repeat", "defect"),
    # Bad prints within the day.
    ("EMR", "2000-09-25", "far_extreme", "suspect"),
    ("DHI", "2003-07-22", "far_extreme", "suspect"),
]
# True: a crash, a rescue, a pandemic, earnings. Flagged where they pass thirty percent, stored all the same.
TRUE_MOVES = [
    ("AAPL", "2000-09-29"),
    ("AIG", "2008-09-15"),
    ("WFC", "2008-10-13"),
    ("BAC", "2009-01-20"),
    ("C", "2009-03-10"),
    ("BAC", "2009-03-10"),
    ("LNC", "2008-10-10"),
    ("UNH", "2008-10-13"),
    ("OXY", "2020-03-09"),
    ("PENN", "2020-03-18"),
    ("AAL", "2020-03-24"),
    ("NFLX", "2013-04-23"),
    ("ALGN", "2020-10-22"),
    ("UAL", "2008-09-08"),
]


@pytest.fixture(scope="module")
def market(shared_market):
    rows = pq.read_table(shared_market).to_pandas()
    return rows.assign(date=pd.to_datetime(rows["date"]), date_text="")


@pytest.fixture(scope="module")
def checked(market):
    return check_rows(market, source="files", now=NOW)


@pytest.fixture(scope="module")
def actions(market):
    parts = []
    for column, kind, nothing in (("dividend", "dividend", 0.0), ("split_ratio", "split", 1.0)):
        rows = market[market[column] != nothing]
        values = [Decimal(repr(value)) for value in rows[column]]
        days = [stamp.date() for stamp in rows["date"]]
        parts.append(
            pd.DataFrame({"symbol": rows["symbol"], "ex_date": days, "action_type": kind, "value": values})
        )
    received = pd.concat(parts, ignore_index=True)
    previous = market.groupby("symbol")[["date", "close"]].shift()
    eves = previous.assign(symbol=market["symbol"], ex_date=market["date"].dt.date)
    eves = eves.merge(received[["symbol", "ex_date"]].drop_duplicates()).dropna()
    return check_actions(received, eves, source="files")


@pytest.fixture(scope="module")
def typed_actions(actions):
    accepted = actions.accepted
    return accepted.assign(ex_date=pd.to_datetime(accepted["ex_date"]), value=accepted["value"].astype(float))


@pytest.fixture(scope="module")
def findings(checked, typed_actions):
    return cross_checks(checked.accepted, typed_actions, LIMITS.cross_checks)


def test_no_true_bar_is_put_aside(market, checked, actions):
    assert len(checked.accepted) == len(market) == 1_888_771 and checked.quarantined.empty
    # A spin-off written down as a dividend of twice the price.
    bad = actions.quarantined
    assert [(r.symbol, str(r.session_date)) for r in bad.itertuples()] == [("KSU", "2000-07-13")]


@pytest.mark.parametrize(("symbol", "day", "check", "severity"), DEFECTS, ids=str)
def test_a_known_defect_is_flagged(findings, symbol, day, check, severity):
    rows = findings[(findings["symbol"] == symbol) & (findings["session_date"] == dt.date.fromisoformat(day))]
    assert (check, severity) in set(zip(rows["check_name"], rows["severity"], strict=True))


@pytest.mark.parametrize(("symbol", "day"), TRUE_MOVES, ids=str)
def test_a_true_move_is_stored_and_called_no_defect(checked, findings, symbol, day):
    bars = checked.accepted
    assert ((bars["symbol"] == symbol) & (bars["date"] == day)).sum() == 1
    rows = findings[(findings["symbol"] == symbol) & (findings["session_date"] == dt.date.fromisoformat(day))]
    assert set(rows["severity"]) <= {"suspect"}


def test_what_is_called_a_defect_is_rare(findings):
    counts = findings.groupby(["check_name", "severity"]).size().to_dict()
    assert counts == {
        ("action_without_jump", "defect"): 4,
        ("action_without_jump", "suspect"): 6,
        ("far_extreme", "suspect"): 46,
        ("jump", "suspect"): 288,
        ("spike", "defect"): 5,
        ("spike", "suspect"): 6,
        ("stale_repeat", "defect"): 5,
        ("stale_repeat", "suspect"): 39,
        ("unrecorded_split", "suspect"): 11,
        ("zero_volume", "defect"): 1,
        ("zero_volume", "suspect"): 182,
    }


def test_adjusted_closes_are_rebuilt_for_nine_symbols_in_ten(market, checked, typed_actions, actions):
    vendor = market[["symbol", "date", "adjusted_close"]]
    refused = {(r.symbol, str(r.session_date)) for r in actions.quarantined.itertuples()}
    rebuilt = compare_adjusted(checked.accepted, typed_actions, vendor, refused, LIMITS.adjusted.tolerance)
    assert len(rebuilt) == 397 and rebuilt["within"].sum() == 366
    causes = rebuilt[~rebuilt["within"]].set_index("symbol")
    assert (causes["cause"] != "").all()
    told = {s: (str(r["first_date"]), r["cause"]) for s, r in causes.iterrows()}
    assert told["KSU"][0] == "2000-07-13" and "in quarantine" in told["KSU"][1]
    assert told["TRMB"] == ("2007-02-23", "a split of 2 is not recorded; the price moves on 2007-02-26")
    assert told["ZBRA"][1] == "the vendor applies the split recorded on 2004-08-26 1 session(s) too early"
    assert "a split of 0.5 of the same day is not recorded" in told["TMUS"][1]
    assert "the vendor divides it by the close after" in told["MCO"][1]
