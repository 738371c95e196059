"""After a reset there are two accounts: the one traded is shown, the other can be chosen, their numbers never mix."""

from __future__ import annotations

import re
from decimal import Decimal
from urllib.parse import parse_qsl, urlencode, urlsplit

import psycopg
import pytest
from psycopg.rows import dict_row

from data_layer.runtime.account import reset
from data_layer.storage.database import transaction


@pytest.fixture
def two(chained):
    with transaction(chained.writer) as connection:
        old, new, _ = reset(connection, "a new start", Decimal(50_000))
    return chained, old, new


@pytest.fixture
def client(as_role, over, two):
    over(two[0])
    return as_role("viewer")


def sql(database, statement, *values):
    with psycopg.connect(database.reader, row_factory=dict_row) as connection:
        return connection.execute(statement, values).fetchall()


def test_the_open_account_is_shown_and_the_other_can_be_chosen(client, two):
    database, old, new = two
    page = client.get("/").text
    assert f'<option value="{new}" selected>' in page
    assert "No session has been booked yet." in page
    booked = sql(
        database,
        "SELECT equity_usd FROM account_snapshots WHERE account_id = %s ORDER BY session_date DESC LIMIT 1",
        old,
    )[0]
    chosen = client.get(f"/?account={old}").text
    assert f"{booked['equity_usd']:,.2f} USD" in chosen
    assert "was closed on" in chosen
    assert f"/orders?account={old}" in chosen


def test_choosing_an_account_keeps_what_the_page_is_about(client, two):
    _, old, _ = two
    for path in ("/rows/symbol?symbol=AAPL&session=2005-12-30", "/orders?symbol=AAPL&page=2", "/?session=2005-12-29"):
        form = re.search(r'<form class="steps" method="get">(.*?)<select name="account">', client.get(path).text, re.S)
        asked = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form[1]))
        expected = dict(parse_qsl(urlsplit(path).query))
        expected.pop("page", None)  # another account has other pages
        assert asked == expected
        assert client.get(f"{urlsplit(path).path}?{urlencode({**asked, 'account': old})}").status_code == 200


def test_orders_costs_and_holdings_are_one_accounts(client, two):
    database, old, _ = two
    count = sql(database, "SELECT count(*) AS n FROM orders WHERE account_id = %s", old)[0]["n"]
    assert count
    assert "No order matches." in client.get("/orders").text
    assert f"{count:,} orders" in client.get(f"/orders?account={old}").text
    assert len(client.get(f"/orders.csv?account={old}").text.splitlines()) == count + 1
    assert client.get("/orders.csv").text == ""
    assert "Nothing has been filled yet" in client.get("/costs").text
    assert "By symbol" in client.get(f"/costs?account={old}").text
    assert client.get("/api/v1/positions").json() == []
    held = client.get(f"/api/v1/positions?account={old}").json()
    assert {p["account_id"] for p in held} <= {old}


def test_an_account_there_is_not(client):
    assert client.get("/?account=nobody").status_code == 404
    assert client.get("/?account=A'b").status_code == 422
    assert client.get("/api/v1/positions?account=nobody").status_code == 404


def test_a_latched_switch_stands_above_every_page(as_role, over, chained):
    with psycopg.connect(chained.owner) as connection:
        connection.execute("SELECT latch_kill_switch('paper', '<b>prices look wrong</b>')")
    over(chained)
    for path in ("/", "/strategies", "/risk"):
        page = as_role("viewer").get(path).text
        assert "is latched: &lt;b&gt;prices look wrong&lt;/b&gt;" in page


def test_made_up_bars_are_called_so(as_role, over, chained):
    over(chained)
    viewer = as_role("viewer")
    assert "Made-up bars" not in viewer.get("/").text
    with psycopg.connect(chained.owner) as connection:
        connection.execute("UPDATE ingestion_batches SET source = 'synthetic'")
    assert "Made-up bars" in viewer.get("/").text
