from __future__ import annotations

import json

import pytest

from data_layer.runtime.airflow_env import airflow_environment
from data_layer.runtime.environment import given_ports, inherited
from data_layer.runtime.home import Home
from data_layer.runtime.remember import refuse_other_source, remember
from data_layer.settings import ROOT, load_settings
from models.errors import ConfigError


@pytest.fixture
def home(tmp_path):
    made = Home(tmp_path)
    made.settle_ports()
    return made


def given(home, **values):
    return {"ALMANAC_HOME": str(home.path), **values}


def test_later_runs_go_on_with_what_the_first_was_given(home):
    remember(home.path, given(home, SYMBOLS="AAPL IBM", INITIAL_CASH="5000"))
    later = remember(home.path, given(home, INITIAL_CASH="7000"))
    assert later.symbols == ("AAPL", "IBM")
    assert later.initial_cash == 7000
    assert load_settings(given(home)) == later


def test_another_source_is_refused_with_the_remedy_and_nothing_is_kept(home):
    remember(home.path, given(home))
    before = (home.path / "settings.json").read_text()
    with pytest.raises(ConfigError, match=r"`ALMANAC_HOME=\.almanac-files make run SOURCE=files"):
        remember(home.path, given(home, SOURCE="files", FILES="bars.csv"))
    assert (home.path / "settings.json").read_text() == before
    refuse_other_source(home.path, given(home, SOURCE="sample"))


def test_wrong_value_keeps_nothing(home):
    with pytest.raises(ConfigError, match="START lies after END"):
        remember(home.path, given(home, START="2013-01-02", END="2012-01-03"))
    assert not (home.path / "settings.json").exists()


def test_files_are_remembered_by_their_whole_path(home):
    remember(home.path, given(home, SOURCE="files", FILES="../shared/bars.csv"))
    kept = json.loads((home.path / "settings.json").read_text())
    assert kept["FILES"] == str(ROOT.parent / "shared" / "bars.csv")


def test_services_go_on_with_the_homes_settings_not_with_the_shells(home):
    remember(home.path, given(home, SYMBOLS="AAPL"))
    environment = airflow_environment(home, environ=given(home, SYMBOLS="MSFT", SOURCE="files"))
    assert environment["SYMBOLS"] == "AAPL"
    assert environment["SOURCE"] == "sample"
    assert environment["END"] == ""  # said outright, or .env would have a word in it


def test_variables_of_another_airflow_or_postgres_are_dropped_and_the_pace_may_be_tuned(home):
    shell = {
        "PATH": "/bin",
        "PGHOST": "elsewhere",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite://",
        "AIRFLOW_HOME": "/elsewhere",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "True",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "5",
        "AIRFLOW_CONN_QUANT_DATA": "postgres://elsewhere",
        "AIRFLOW_CONN_POLYGON": "http://:key@",
        "AIRFLOW_CONN_ALPACA_PAPER": "http://key:secret@",
    }
    keys = {"AIRFLOW_CONN_POLYGON", "AIRFLOW_CONN_ALPACA_PAPER"}
    kept = {"PATH", "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT", *keys}
    assert set(inherited(shell)) == kept
    environment = airflow_environment(home, environ=shell)
    assert environment["AIRFLOW_HOME"] == str(home.airflow)
    assert environment["AIRFLOW__CORE__LOAD_EXAMPLES"] == "False"
    assert environment["AIRFLOW_CONN_POLYGON"] == shell["AIRFLOW_CONN_POLYGON"]  # a vendor's key
    assert str(home.port("postgres")) in environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    assert environment["AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT"] == "5"


def test_connections_name_their_roles(home):
    environment = airflow_environment(home, environ={})
    for name, role in (
        ("QUANT_DATA", "quant_writer"), ("QUANT_READER", "quant_reader"), ("QUANT_TRAINER", "quant_trainer"),
    ):  # fmt: skip
        connection = json.loads(environment[f"AIRFLOW_CONN_{name}"])
        assert (connection["login"], connection["schema"]) == (role, "quant_data")
        assert connection["host"] == "127.0.0.1"
        assert connection["password"] == home.secret(f"postgres_{role}")


@pytest.mark.parametrize("text", ["abc", "80", "70000", "1e4", "-5"])
def test_port_that_is_none_is_refused(text):
    with pytest.raises(ConfigError, match="AIRFLOW_PORT"):
        given_ports({"AIRFLOW_PORT": text})


def test_ports_given():
    assert given_ports({"AIRFLOW_PORT": "8081", "POSTGRES_PORT": ""}) == {"airflow": 8081}
