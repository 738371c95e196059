"""Everything that is read is read as quant_reader, who can change nothing, and no longer than the limit."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg import sql

from plugins.web.reading import STATEMENT_SECONDS
from tests.support.addresses import addresses

OTHERS = "SELECT rolname FROM pg_roles WHERE rolname LIKE 'quant\\_%' AND rolname <> 'quant_reader'"
CONNECTED = (
    "SELECT DISTINCT usename FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
SENT_ON = {"/run", "/model/{number}"}  # pages that only lead to others


@pytest.fixture
def for_the_reader_alone(furnished):
    """A database that takes no connection of any role but the reader's."""
    with psycopg.connect(furnished.owner, autocommit=True) as connection:
        roles = [name for (name,) in connection.execute(OTHERS)]
        assert {"quant_writer", "quant_trainer"} <= set(roles)
        for role in roles:
            connection.execute(
                sql.SQL("REVOKE ALL ON DATABASE {} FROM {}").format(
                    sql.Identifier(furnished.name), sql.Identifier(role)
                )
            )
    for uri in (furnished.writer, furnished.trainer):
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            psycopg.connect(uri).close()
    return furnished


@pytest.mark.parametrize("api", [False, True], ids=["pages", "api"])
def test_whatever_is_read_is_read_by_the_reader_alone(app, as_role, over, for_the_reader_alone, api):
    database = for_the_reader_alone
    over(database)
    client = as_role("admin")
    asked = addresses(app, database.reader, api=api)
    assert len(asked) >= 15
    for path, address in asked.items():
        answer = client.get(address, follow_redirects=False)
        assert answer.status_code == (303 if path in SENT_ON else 200), (address, answer.text)
    with psycopg.connect(database.owner) as connection:
        assert connection.execute(CONNECTED).fetchall() == [("quant_reader",)]


def test_the_pages_own_connections_change_nothing(over, database):
    from plugins.web import reading

    over(database)
    with reading.pool().connection() as connection:
        told = connection.execute("SELECT current_user AS who, current_setting('statement_timeout') AS most").fetchone()
        assert told == {"who": "quant_reader", "most": f"{STATEMENT_SECONDS}s"}
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("DELETE FROM alerts")
        connection.execute("SET default_transaction_read_only = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM alerts")
        connection.execute("RESET default_transaction_read_only")


def test_a_statement_that_takes_too_long_is_ended_and_said(as_role, over, chained, monkeypatch):
    """One that waits for a lock, in a page and in the API, and one that works on."""
    from plugins.web import reading

    load = reading.load_sql
    sleep = {"pages/select_open_quarantine": f"SELECT pg_sleep({4 * STATEMENT_SECONDS})"}
    monkeypatch.setattr(reading, "load_sql", lambda name: sleep.get(name) or load(name))
    over(chained)
    client = as_role("viewer")
    assert client.get("/").status_code == client.get("/api/v1/signals").status_code == 200

    def timed(path):
        began = time.monotonic()
        return client.get(path), time.monotonic() - began

    with psycopg.connect(chained.owner) as holder, ThreadPoolExecutor(3) as users:
        holder.execute("LOCK TABLE alerts, signals IN ACCESS EXCLUSIVE MODE")
        asked = [users.submit(timed, path) for path in ("/", "/api/v1/signals", "/data")]
        try:
            (page, first), (told, second), (working, third) = [one.result(3 * STATEMENT_SECONDS) for one in asked]
        finally:
            holder.rollback()  # or who waits without end would never come back
    assert page.status_code == told.status_code == working.status_code == 503
    for took in (first, second, third):
        assert STATEMENT_SECONDS - 0.5 < took < 2 * STATEMENT_SECONDS
    said = f"The database took longer than {STATEMENT_SECONDS} seconds"
    assert "</main>" in page.text and said in page.text and said in working.text
    assert told.json()["detail"].startswith(said)
    assert client.get("/").status_code == client.get("/api/v1/signals").status_code == 200
