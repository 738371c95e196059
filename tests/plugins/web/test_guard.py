"""Nothing below /almanac answers a stranger, and no foreign page can make a user's browser change anything."""

from __future__ import annotations

import pytest
from starlette.datastructures import URL
from starlette.requests import Request
from starlette.routing import Mount
from starlette.testclient import TestClient


def every_path(app) -> list[tuple[str, str]]:
    """Every route with each of its methods, parameters filled in; of a folder of files, one file."""
    found = []
    for route in app.routes:
        if isinstance(route, Mount):
            found.append(
                ("GET", f"{route.path}/{'plotly.min.js' if route.path == '/charts' else 'almanac.css'}")
            )
        elif hasattr(route, "routes"):
            found += every_path(route)
        else:
            path = route.path.format(
                name="golden_cross", model="golden_cross", run_id="x", client_order_id="A" * 32, number=1, batch=1
            )
            found += [(method, path) for method in route.methods]
    return found


def test_every_route_refuses_a_stranger(app):
    stranger = TestClient(app, raise_server_exceptions=False)
    paths = every_path(app)
    assert len(paths) > 8
    for method, path in [*paths, ("GET", "/nowhere"), ("GET", "/openapi.json"), ("GET", "/docs")]:
        answer = stranger.request(method, path, follow_redirects=False)
        assert answer.status_code == 401, (method, path)


def test_a_stranger_with_a_browser_is_sent_to_the_login(app):
    answer = TestClient(app).get("/orders", headers={"Accept": "text/html"}, follow_redirects=False)
    assert answer.status_code == 307
    assert answer.headers["location"].startswith("/auth/login?next=")


@pytest.mark.parametrize("role", ["viewer", "user", "op", "admin"])
def test_every_role_may_look(as_role, role):
    assert as_role(role).get("/static/almanac.css").status_code == 200


def test_a_user_without_a_role_sees_nothing(as_role):
    assert as_role("nobody").get("/static/almanac.css").status_code == 403


def test_answers_carry_the_policy_and_the_trace(as_role):
    answer = as_role("viewer").get("/static/almanac.css", headers={"X-Trace-ID": "abc-123"})
    assert answer.headers["X-Trace-ID"] == "abc-123"
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "default-src 'none'" in policy


def test_a_trace_that_could_break_a_log_is_replaced(as_role):
    answer = as_role("viewer").get("/static/almanac.css", headers={"X-Trace-ID": "a b{}"})
    assert answer.headers["X-Trace-ID"] != "a b{}"


@pytest.fixture
def with_button(app):
    @app.post("/press")
    def press(request: Request) -> dict[str, str]:
        return {"pressed": "yes"}

    return app


OWN = {"X-Almanac-Request": "1", "Origin": "http://testserver", "Authorization": ""}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({**OWN, "Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({**OWN, "Content-Type": "text/plain"}, 415),
        ({**OWN, "Content-Type": "application/json", "Origin": "http://evil.example"}, 403),
        ({**OWN, "Content-Type": "application/json", "Origin": ""}, 403),
        ({**OWN, "Content-Type": "application/json", "X-Almanac-Request": ""}, 403),
        ({**OWN, "Content-Type": "application/json"}, 200),
    ],
)
def test_only_our_own_pages_can_press_a_button(with_button, as_role, headers, status):
    client = as_role("op")
    client.cookies.set("_token", "op")
    assert client.post("/press", content=b"{}", headers=headers).status_code == status


@pytest.mark.parametrize(
    ("asked", "told", "origin", "status"),
    [
        ("http://almanac", None, "http://almanac", 200),
        ("http://almanac", None, "http://almanac:80", 200),
        ("http://almanac:8080", None, "http://almanac:8080", 200),
        ("http://almanac:8080", None, "http://almanac", 403),
        ("http://almanac:8080", None, "http://almanac:9090", 403),
        ("http://almanac", None, "https://almanac", 200),  # TLS may end in front of us
        ("https://almanac", None, "https://almanac:443", 200),
        ("https://almanac", None, "http://almanac", 403),  # a page that anyone on the way may have written
        ("https://almanac", None, "http://almanac:443", 403),
        # Behind a proxy that ends TLS and keeps the host, then one that does not.
        ("http://almanac", "https://almanac/", "https://almanac", 200),
        ("http://almanac", "https://almanac/", "http://almanac", 403),
        ("http://inside:8080", "https://almanac", "https://almanac", 200),
        ("http://inside:8080", "https://almanac", "http://inside:8080", 200),
        ("http://inside:8080", "https://almanac", "http://almanac", 403),
        ("http://almanac", None, "ftp://almanac", 403),
        ("http://almanac", None, "null", 403),
        ("http://almanac", None, "http://almanac:none", 403),
        ("http://almanac", None, "http://user@almanac.example", 403),
    ],
)
def test_scheme_host_and_port_are_compared(with_button, as_role, monkeypatch, asked, told, origin, status):
    from plugins.web import guard

    monkeypatch.setattr(guard.conf, "get", lambda *_, **__: told)
    as_role("op")
    client = TestClient(with_button, base_url=asked, cookies={"_token": "op"})
    headers = {"X-Almanac-Request": "1", "Origin": origin, "Content-Type": "application/json"}
    assert client.post("/press", content=b"{}", headers=headers).status_code == status


def test_a_password_that_a_browser_adds_by_itself_proves_nothing(with_button, as_role):
    client = as_role("op")
    client.cookies.set("_token", "op")
    headers = {"Authorization": "Basic b3A6b3A=", "Content-Type": "application/json"}
    assert client.post("/press", content=b"{}", headers=headers).status_code == 403


def test_what_a_request_says_of_its_own_address_opens_nothing(app, monkeypatch):
    """The URL is put together from the Host header; were it asked for the path, a bent one could name the webhook's."""
    bent = URL("http://x/api/v1/webhooks/orders")
    monkeypatch.setattr("starlette.requests.HTTPConnection.url", property(lambda _: bent))
    stranger = TestClient(app, raise_server_exceptions=False)
    for method, path in every_path(app):
        if (method, path) != ("POST", bent.path):
            assert stranger.request(method, path, follow_redirects=False).status_code == 401, (method, path)


def test_the_login_brings_back_to_what_was_asked_for(app):
    answer = TestClient(app).get(
        "/orders?symbol=AAPL", headers={"Accept": "text/html"}, follow_redirects=False
    )
    assert answer.headers["location"] == "/auth/login?next=/orders%3Fsymbol%3DAAPL"


def test_requests_stand_in_the_log_with_their_trace(as_role, caplog):
    with caplog.at_level("INFO", logger="almanac.web"):
        as_role("viewer").get("/api/v1/nothing", headers={"X-Trace-ID": "abc-123"})
    assert "404" in caplog.text
    assert "trace abc-123" in caplog.text
