"""`make kill`: latched first, whatever else is wrong; then what is out at the broker is cancelled there."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from data_layer.storage.database import transaction
from models.errors import BlockedError, ConfigError, RetryableError
from plugins.execution import kill
from plugins.execution.sending import send_batch
from tests.support.alpaca_stub import ACCOUNT as STUB
from tests.support.alpaca_stub import serve
from tests.support.real_account import (
    ACCOUNT,
    SESSION,
    approve_all,
    broker_at,
    open_account,
    plan_orders,
    states,
)
from tests.support.rows import insert


@pytest.fixture
def desk():
    with serve() as running:
        yield running


@pytest.fixture
def out(database, desk, monkeypatch, tmp_path):
    """Two orders at the stub and one planned; the shell's environment leads there."""
    open_account(database.owner)
    plan_orders(database.owner, ["AAPL", "MSFT"])
    with transaction(database.owner) as connection:
        insert(connection, "account_adoptions", account_id=ACCOUNT, session_date=SESSION, cash_usd=1, positions="{}")
    approve_all(database.writer)
    send_batch(database.writer, ACCOUNT, SESSION, broker_at(desk), run_id="run")
    plan_orders(database.owner, ["IBM"])
    named = {"ALMANAC_HOME": str(tmp_path), "REASON": "enough", "BROKER": "alpaca", "ALPACA_PAPER_KEY": "k",
             "ALPACA_PAPER_SECRET": "s", "ALPACA_ACCOUNT_ID": STUB["id"], "ALPACA_PAPER_URL": desk.url}  # fmt: skip
    for name, value in named.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("ACCOUNT", raising=False)
    writer = database.writer
    monkeypatch.setattr(kill, "Home", lambda _path: SimpleNamespace(uri=lambda _role: writer))
    return database


def is_latched(database):
    with transaction(database.reader) as connection:
        row = connection.execute("SELECT engaged FROM kill_switch WHERE account_id = %s", [ACCOUNT]).fetchone()
        return row["engaged"]


def test_it_latches_and_cancels_at_the_broker_too(out, desk, capsys):
    assert kill.main() == 0
    assert is_latched(out) and set(states(out).values()) == {"cancelled"}
    assert {row["status"] for row in desk.orders.values()} == {"canceled"}
    told = capsys.readouterr().out
    assert "1 open orders cancelled" in told and "at the broker: cancelled 2" in told
    assert kill.main() == 0  # once more


def test_what_could_not_be_cancelled_is_told_and_the_switch_stays_latched(out, desk):
    desk.plan = lambda method, _path: "500_before" if method == "DELETE" else ""
    with pytest.raises(RetryableError, match=r"2 orders not cancelled: AAPL.*MSFT"):
        kill.main()
    assert is_latched(out) and states(out) == {"AAPL": "accepted", "MSFT": "accepted", "IBM": "cancelled"}


@pytest.mark.parametrize(
    ("change", "error"),
    [({"BROKER": "simulated"}, BlockedError), ({"ALPACA_PAPER_SECRET": ""}, ConfigError),
     ({"BROKER": "x"}, ConfigError), ({"ALPACA_ACCOUNT_ID": "another"}, BlockedError)],
)  # fmt: skip
def test_settings_that_lead_nowhere_are_an_error_after_it_has_latched(out, desk, monkeypatch, change, error):
    monkeypatch.setattr("plugins.execution.broker.read_connection", lambda *_: {})
    for name, value in change.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(error):
        kill.main()
    assert is_latched(out) and "DELETE" not in {method for method, _ in desk.asked}


def test_a_sender_on_its_way_is_waited_for(database, out, desk):
    """Its order arrives after the switch was latched, and is cancelled all the same."""
    reached, go_on = threading.Event(), threading.Event()
    real = desk.answer

    def slow(method, path, query, body):
        if method == "POST":
            reached.set()
            go_on.wait(20)
        return real(method, path, query, body)

    plan_orders(database.owner, ["GOOG"])
    approve_all(database.writer, run_id="again")
    desk.answer = slow
    sent = []
    broker = broker_at(desk, 30)

    def send():
        sent.append(send_batch(database.writer, ACCOUNT, SESSION, broker, run_id="again"))

    sender = threading.Thread(target=send)
    sender.start()
    assert reached.wait(20)
    killer = threading.Thread(target=kill.main)
    killer.start()
    killer.join(1.0)
    assert killer.is_alive()
    go_on.set()
    killer.join(30)
    sender.join(30)
    assert sent[0].states == {"accepted": 1, "cancelled": 1}  # IBM was taken back before its turn came
    assert set(states(database).values()) == {"cancelled"}
    assert {row["status"] for row in desk.orders.values()} == {"canceled"}
