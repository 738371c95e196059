"""A local HTTP server that trades like Alpaca's paper interface, and loses answers when told to."""

from __future__ import annotations

import json
import socket
import struct
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

ACCOUNT = {"id": "0e1c5f5e-6d6f-4c9a-9c39-0d8f9a2f1c11", "account_number": "PA3STUB00001", "status": "ACTIVE",
           "trading_blocked": False, "account_blocked": False, "currency": "USD"}  # fmt: skip
LIVE_STATES = {"new", "accepted", "partially_filled", "held"}
SPACE = uuid.UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")


@dataclass
class Desk:
    """What the stub holds; tests change it while it runs."""

    cash: float = 100_000.0
    positions: dict[str, int] = field(default_factory=dict)
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)  # by client_order_id
    activities: list[dict[str, Any]] = field(default_factory=list)
    account: dict[str, Any] = field(default_factory=lambda: dict(ACCOUNT))
    plan: Callable[[str, str], str] = field(
        default=lambda _method, _path: ""
    )  # what goes wrong with a request
    asked: list[tuple[str, str]] = field(default_factory=list)
    posts: list[dict[str, Any]] = field(default_factory=list)
    strangers: int = 0
    time: str = "2000-01-03T09:00:00.123456789-05:00"  # before whatever open an order is for
    lock: threading.RLock = field(default_factory=threading.RLock)
    released: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def take(self, body: dict[str, Any]) -> tuple[int, Any]:
        """Take an order as Alpaca does: one client_order_id once, whole answers."""
        with self.lock:
            name = body.get("client_order_id") or str(uuid.uuid4())
            if name in self.orders:
                return 422, {"code": 40010001, "message": "client_order_id must be unique"}
            if body["symbol"] == "POOR":
                return 403, {"code": 40310000, "message": "insufficient buying power"}
            row = self._row(name, body, "accepted", body["type"])
            exits = {"limit": body.get("take_profit"), "stop": body.get("stop_loss")}
            row["legs"] = [
                self._row(f"{row['id']}-{kind}", {**body, "side": {"buy": "sell", "sell": "buy"}[body["side"]]},
                          "held", kind) | wanted
                for kind, wanted in exits.items() if wanted
            ] or None  # fmt: skip
            self.orders[name] = row
            return 200, row

    def _row(self, name: str, body: dict[str, Any], status: str, kind: str) -> dict[str, Any]:
        return {"id": str(uuid.uuid5(SPACE, name)), "client_order_id": name, "symbol": body["symbol"],
                "side": body["side"], "qty": f"{body['qty']:g}", "filled_qty": "0", "type": kind,
                "time_in_force": body["time_in_force"], "status": status, "legs": None}  # fmt: skip

    def rows(self) -> list[dict[str, Any]]:
        return [row for parent in self.orders.values() for row in (parent, *(parent["legs"] or ()))]

    def fill(self, name: str, price: float, at: str, quantity: int | None = None) -> None:
        """Execute an order, or some shares of it, at an instant."""
        with self.lock:
            row = next(r for r in self.rows() if r["client_order_id"] == name)
            filled = int(row["filled_qty"])
            quantity = int(row["qty"]) - filled if quantity is None else quantity
            sign = 1 if row["side"] == "buy" else -1
            self.cash -= sign * quantity * price
            self.positions[row["symbol"]] = self.positions.get(row["symbol"], 0) + sign * quantity
            row["filled_qty"] = str(filled + quantity)
            row["status"] = "filled" if filled + quantity == int(row["qty"]) else "partially_filled"
            for other in self._siblings(row) if row["status"] == "filled" else ():
                other["status"] = "canceled"  # one cancels the other
            self.activities.append({
                "id": f"{at}::{uuid.uuid5(SPACE, name + row['filled_qty'])}", "activity_type": "FILL",
                "order_id": row["id"], "symbol": row["symbol"], "side": row["side"], "qty": str(quantity),
                "price": str(price), "cum_qty": row["filled_qty"], "transaction_time": at,
            })  # fmt: skip

    def _siblings(self, row: dict[str, Any]) -> list[dict[str, Any]]:
        families = (parent["legs"] or [] for parent in self.orders.values())
        return [leg for family in families if row in family for leg in family if leg is not row]

    def pay(self, kind: str, day: str, amount: float, symbol: str | None = None) -> None:
        """Move cash without a fill."""
        self.cash += amount
        self.activities.append({"id": f"{day}::{kind}{len(self.activities)}", "activity_type": kind, "date": day,
                                "net_amount": str(amount), "symbol": symbol})  # fmt: skip

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: PLR0911
        """Answer one request."""
        with self.lock:
            if method == "POST" and path == "/v2/orders":
                self.posts.append(body)
                return self.take(body)
            if method == "DELETE":
                row = next((r for r in self.rows() if path == f"/v2/orders/{r['id']}"), None)
                if row is None or row["status"] not in LIVE_STATES:
                    return 422, {"message": "order is not cancelable"}
                for gone in (row, *(leg for leg in row["legs"] or () if leg["status"] in LIVE_STATES)):
                    gone["status"] = "canceled"
                return 204, None
            if path == "/v2/account":
                return 200, {**self.account, "cash": f"{self.cash:.2f}"}
            if path == "/v2/clock":
                return 200, {"timestamp": self.time, "is_open": False}
            if path == "/v2/positions":
                held = {s: q for s, q in self.positions.items() if q}
                return 200, [{"symbol": s, "qty": str(q), "avg_entry_price": "10"} for s, q in held.items()]
            if path == "/v2/orders:by_client_order_id":
                row = self.orders.get(query["client_order_id"])
                return (200, row) if row else (404, {"code": 40410000, "message": "order not found"})
            if method == "GET" and path.startswith("/v2/orders/"):
                row = next((r for r in self.rows() if path == f"/v2/orders/{r['id']}"), None)
                return (200, row) if row else (404, {"code": 40410000, "message": "order not found"})
            if path == "/v2/orders":
                return 200, [o for o in self.orders.values() if o["status"] in LIVE_STATES
                             or any(leg["status"] in LIVE_STATES for leg in o["legs"] or ())]  # fmt: skip
            if path == "/v2/account/activities":
                kinds, after = query["activity_types"].split(","), query["after"]
                found = [a for a in self.activities if a["activity_type"] in kinds
                         and (a.get("transaction_time") or a["date"])[:10] > after]  # fmt: skip
                ids = [a["id"] for a in found]
                begin = ids.index(query["page_token"]) + 1 if "page_token" in query else 0
                return 200, found[begin : begin + int(query["page_size"])]
            return 404, {"message": "no such address"}


