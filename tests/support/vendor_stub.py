"""A local HTTP server that answers like Polygon, Yahoo and Alpaca, and misbehaves when told to."""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from data_layer.vendor_settings import address_variables, key_variables, limit_variables
from tests.support.sources import route
from tests.support.vendor_market import Market
from tests.support.vendor_pages import Page

HTML = b"<!DOCTYPE html><html><body><h1>Will be right back</h1></body></html>"
STATUSES = {"403": 403, "429": 429, "500": 500, "502": 502, "503": 503, "504": 504, "html_502": 502}
FAR = "Wed, 21 Oct 2065 07:28:00 GMT"
JUST_NOW = "Wed, 21 Oct 2015 07:28:00 GMT"


@dataclass
class Fault:
    """What goes wrong, on which page of a load (first, middle, last or all), and how often (None: always)."""

    mode: str
    page: str = "all"
    times: int | None = None
    kind: str = "bars"

    def strikes(self, page: Page) -> bool:
        if page.kind != self.kind or self.times == 0:
            return False
        place = {"first": page.number == 0, "last": page.number == page.count - 1}
        place["middle"] = not place["first"] and not place["last"]
        if self.page != "all" and not place[self.page]:
            return False
        if self.times is not None:
            self.times -= 1
        return True


@dataclass
class Stub:
    """The server's state; tests change it while it runs."""

    market: Market
    page_size: int = 15
    fault: Fault | None = None
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)  # path with query, headers
    strangers: int = 0  # requests that came by a redirect or another host's address
    undisturbed: dict[str, Any] = field(default_factory=dict)  # by vendor, for tests to compare with
    released: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def settings(self) -> dict[str, str]:
        """Variables that lead every vendor here."""
        # POLYGON_API_KEY is polygon-key-1, ALPACA_SECRET_KEY alpaca-secret-1.
        keys = {key: re.sub("(_API|(?<=SECRET)_KEY)", "", key).lower().replace("_", "-") for key in key_variables()}
        return {
            **{key: f"{text}-1" for key, text in keys.items()},
            **dict.fromkeys(address_variables(), self.url),
            **dict.fromkeys(limit_variables(), "100000"),
        }


@contextmanager
def serve(market: Market, **options: Any) -> Iterator[Stub]:
    stub = Stub(market, **options)

    class Handler(_Handler):
        state = stub

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    stub.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        stub.released.set()
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    state: Stub
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits 40 ms for an acknowledgement

    def log_message(self, *_arguments: Any) -> None:
        """Stay silent."""

    def do_GET(self) -> None:
        stub, parts = self.state, urlsplit(self.path)
        stub.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
        if parts.path.startswith("/elsewhere"):
            stub.strangers += 1
        query = {k: v[0] for k, v in parse_qs(parts.query).items()}
        fault = stub.fault
        page = route(stub.market, stub.page_size, stub.url, parts.path, query)
        struck = fault is not None and fault.strikes(page)
        if struck:
            # A content fault makes another page; the others happen on the wire.
            page = route(stub.market, stub.page_size, stub.url, parts.path, query, fault.mode)
        body = json.dumps(page.body).encode()
        body = re.sub(rb'"<<([^>]*)>>"', rb"\1", body)  # what JSON libraries do not write by themselves
        if not (struck and self._misbehave(fault.mode, body)):
            self._send(page.status, body)

    def _send(self, status: int, body: bytes, length: int | None = None, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def _misbehave(self, mode: str, body: bytes) -> bool:  # noqa: PLR0911
        """Do what a wire fault says; return False when the mode is none of these."""
        name, _, more = mode.partition(":")
        if name in STATUSES:
            self._send(STATUSES[name], HTML if "html" in name else b'{"message": "no"}', **_headers(more))
            return True
        plain = {
            "truncated": body[: len(body) // 2], "empty": b"", "html_200": HTML, "json_list": b"[1, 2]",
            "json_null": b"null", "json_text": b'"OK"', "not_utf8": body.replace(b"OK", b"\xff\xfe") + b"\xff",
            "deep": b"[" * 100_000, "two_documents": body + body,
        }  # fmt: skip
        if name in plain:
            self._send(200, plain[name])
            return True
        if name == "redirect":
            self._send(302, b"", Location=f"http://localhost:{self.state.port}/elsewhere{self.path}")
            return True
        self.close_connection = True
        if name == "short":
            self._send(200, body[: len(body) // 2], length=len(body))
            return True
        if name == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.wfile = self.rfile
            return True
        if name == "stall":
            self.state.released.wait(30)
            return True
        if name in {"stall_body", "drip"}:
            self._dribble(name, body)
            return True
        self.close_connection = False
        return False

    def _dribble(self, name: str, body: bytes) -> None:
        half = len(body) // 2
        try:
            self._send(200, body[: 1 if name == "drip" else half], length=len(body))
            for i in range(1, len(body)):
                if self.state.released.wait(0.05 if name == "drip" else 30):
                    return
                self.wfile.write(body[i : i + 1])
                self.wfile.flush()
        except OSError:
            time.sleep(0)  # the client has had enough


def _headers(kind: str) -> dict[str, str]:
    """Retry-After as vendors write it: seconds, or a date that counts from the answer's own."""
    return {
        "": {}, "short": {"Retry_After": "0"}, "long": {"Retry_After": "3600"},
        "far_date": {"Retry_After": FAR}, "past_date": {"Retry_After": JUST_NOW},
        "nonsense": {"Retry_After": "soon"},
    }[kind]  # fmt: skip
