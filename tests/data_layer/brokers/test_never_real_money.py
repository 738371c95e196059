"""Four layers keep real money out; each of them refuses alone."""

from __future__ import annotations

import pytest
import requests
from alpaca.trading.client import TradingClient

from data_layer import broker_settings
from data_layer.broker_settings import PAPER, parse_broker, require_paper
from data_layer.brokers import alpaca_client
from data_layer.brokers.alpaca import AlpacaBroker
from data_layer.brokers.alpaca_client import PaperAdapter, PaperClient, PaperSession
from data_layer.settings import parse_settings
from models.errors import BlockedError, ConfigError
from plugins.execution.broker import open_broker
from tests.data_layer.brokers.test_alpaca import order
from tests.support.alpaca_stub import ACCOUNT, Desk, serve

ELSEWHERE = {
    "live": "https://api.alpaca.markets",
    "upper case": "HTTPS://API.ALPACA.MARKETS",
    "userinfo": "https://paper-api.alpaca.markets@api.alpaca.markets",
    "suffix host": "https://paper-api.alpaca.markets.example.com",
    "plain http": "http://paper-api.alpaca.markets",
}
NEAR = ["https://paper-api.alpaca.markets:443", "https://paper-api.alpaca.markets/", "https://PAPER-API.alpaca.markets",
        "https://127.0.0.1:80", "http://127.0.0.1", "http://localhost:80", "http://127.0.0.1:80@example.com",
        "http://127.0.0.1:80/x", "https://paper-api.alpaca.markets\n", "http://127.0.0.1:8٠"]  # fmt: skip


def text_of(values):
    return lambda name: values.get(name, "")