@contextmanager
def serve(desk: Desk | None = None) -> Iterator[Desk]:
    held = desk or Desk()

    class Handler(_Handler):
        state = held

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    held.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield held
    finally:
        held.released.set()
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """Faults: <what>_before or <what>_after the request took effect, what being 504, html, reset or stall."""

    state: Desk
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_arguments: Any) -> None:
        """Stay silent."""

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_DELETE(self) -> None:
        self._serve("DELETE")

    def _serve(self, method: str) -> None:
        desk, parts = self.state, urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        desk.asked.append((method, self.path))
        if parts.path.startswith("/elsewhere"):
            desk.strangers += 1
        fault, _, when = desk.plan(method, parts.path).partition("_")
        if when != "before":
            query = {k: v[0] for k, v in parse_qs(parts.query).items()}
            status, answer = desk.answer(method, parts.path, query, body)
        else:
            status, answer = 500, {"message": "internal"}
        if not (fault and self._misbehave(fault)):
            self._send(status, b"" if answer is None else json.dumps(answer).encode())

    def _misbehave(self, fault: str) -> bool:
        if fault in {"504", "429", "500"}:
            self._send(int(fault), b'{"message": "gateway"}')
        elif fault == "html":
            self._send(502, b"<html><h1>Bad gateway</h1></html>")
        elif fault == "half":
            self._send(200, b'{"id": "ab', length=400)
            self.close_connection = True
        elif fault == "redirect":
            self._send(307, b"", Location=f"http://localhost:{self.state.port}/elsewhere{self.path}")
        elif fault == "reset":
            self.close_connection = True
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.wfile = self.rfile
        elif fault == "stall":
            self.close_connection = True
            self.state.released.wait(30)
        else:
            return False
        return True

    def _send(self, status: int, body: bytes, length: int | None = None, **headers: str) -> None:
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
