"""A vendor's key as an Airflow connection: handed down, and shown to nobody."""

from __future__ import annotations

import json

import pytest

from data_layer.settings import parse_settings
from data_layer.source_catalogue import declared_sources
from data_layer.sources import open_source
from data_layer.storage.roles import as_layer
from models.errors import ConfigError
from plugins.stages.window import Window
from plugins.vendor_keys import with_connections
from tests.support.vendor_cases import FIRST, WANTED
from tests.support.vendor_market import sample_market
from tests.support.vendor_stub import serve

POLYGON = json.dumps({"conn_type": "http", "password": "key-of-a-connection"})
ALPACA = json.dumps({"conn_type": "http", "login": "alpaca-login", "password": "alpaca-secret"})


@pytest.fixture
def connections(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_POLYGON", POLYGON)
    monkeypatch.setenv("AIRFLOW_CONN_ALPACA", ALPACA)


def settings_of(home, source, **values):
    return parse_settings(home, {**WANTED, "SOURCE": source, **values})


def test_keys_come_from_the_sources_own_connection(connections, tmp_path):
    polygon = with_connections(settings_of(tmp_path, "polygon")).vendors
    none = dict.fromkeys(("ALPACA_API_KEY", "ALPACA_SECRET_KEY", "POLYGON_API_KEY"), "")
    assert polygon.keys == {**none, "POLYGON_API_KEY": "key-of-a-connection"}
    alpaca = with_connections(settings_of(tmp_path, "alpaca")).vendors
    assert alpaca.keys == {**none, "ALPACA_API_KEY": "alpaca-login", "ALPACA_SECRET_KEY": "alpaca-secret"}
    assert "key-of-a-connection" not in repr(polygon) and "alpaca-secret" not in repr(alpaca)


def test_the_environment_and_env_file_come_first(connections, tmp_path):
    settings = settings_of(tmp_path, "polygon", POLYGON_API_KEY="mine")
    assert with_connections(settings).vendors.keys["POLYGON_API_KEY"] == "mine"


@pytest.mark.parametrize("source", ["sample", "files", "yfinance"])
def test_who_needs_no_key_asks_for_no_connection(connections, tmp_path, source):
    settings = settings_of(tmp_path, source)
    assert with_connections(settings) is settings


@pytest.mark.parametrize("source", [one.name for one in declared_sources().values() if one.keys])
def test_without_either_the_message_names_both(tmp_path, monkeypatch, source):
    monkeypatch.setattr("plugins.vendor_keys._connection", lambda name: {})
    settings = with_connections(settings_of(tmp_path, source))
    with pytest.raises(ConfigError, match=rf"key is missing.*_KEY.*Airflow connection `{source}`"):
        open_source(settings).instruments()


def test_a_task_hands_it_down_to_the_vendor(connections, database, tmp_path, monkeypatch):
    from plugins.stages import opening

    with serve(sample_market()) as stub:
        given = {**stub.settings(), **WANTED, "SOURCE": "polygon", "POLYGON_API_KEY": ""}
        for name, value in {**given, "ALMANAC_HOME": str(tmp_path)}.items():
            monkeypatch.setenv(name, value)
        seen = {}
        monkeypatch.setattr(
            opening, "resolve", lambda uri, request, settings: seen.update(s=settings) or Window("nothing")
        )

        class Ti:
            def xcom_push(self, key, value):
                assert "key-of-a-connection" not in repr(value)

        class Run:
            dag_id, run_id, logical_date, triggering_user_name = "data_ingestion", "run", None, None

        run = opening.open_context(database.writer, {"dag_run": Run, "ti": Ti(), "params": {}}, "first", "first")
        assert run.uri == as_layer(database.writer, "data_ingestion")  # what the task writes, it writes as its layer
        open_source(seen["s"]).actions(["AAPL"], FIRST, FIRST)
        assert stub.asked[0][1]["authorization"] == "Bearer key-of-a-connection"