class ReachedError(Exception):
    """A socket was asked for: the guard let a request out."""


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Nothing leaves the machine, whatever a guard lets through."""

    def connect(address, *_args, **_more):
        raise ReachedError(address)

    monkeypatch.setattr("urllib3.util.connection.create_connection", connect)


@pytest.mark.parametrize("address", [*ELSEWHERE.values(), *NEAR])
def test_settings_refuse_every_other_address(address):
    with pytest.raises(ConfigError, match="not the paper trading address"):
        require_paper(address)
    with pytest.raises(ConfigError):
        parse_broker(text_of({"ALPACA_PAPER_URL": address}))
    assert require_paper(PAPER) == PAPER


@pytest.mark.parametrize("address", ELSEWHERE.values(), ids=ELSEWHERE)
def test_the_session_refuses_every_other_address_when_the_settings_let_it_pass(monkeypatch, address):
    monkeypatch.setattr(alpaca_client, "require_paper", lambda text: text)
    client = PaperClient("key", "secret", address)
    with pytest.raises((BlockedError, requests.RequestException, OSError)) as refused:
        AlpacaBroker(client, "PA1")._client.get("/account", {})
    assert not isinstance(refused.value, ReachedError)
    with pytest.raises((BlockedError, requests.RequestException)):
        PaperSession().get(f"{address}/v2/account")


# Written another way it is the same host by the time a request is made of it.
@pytest.mark.parametrize("address", [*ELSEWHERE.values(), *(near for near in NEAR if near.lower() != PAPER)])
def test_the_adapter_alone_refuses_every_other_address(address):
    """Also where somebody has mounted it for all addresses, and nothing else compares one."""
    session = PaperSession()
    for scheme in ("https://", "http://"):
        session.mount(scheme, PaperAdapter())
    with pytest.raises((BlockedError, requests.RequestException)):
        session.get(f"{address}/v2/account")


def test_a_client_that_is_not_for_paper_reaches_nothing():
    with pytest.raises(TypeError):
        PaperClient("key", "secret", PAPER, paper=False)
    live = TradingClient("key", "secret", paper=False, raw_data=True)
    live._session = PaperSession()
    with pytest.raises((BlockedError, requests.RequestException)):
        live.get_account()


def test_a_redirect_is_not_followed(monkeypatch):
    monkeypatch.undo()
    with serve(Desk(plan=lambda _method, _path: "redirect_after")) as desk:
        client = PaperClient("key", "secret", desk.url)
        assert client.get("/account", {}).status == 307
        with pytest.raises(ConfigError):
            AlpacaBroker(client, ACCOUNT["id"]).submit(order())
        with pytest.raises((BlockedError, requests.RequestException)):
            client.session.send(
                requests.Request("GET", f"http://localhost:{desk.port}/elsewhere/v2/x").prepare()
            )
        assert desk.strangers == 0 and len(desk.posts) == 1


def test_nothing_of_the_environment_leads_elsewhere(monkeypatch):
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    asked = []
    monkeypatch.setattr(
        "urllib3.util.connection.create_connection",
        lambda address, *_a, **_k: asked.append(address) or (_ for _ in ()).throw(OSError("no network")),
    )
    with pytest.raises((requests.RequestException, OSError)):
        PaperClient("key", "secret", PAPER).get("/account", {})
    assert asked == [("paper-api.alpaca.markets", 443)]


def test_another_version_of_the_client_is_refused(monkeypatch):
    monkeypatch.setattr(alpaca_client, "version", lambda _name: "0.45.0")
    with pytest.raises(ConfigError, match="another version"):
        PaperClient("key", "secret", PAPER)


def test_the_account_alone_refuses_when_addresses_are_not_looked_at(monkeypatch):
    """A live account at whatever address: it has neither a paper number nor the pinned id."""
    monkeypatch.undo()
    live = {**ACCOUNT, "account_number": "123456789"}
    with serve(Desk(account=live)) as desk:
        broker = AlpacaBroker(PaperClient("key", "secret", desk.url), ACCOUNT["id"])
        with pytest.raises(BlockedError, match="not a paper account"):
            broker.prove()
        desk.account = {**ACCOUNT, "id": "other", "account_number": "PA9"}
        with pytest.raises(BlockedError, match="not the pinned one"):
            broker.prove()
        with pytest.raises(BlockedError):
            AlpacaBroker(PaperClient("key", "secret", desk.url), "").prove()


WHOLE = {"BROKER": "alpaca", "ALPACA_PAPER_KEY": "k", "ALPACA_PAPER_SECRET": "s", "ALPACA_ACCOUNT_ID": "PA1"}
NEEDED = tuple(WHOLE)[1:]


def open_with(tmp_path, **values):
    named = {name: values.get(name, "") for name in WHOLE} | {"ALMANAC_HOME": str(tmp_path), "SYMBOLS": "AAPL"}
    return open_broker(parse_settings(tmp_path, {k: v for k, v in named.items() if v}))


def test_without_configuration_orders_go_to_the_simulated_broker(tmp_path, caplog):
    assert open_with(tmp_path) is None and not caplog.records
    assert open_with(tmp_path, BROKER="alpaca") is None and "the simulated broker is used" in caplog.text
    assert open_with(tmp_path, **{k: v for k, v in WHOLE.items() if k != "BROKER"}) is None
    assert isinstance(open_with(tmp_path, **WHOLE), AlpacaBroker)


@pytest.mark.parametrize("held", [[one] for one in NEEDED] + [[n for n in NEEDED if n != one] for one in NEEDED])
def test_half_a_configuration_is_an_error_that_names_the_other_half(tmp_path, held):
    with pytest.raises(ConfigError) as refused:
        open_with(tmp_path, BROKER="alpaca", **{name: WHOLE[name] for name in held})
    missing = [name for name in NEEDED if name not in held]
    assert all(name in str(refused.value) for name in missing)
    # Whoever goes on all the same finds the simulated one in every rule of the session.
    assert parse_broker(text_of({"BROKER": "alpaca", **{n: WHOLE[n] for n in held}})).name == "simulated"


def test_no_setting_names_a_live_account():
    assert parse_broker(text_of(WHOLE)).name == "alpaca" and parse_broker(text_of({})).name == "simulated"
    for wrong in ("live", "alpaca_live", "ALPACA"):
        with pytest.raises(ConfigError, match="no such broker"):
            parse_broker(text_of({"BROKER": wrong}))
    shown = repr(parse_broker(text_of({**WHOLE, "ALPACA_PAPER_KEY": "hush", "ALPACA_PAPER_SECRET": "hush"})))
    assert "hush" not in shown
    assert not [n for n in broker_settings.VARIABLES if "live" in n.lower()]
