"""What a vendor sends is measured as it is unpacked: a bomb is refused before it goes off."""

from __future__ import annotations

import gzip
import threading
import tracemalloc
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import urllib3

from data_layer.sources import calls, yahoo_client

MEGABYTE = 2**20


class Bomb(BaseHTTPRequestHandler):
    body = gzip.compress(bytes(64 * MEGABYTE))

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_):
        pass


@pytest.fixture
def address():
    with ThreadingHTTPServer(("127.0.0.1", 0), Bomb) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def by_urllib3(address):
    """As Polygon and Alpaca are asked."""
    response = urllib3.PoolManager().request("GET", address, preload_content=False)
    return lambda: calls.read_whole(response, 10.0)


def by_curl(address):
    """As the library yfinance asks Yahoo."""
    client = yahoo_client.YahooClient(address)
    return lambda: client.chart("AAPL", None, 10.0)


@pytest.mark.parametrize("client", [by_urllib3, by_curl])
def test_a_packed_answer_is_measured_unpacked_and_never_held_whole(address, monkeypatch, client):
    for module in (calls, yahoo_client):
        monkeypatch.setattr(module, "LONGEST_BODY", MEGABYTE)
    ask = client(address)
    tracemalloc.start()
    try:
        with pytest.raises(OSError, match="longer than 1048576 bytes"):
            ask()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(Bomb.body) < MEGABYTE / 8 and peak < 16 * MEGABYTE, peak
