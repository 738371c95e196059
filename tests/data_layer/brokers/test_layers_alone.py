"""Seven ways to another host: each layer that can see one refuses it with all the others taken away."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
import requests
from alpaca.trading.client import TradingClient
from requests.adapters import HTTPAdapter

from data_layer.broker_settings import PAPER
from data_layer.brokers import alpaca_client
from data_layer.brokers.alpaca import AlpacaBroker
from data_layer.brokers.alpaca_client import PaperAdapter, PaperClient
from data_layer.sources.raw_session import RawSession
from models.errors import BlockedError, RetryableError
from plugins.execution.sending import send_batch
from tests.data_layer.brokers.test_never_real_money import ELSEWHERE
from tests.support.alpaca_stub import ACCOUNT as STUB
from tests.support.alpaca_stub import Desk, serve
from tests.support.real_account import ACCOUNT, SESSION, approve_all, open_account, plan_orders, states

# What differs once nothing looks at addresses: which one is asked for, and whether the client is one for paper.
WAYS = {**ELSEWHERE, "redirect": PAPER, "paper=False": "https://api.alpaca.markets"}
LIVE = {**STUB, "account_number": "123456789"}


@pytest.fixture
def live():
    """A host with a live account."""
    with serve(Desk(account=dict(LIVE))) as desk:
        yield desk


@pytest.fixture
def reached(live, monkeypatch):
    """A broker whose requests arrive at the live host by one of the ways: no layer that knows addresses is left."""

    class Arriving(HTTPAdapter):
        def send(self, request, *args, **kwargs):
            request.url = live.url + urlsplit(request.url).path
            return super().send(request, *args, **kwargs)

    monkeypatch.setattr(alpaca_client, "require_paper", lambda text: text)

    def by(way):
        client = PaperClient("key", "secret", WAYS[way])
        client.session = RawSession(3.0, 3.0)
        for scheme in ("https://", "http://"):
            client.session.mount(scheme, Arriving())
        if way == "paper=False":
            client._client = TradingClient("key", "secret", paper=False, raw_data=True)
        client._client._session = client.session
        return AlpacaBroker(client, STUB["id"])

    return by


def adapter_only():
    """A session that follows redirects and whose only guard is the adapter."""
    session = requests.Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, PaperAdapter())
    return session


@pytest.mark.parametrize("address", ELSEWHERE.values(), ids=ELSEWHERE)
def test_the_adapter_alone_refuses_an_address(address):
    with pytest.raises(BlockedError, match="not the paper trading address"):
        adapter_only().get(f"{address}/v2/account")


def test_the_adapter_alone_refuses_where_a_redirect_leads():
    with serve(Desk(plan=lambda _method, _path: "redirect_after")) as desk:
        with pytest.raises(BlockedError, match="not the paper trading address"):
            adapter_only().get(f"{desk.url}/v2/account")
        assert desk.asked and desk.strangers == 0


def test_the_adapter_alone_refuses_a_client_that_is_not_for_paper():
    client = TradingClient("key", "secret", paper=False, raw_data=True)
    client._session = adapter_only()
    with pytest.raises(BlockedError, match="not the paper trading address"):
        client.get_account()


@pytest.mark.parametrize("way", WAYS)
def test_the_account_alone_refuses_a_live_one(way, reached, live):
    with pytest.raises(BlockedError, match="not a paper account"):
        reached(way).prove()
    assert live.asked == [("GET", "/v2/account")]


def test_an_approved_batch_does_not_leave_for_a_live_account_by_any_way(database, reached, live):
    """Approval and limits let it through, addresses are not looked at: the account must prove itself first."""
    open_account(database.owner)
    plan_orders(database.owner, ["AAPL"])
    approve_all(database.writer)
    for way in WAYS:
        with pytest.raises(BlockedError, match="not a paper account"):
            send_batch(database.writer, ACCOUNT, SESSION, reached(way), run_id="run")
    assert not live.posts and states(database) == {"AAPL": "planned"}


def test_the_send_point_alone_lets_nothing_out_without_an_approval(database, reached, live, monkeypatch):
    """Not even where addresses are not looked at and the account proves nothing."""
    monkeypatch.setattr(AlpacaBroker, "prove", lambda _self: "PA0")
    open_account(database.owner)
    for symbol, way in zip("ABCDEFG", WAYS, strict=True):
        plan_orders(database.owner, [symbol])
        with pytest.raises(RetryableError, match=f"{symbol}: blocked"):
            send_batch(database.writer, ACCOUNT, SESSION, reached(way), run_id="run")
    assert not live.posts and set(states(database).values()) == {"blocked"}
