"""Style and scripts are fetched once and kept by their bytes; a problem is an answer, not a stack of words."""

from __future__ import annotations

import psycopg
import pytest

from plugins.web.files import FOLDERS, KEPT, address


@pytest.mark.parametrize(("folder", "name"), [("static", "almanac.css"), ("charts", "plotly.min.js")])
def test_a_file_named_by_its_bytes_is_kept(as_role, folder, name):
    viewer = as_role("viewer")
    named = viewer.get(address(folder, name))
    assert named.content == (FOLDERS[folder] / name).read_bytes()
    assert named.headers["Cache-Control"] == KEPT
    for other in (f"/{folder}/{name}", f"/{folder}/{name}?v=0000000000000000"):
        assert "immutable" not in viewer.get(other).headers["Cache-Control"]


def test_other_answers_are_not_kept(as_role):
    viewer = as_role("viewer")
    assert viewer.get("/static/nothing.css").headers["Cache-Control"] == "no-store"
    assert viewer.get("/static/..%2fapp.py").status_code == 404


def test_pages_ask_for_files_by_their_bytes(as_role, over, database):
    over(database)
    page = as_role("viewer").get("/").text
    assert address("static", "tables.js") in page


@pytest.fixture
def without_postgres(monkeypatch, over, database):
    """The pages' connections lead to a port where nothing listens."""
    from airflow.models import Connection

    over(database)
    nowhere = Connection(uri="postgres://quant_reader:x@127.0.0.1:1/quant_data")
    monkeypatch.setattr(Connection, "get_connection_from_secrets", classmethod(lambda cls, conn_id: nowhere))
    monkeypatch.setattr("plugins.web.reading.CONNECT_SECONDS", 0.3)


def test_without_postgres_a_page_says_so(without_postgres, as_role):
    answer = as_role("viewer").get("/orders")
    assert answer.status_code == 503
    assert "does not answer" in answer.text
    assert "</main>" in answer.text
    told = as_role("viewer").get("/api/v1/health")
    assert told.status_code == 503
    assert "does not answer" in told.json()["detail"]
    pressed = as_role("op").post("/api/v1/kill-switch/latch", json={"account": "paper", "reason": "down"})
    assert pressed.status_code == 503


def test_pages_come_back_with_postgres(as_role, over, database):
    over(database)
    viewer = as_role("viewer")
    assert viewer.get("/orders").status_code == 200
    with psycopg.connect(database.owner, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'almanac-pages'"
        )
    assert viewer.get("/orders").status_code == 200


def test_what_takes_too_long_is_given_up(as_role, over, database, monkeypatch):
    monkeypatch.setattr(
        "plugins.web.around.rows", lambda *_, **__: (_ for _ in ()).throw(psycopg.errors.QueryCanceled())
    )
    over(database)
    answer = as_role("viewer").get("/orders")
    assert answer.status_code == 503
    assert "longer than" in answer.text


def test_what_breaks_is_behind_the_policy_too(app, as_role):
    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError("secret words")

    answer = as_role("viewer").get("/broken")
    assert answer.status_code == 500
    assert "secret words" not in answer.text
    assert answer.headers["X-Trace-ID"] in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
