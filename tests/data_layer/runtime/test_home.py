from __future__ import annotations

import json
import os

import pytest
from cryptography.fernet import Fernet

from data_layer.runtime.home import ROLES, Home
from models.errors import ConfigError


@pytest.fixture
def home(tmp_path):
    made = Home(tmp_path / "deep" / "home")
    made.settle_ports()
    return made


def test_everything_is_its_owners_alone(home):
    for path in [home.path, *home.path.rglob("*")]:
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path


def test_secrets_and_ports_are_kept_and_differ_between_homes(home, tmp_path):
    again, other = Home(home.path), Home(tmp_path / "other")
    names = [path.name for path in (home.path / "secrets").iterdir() if path.name != "pgpass"]
    assert [again.secret(n) for n in names] == [home.secret(n) for n in names]
    assert again.ports == home.ports
    assert not {home.secret(n) for n in names} & {other.secret(n) for n in names}


def test_secrets_have_the_forms_their_readers_ask_for(home):
    Fernet(home.secret("airflow_fernet_key"))
    assert json.loads(home.airflow_users.read_text()) == {"admin": home.secret("airflow_admin")}


def test_uri_and_password_file_agree(home):
    lines = home.pgpass.read_text().splitlines()
    for role, line in zip(ROLES, lines, strict=True):
        host, port, _, name, password = line.split(":")
        assert home.uri(role, "db") == f"postgresql://{name}:{password}@{host}:{port}/db"


def test_unknown_role_is_refused(home):
    with pytest.raises(ConfigError, match="no such role"):
        home.uri("somebody")


def test_home_that_was_never_started_says_so(tmp_path):
    with pytest.raises(ConfigError, match=r"never started.*make run"):
        Home(tmp_path).uri("postgres")


def test_file_in_the_way_is_refused(tmp_path):
    (tmp_path / "home").write_text("")
    with pytest.raises(ConfigError, match="ALMANAC_HOME"):
        Home(tmp_path / "home" / "inner")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_home_of_another_user_is_refused(home):
    os.chown(home.path, 12345, 12345)
    with pytest.raises(ConfigError, match="belongs to another user"):
        Home(home.path)
