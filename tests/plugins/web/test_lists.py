"""Lists: each is the table that sorts, filters, pages and is saved; one that is cut says so and leads to all."""

from __future__ import annotations

import csv
import io
import re

import psycopg

from plugins.web.pages import data, overview
from plugins.web.rendering import templates
from tests.support.chain import query

# A calendar drawn as a table, and what people set: a name and a value a line, none of them stored rows.
NO_LISTS = {'<table class="strip">', '<table class="narrow" data-given>'}
ALERTS = (
    "INSERT INTO alerts (kind, severity, subject, message, value, threshold, session_date) "
    "SELECT 'stale_data', CASE WHEN n <= 3 THEN 'critical' ELSE 'warning' END, 'S' || n, 'old', n, 1, '2005-12-30' "
    "FROM generate_series(1, %s) n"
)


def test_no_page_has_a_plain_table():
    found = {
        tag
        for name in templates.list_templates()
        for tag in re.findall(r"<table[^>]*>", templates.loader.get_source(templates, name)[0])
    }
    assert len(found) > 4
    assert {tag for tag in found if "sortable" not in tag} == NO_LISTS


def test_an_orders_features_are_a_table_with_every_digit(viewer, small_chain):
    (order,) = query(
        small_chain.reader,
        "SELECT o.client_order_id AS id, o.symbol, d.session_date AS day FROM orders o "
        "JOIN risk_decisions d ON d.id = o.risk_decision_id WHERE o.order_type = 'market' ORDER BY o.id LIMIT 1",
    )
    (stored,) = query(
        small_chain.reader,
        "SELECT features FROM feature_store WHERE feature_set = 'technical' "
        f"AND symbol = '{order['symbol']}' AND date = '{order['day']}'",
    )
    page = viewer.get(f"/orders/{order['id']}").text
    table = page[page.index('data-name="features-technical"') :]
    rows = re.findall(r"<td>\s*(\w+)\s*</td>\s*<td class=\"number\">([^<]*)</td>", table[: table.index("</table>")])
    told = {name: None if text == "–" else float(text) for name, text in rows}
    assert len(told) > 20 and told == stored["features"]


def test_alerts_that_are_cut_lead_to_all(as_role, over, furnished):
    over(furnished)
    client = as_role("viewer")
    assert "gravest" not in client.get("/").text and 'href="/alerts"' not in client.get("/").text
    with psycopg.connect(furnished.owner) as connection:
        connection.execute("TRUNCATE alerts, alert_notifications")
        connection.execute(ALERTS, [overview.ALERTS_SHOWN + 20])
    page = client.get("/").text
    assert "Open alerts, gravest 50" in page
    assert page.count(">stale_data</td>") == overview.ALERTS_SHOWN
    assert {f">S{n}</" in page for n in (1, 2, 3)} == {True}
    whole = client.get(re.search(r'href="(/alerts[^"]*)">All open alerts', page)[1]).text
    assert whole.count(">stale_data</td>") == overview.ALERTS_SHOWN + 20 and 'class="sortable' in whole
    saved = list(csv.DictReader(io.StringIO(client.get("/alerts.csv").text)))
    assert len(saved) == overview.ALERTS_SHOWN + 20


def test_lists_of_data_that_are_cut_lead_to_all(as_role, over, furnished, monkeypatch):
    monkeypatch.setattr(data, "SHOWN", 1)
    over(furnished)
    client = as_role("viewer")
    page = client.get("/data").text
    held = {
        "batches": ("Batches", "ingestion_batches"), "restatements": ("Restatements", "restatements"),
        "findings": ("Open findings", "quality_findings WHERE resolved_at IS NULL"),
        "disagreements": ("Vendors that disagree", "vendor_disagreements"),
    }  # fmt: skip
    for name, (heading, table) in held.items():
        (of,) = query(furnished.reader, f"SELECT count(*) AS n FROM {table}")
        assert (f"{heading}, newest 1<" in page) == (f'href="/data/{name}.csv"' in page) == (of["n"] > 0), name
        saved = list(csv.DictReader(io.StringIO(client.get(f"/data/{name}.csv").text)))
        assert len(saved) == of["n"], name
    assert "newest 1<" in page and len(client.get("/data/quarantine.csv").text.splitlines()) == 2
    monkeypatch.setattr(data, "MOST_SAVED", 0)
    refused = client.get("/data/batches.csv")
    assert refused.status_code == 413 and "more than the 0 rows" in refused.text
    assert client.get("/data/secrets.csv").status_code == 422
