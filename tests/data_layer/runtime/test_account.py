"""Deposits, withdrawals and resets: asked for once, booked once, at a session that has not begun."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor, wait
from decimal import ROUND_FLOOR, Decimal

import pytest

from data_layer.runtime.account import move, reset
from data_layer.storage.database import transaction
from data_layer.storage.kill_switch import latch_all
from models.errors import ConfigError
from tests.support.books import STAGE, throw
from tests.support.chain import query, run_stage
from tests.support.prepared import DUE, END, change, failed_checks, hashes, prepared

__all__ = ["prepared"]
NEXT, LATER = dt.date.fromisoformat(DUE[0]), dt.date.fromisoformat(DUE[1])


def ask(database, kind, amount, session=None):
    with transaction(database.writer) as connection:
        return move(connection, kind, Decimal(amount), session)


def booked(database):
    rows = query(
        database.reader,
        "SELECT session_date, kind, amount_usd FROM ledger_entries WHERE ledger_account = 'cash' "
        "AND kind IN ('deposit', 'withdrawal') ORDER BY session_date, kind, amount_usd",
    )
    return [
        (str(r["session_date"]), r["kind"], r["amount_usd"]) for r in rows[1:]
    ]  # without the first deposit


def test_movements_are_booked_once_at_their_session(prepared, small_settings):
    database, untouched = prepared(STAGE), prepared(STAGE)
    assert ask(database, "deposit", "5000") == ("paper", NEXT, True)
    assert ask(database, "deposit", "5000") == ("paper", NEXT, False)
    ask(database, "withdrawal", "1000.50", LATER)
    for _ in range(2):
        run_stage(database.writer, small_settings, STAGE)
    assert booked(database) == [(DUE[0], "deposit", 5000), (DUE[1], "withdrawal", Decimal("-1000.50"))]
    assert failed_checks(database.reader) == []
    run_stage(untouched.writer, small_settings, STAGE)
    cash = "SELECT cash_usd - (SELECT cash_usd FROM account_snapshots WHERE session_date = %(eve)s) AS moved " \
        "FROM account_snapshots WHERE session_date = %(day)s"  # fmt: skip
    days = {"eve": "2005-02-18", "day": DUE[0]}
    moved = [query(d.reader, cash, days)[0]["moved"] for d in (database, untouched)]
    assert moved[0] - moved[1] == 5000
    before = hashes(database.writer)
    run_stage(database.writer, small_settings, STAGE, start=DUE[0], end=END)  # decided again with them
    assert hashes(database.writer) == before


@pytest.mark.parametrize(
    ("kind", "amount", "session", "why"),
    [
        ("withdrawal", "10000000", None, "USD of cash"),
        ("deposit", "1", dt.date(2005, 2, 18), "decided already"),
        ("deposit", "1", dt.date(2005, 2, 26), "exchange is closed"),
    ],
)
def test_what_cannot_be_booked_is_refused_at_once(prepared, kind, amount, session, why):
    database = prepared(STAGE)
    with pytest.raises(ConfigError, match=why):
        ask(database, kind, amount, session)
    assert query(database.reader, "SELECT * FROM cash_movements") == []


def free(database):
    """Return equity less what is held or ordered, whichever is more, of each symbol at the last close."""
    row = query(
        database.reader,
        "WITH s AS (SELECT * FROM account_snapshots ORDER BY session_date DESC LIMIT 1), held AS (SELECT symbol, "
        "market_value_usd AS usd FROM positions JOIN s USING (session_date) WHERE quantity <> 0), out AS (SELECT "
        "symbol, quantity * reference_price * CASE side WHEN 'buy' THEN 1 ELSE -1 END AS usd FROM orders JOIN s USING "
        "(session_date) WHERE order_type = 'market'), g AS (SELECT greatest(abs(coalesce(held.usd, 0)), "
        "abs(coalesce(held.usd, 0) + coalesce(out.usd, 0))) AS usd FROM held FULL JOIN out USING (symbol)) "
        "SELECT cash_usd, equity_usd - (SELECT sum(usd) FROM g) AS free FROM s",
    )[0]
    return row["cash_usd"], row["free"].quantize(Decimal(1), ROUND_FLOOR)


def test_movements_that_wait_count_against_the_free_cash(prepared):
    database = prepared(STAGE)
    _, most = free(database)
    ask(database, "withdrawal", most - 10)
    with pytest.raises(ConfigError, match="USD of cash"):
        ask(database, "withdrawal", "100")
    ask(database, "deposit", "500")
    ask(database, "withdrawal", "100")


def test_what_is_ordered_for_and_what_shorts_brought_in_is_not_free(prepared):
    database = prepared(STAGE)
    cash, most = free(database)
    assert 1 < most < cash - 2
    with pytest.raises(ConfigError, match=f"the account has {most}.* that is free"):
        ask(database, "withdrawal", most + 1)
    change(database, "UPDATE orders SET state = 'cancelled', reason = 'taken back' WHERE state = 'submitted'")
    ask(database, "withdrawal", most + 1)


def test_a_withdrawal_that_the_cash_no_longer_covers_is_refused_and_said_so(prepared, small_settings):
    database = prepared(STAGE)
    with transaction(database.owner) as connection:
        connection.execute(
            "INSERT INTO cash_movements (account_id, session_date, kind, amount_usd) "
            "VALUES ('paper', %s, 'withdrawal', 1e9)", [DUE[0]]
        )  # fmt: skip
    run_stage(database.writer, small_settings, STAGE)
    assert booked(database) == []
    events = query(
        database.reader, "SELECT payload FROM audit_events WHERE idempotency_key LIKE 'refused/%%'"
    )
    assert "exceeds the cash" in events[0]["payload"]["reason"]


def test_a_reset_opens_another_account_and_keeps_the_old_one(prepared, small_settings):
    database = prepared(STAGE)
    ask(database, "deposit", "5000", LATER)
    change(database, "UPDATE portfolio_settings SET names = 7, method = 'top_n'")
    with transaction(database.writer) as connection:
        assert reset(connection, "a new plan", Decimal(50_000)) == ("paper", "paper-2", 1)
    kept = query(database.reader, "SELECT account_id, names, method FROM portfolio_settings ORDER BY 1")
    assert [tuple(r.values()) for r in kept] == [("paper", 7, "top_n"), ("paper-2", 7, "top_n")]
    old = query(database.reader, "SELECT * FROM account_snapshots WHERE account_id = 'paper'")
    run_stage(database.writer, small_settings, STAGE)
    assert query(database.reader, "SELECT * FROM account_snapshots WHERE account_id = 'paper'") == old
    new = query(
        database.reader, "SELECT * FROM account_snapshots WHERE account_id = 'paper-2' ORDER BY session_date"
    )
    assert [str(r["session_date"]) for r in new] == list(DUE)
    assert query(database.reader, "SELECT count(*) AS n FROM orders WHERE account_id = 'paper-2'")[0]["n"] > 0
    out = "SELECT count(*) AS n FROM orders WHERE account_id = 'paper' AND state IN ('submitted', 'resting')"
    assert query(database.reader, out)[0]["n"] == 0
    assert failed_checks(database.reader) == []
    before = hashes(database.writer)
    run_stage(database.writer, small_settings, STAGE, start="2005-02-14", end=END)  # across the reset
    assert hashes(database.writer) == before
    with transaction(database.writer) as connection:
        assert reset(connection, "once more", Decimal(50_000)) == ("paper-2", "paper-3", 0)


def test_a_reset_needs_a_reason_and_a_switch_that_is_not_thrown(prepared):
    database = prepared(STAGE)
    with transaction(database.writer) as connection, pytest.raises(ConfigError, match="say why"):
        reset(connection, " ", Decimal(1))
    throw(database)
    with transaction(database.writer) as connection, pytest.raises(ConfigError, match="kill switch"):
        reset(connection, "a new plan", Decimal(1))


def test_a_kill_during_a_reset_holds_the_account_it_opens(database):
    """The two wait for one another: whichever comes first, nothing is traded afterwards."""
    change(database, "INSERT INTO accounts (id, broker, initial_cash_usd) VALUES ('paper', 'simulated', 1000)")
    with transaction(database.writer) as connection, ThreadPoolExecutor(1) as pool:
        reset(connection, "a new plan", Decimal(50_000))
        killed = pool.submit(throw_all, database)
        assert wait([killed], timeout=0.5).not_done
        connection.commit()
        assert killed.result(timeout=30) == {"paper": 0, "paper-2": 0}
    with transaction(database.writer) as connection, pytest.raises(ConfigError, match="kill switch"):
        reset(connection, "a way around it", Decimal(1))


def throw_all(database):
    with transaction(database.writer) as connection:
        return latch_all(connection, "the market is mad")
