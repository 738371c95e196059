from __future__ import annotations

import socket
from pathlib import Path

import pytest

from data_layer.runtime.ports import SERVICES, choose_ports, is_free
from models.errors import ConfigError

HOME = Path("/a/home")


@pytest.fixture
def busy():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def down(_service):
    return False


def test_first_choice_is_free_and_its_own_for_each_service():
    ports, messages = choose_ports(HOME, {}, {}, down)
    assert set(ports) == set(SERVICES)
    assert len(set(ports.values())) == len(SERVICES)
    assert all(is_free(port) for port in ports.values())
    assert messages == []


def test_two_homes_started_at_once_choose_different_ports():
    one, _ = choose_ports(HOME, {}, {}, down)
    other, _ = choose_ports(Path("/another/home"), {}, {}, down)
    assert not set(one.values()) & set(other.values())


def test_remembered_ports_are_kept():
    ports, _ = choose_ports(HOME, {}, {}, down)
    assert choose_ports(HOME, ports, {}, down) == (ports, [])


def test_remembered_port_that_is_taken_moves_and_says_so(busy):
    ports, _ = choose_ports(HOME, {}, {}, down)
    moved, messages = choose_ports(HOME, {**ports, "postgres": busy}, {}, down)
    assert moved["postgres"] != busy
    assert moved == {**ports, "postgres": moved["postgres"]}
    (message,) = messages
    assert message == f"port {busy} of postgres is taken by another program; it moves to {moved['postgres']}"


def test_port_of_a_running_service_of_ours_is_kept(busy):
    ports, _ = choose_ports(HOME, {}, {}, down)
    kept, messages = choose_ports(HOME, {**ports, "postgres": busy}, {}, lambda name: name == "postgres")
    assert kept["postgres"] == busy
    assert messages == []


def test_busy_port_given_on_purpose_is_refused(busy):
    with pytest.raises(ConfigError, match=f"port is busy .AIRFLOW_PORT={busy}"):
        choose_ports(HOME, {}, {"airflow": busy}, down)


def test_given_port_is_taken_and_no_other_service_gets_it():
    free = choose_ports(HOME, {}, {}, down)[0]["supervisor"]
    ports, _ = choose_ports(HOME, {}, {"airflow": free}, down)
    assert ports["airflow"] == free
    assert ports["supervisor"] != free


def test_running_service_does_not_move_to_a_given_port(busy):
    with pytest.raises(ConfigError, match="make stop"):
        choose_ports(HOME, {"airflow": busy}, {"airflow": 18081}, lambda name: name == "airflow")
