"""The account's sessions are the engine's to the cent, and a fault is told by its own cause, in full."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_layer.brokers.market import Executions, SimulatedMarket
from data_layer.storage.database import transaction
from models.accounting import Book
from models.exits import Vote
from models.records import CashMovement
from tests.conftest import SMALL
from tests.support.bars import real_bars
from tests.support.chain import query, run_stage, sample_settings
from tests.support.prepared import DUE, change, failed_checks, prepared
from tests.support.trading_days import Account, Bar, make_days

__all__ = ["prepared"]
COSTS = {"commission_per_share": "0.005", "commission_minimum": "1.00", "slippage_bps": "5",
         "cash_rate": "0.02", "borrow_rate": "0.03", "volume_share": "0.1"}  # fmt: skip
CAUSES = ("data_usd", "price_usd", "fee_usd", "missed_usd", "rejected_usd")


def causes(account):
    """Return the causes that differ from zero, each with its sum."""
    rows = account.done.parity
    for row in rows:
        assert row.account_usd - row.engine_usd == sum(getattr(row, c) for c in CAUSES)
    return {c: sum(getattr(r, c) for r in rows) for c in CAUSES if any(getattr(r, c) for r in rows)}


def stopped(side, at):
    return Vote(side, 0.02, 0.04, 3.0) if at % 7 else Vote(0.0, None, None, None)


@pytest.mark.parametrize(
    ("symbol", "start", "end"), [("MSFT", "2002-11-01", "2004-12-31"), ("AAPL", "2004-06-01", "2006-03-31")]
)
def test_years_of_real_bars_are_the_engines_to_the_cent(symbol, start, end):
    rows = real_bars(symbol, start, end)
    bars = [
        Bar((r.open, r.high, r.low, r.close), stopped(1.0 if at % 3 else -1.0, at // 9), r.split_ratio, r.dividend,
            volume=r.volume)
        for at, r in enumerate(rows.itertuples())
    ]  # fmt: skip
    days = make_days(bars, symbol, initial_cash="100000", **{**COSTS, "volume_share": "0.00003"})
    account = Account().take(days)
    assert {b.split for b in bars} != {1.0}
    assert sum("session's volume" in e.reason for e in account.done.expired) > 20  # filled in part
    assert len(account.done.fills) > 100 and account.done.hit
    assert causes(account) == {}
    assert len(account.done.parity) == len(bars) - 1  # the first session begins with nothing


fractions = st.none() | st.sampled_from([0.01, 0.03, 0.1])
sessions = st.lists(
    st.tuples(
        st.lists(st.floats(-0.15, 0.15), min_size=4, max_size=4), st.sampled_from([-1.0, -0.5, 0.0, 0.3, 1.0]),
        fractions, fractions, st.none() | st.sampled_from([0.5, 3.0]), st.sampled_from([1.0] * 8 + [2.0, 0.3]),
        st.sampled_from([True] * 6 + [False]), st.sampled_from([0.0] * 5 + [0.335]),
        st.sampled_from([0.0, 9.0, 137.0, 1e6]),
    ), min_size=3, max_size=25,
)  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(sessions, st.sampled_from(["resting", "at_close"]))
def test_any_bars_give_the_engines_profit(drawn, mode):
    close, bars = 50.0, []
    for moves, score, stop, take, trail, split, trades, dividend, volume in drawn:
        prices = [round(close / split * (1 + m), 2) for m in moves]
        opened, close = prices[0], prices[1] if trades else close / split
        bar = (opened, max(prices), min(prices), prices[1]) if trades else None
        bars.append(Bar(bar, Vote(score, stop, take, trail), split, dividend, volume=volume))
    assert causes(Account().take(make_days(bars, exits=mode, **COSTS))) == {}


@pytest.mark.parametrize("score", [1.0, -1.0])
def test_a_share_that_leaves_the_market_makes_no_difference(score):
    """Its order expires and its holding stays at the last close until it is known to have left: then it is cash."""
    bars = [Bar((10.0, 11.0, 9.0, 10.5 + at), Vote(score, 0.9, None, None)) for at in range(3)]
    bars += [Bar(None, Vote(0.0, None, None, None)) for _ in range(4)]
    days = make_days(bars, **COSTS)
    days[4:] = [replace(day, rules={**day.rules, "pays_out_delisted": True}) for day in days[4:]]
    account = Account().take(days)
    assert account.held()[2] == account.held()[3] != 0 and set(account.held()[4:]) == {0}
    assert causes(account) == {}
    paid = [e for e in account.done.ledger if e.kind == "delisting" and e.ledger_account == "cash"]
    assert [(e.session_date, e.amount_usd) for e in paid] == [(days[4].session, account.held()[2] * Decimal("12.5"))]
    assert not account.state.exits and not account.state.resting


def test_money_paid_in_and_out_is_nobodys_profit():
    bars = [Bar((10.0, 11.0, 9.0, 10.5 + at), Vote(1.0, None, None, None)) for at in range(5)]
    days = make_days(bars, **COSTS)
    moved = {"deposit": Decimal(5000), "withdrawal": Decimal(70)}
    days[2] = replace(days[2], movements=[CashMovement(days[2].session, *m) for m in moved.items()])
    account, plain = Account().take(days), Account().take(make_days(bars, **COSTS))
    assert sum(e.amount_usd for e in account.done.ledger if e.ledger_account == "capital") == -5930
    assert causes(account) == {}
    assert account.done.parity[1].account_usd == plain.done.parity[1].account_usd


FAULTS = {
    "missed_usd": lambda f: replace(f, quantity=max(f.quantity // 2, 1), commission_usd=Decimal("1.00")),
    "price_usd": lambda f: replace(f, price=f.price + Decimal("0.01")),
    "fee_usd": lambda f: replace(f, commission_usd=f.commission_usd + 1),
}


@pytest.mark.parametrize("cause", FAULTS)
def test_a_faulty_fill_is_told_by_its_cause(monkeypatch, cause):
    fills = SimulatedMarket.fills

    def faulty(self, *arguments):
        done = fills(self, *arguments)
        return Executions(tuple(FAULTS[cause](f) for f in done.fills), done.expired)

    monkeypatch.setattr(SimulatedMarket, "fills", faulty)
    bars = [Bar((10.0, 11.0, 9.0, 10.5 + at), Vote(1.0 if at < 3 else 0.0, None, None, None)) for at in range(6)]
    account = Account().take(make_days(bars, **COSTS))
    assert len(account.done.fills) >= 2
    assert set(causes(account)) == {cause}


def test_orders_without_a_fill_are_missed_or_rejected(monkeypatch):
    monkeypatch.setattr(SimulatedMarket, "fills", lambda *_: Executions((), ()))
    bars = [Bar((10.0, 11.0, 9.0, 10.5 + at), Vote(1.0, None, None, None)) for at in range(3)]
    assert set(causes(Account().take(make_days(bars, **COSTS)))) == {"missed_usd"}
    account = Account()
    for day in make_days(bars, **COSTS):
        account.state.rejected = frozenset(account.state.approved)
        account.take([day])
    assert set(causes(account)) == {"rejected_usd"}


def test_another_close_is_data(monkeypatch):
    mark = Book.mark
    monkeypatch.setattr(
        Book, "mark", lambda self, day, closes: mark(self, day, {s: c + Decimal("0.1") for s, c in closes.items()})
    )
    bars = [Bar((10.0, 11.0, 9.0, 10.5), Vote(1.0, None, None, None)) for _ in range(4)]
    assert set(causes(Account().take(make_days(bars, **COSTS)))) == {"data_usd"}


def test_the_stage_stores_a_row_a_session_that_is_zero_to_the_cent(prepared):
    database = prepared("")
    rows = query(database.reader, "SELECT * FROM backtest_parity ORDER BY session_date")
    sessions = query(database.reader, "SELECT count(*) AS n FROM account_snapshots")[0]["n"]
    assert len(rows) == sessions - 1
    for row in rows:
        assert all(round(row[c], 2) == 0 for c in ("difference_usd", *CAUSES)), row
    with transaction(database.reader) as connection:
        assert connection.execute("SELECT sum(account_usd) AS s FROM backtest_parity").fetchone()["s"] != 0


def test_what_is_held_back_is_missed_and_what_is_sent_must_not_be(prepared, tmp_path):
    database = prepared("risk_execution")
    run_stage(database.writer, sample_settings(tmp_path, **SMALL, dry_run="true"), "risk_execution")
    missed = "SELECT count(*) AS n FROM backtest_parity WHERE abs(missed_usd) >= 0.005 AND session_date > %(d)s"
    assert query(database.reader, missed, {"d": DUE[0]})[0]["n"] > 0
    assert failed_checks(database.reader) == []
    sent = "UPDATE backtest_parity SET missed_usd = missed_usd + 1, account_usd = account_usd + 1 " \
        "WHERE session_date = (SELECT max(session_date) FROM fills)"  # fmt: skip
    assert change(database, sent) == 1
    assert failed_checks(database.reader) == ["check_parity_in_cents"]
