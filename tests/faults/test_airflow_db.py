from __future__ import annotations

import psycopg
import pytest
from cryptography.fernet import Fernet, InvalidToken

from data_layer.runtime import airflow_db
from data_layer.runtime.airflow_connections import read_connection
from data_layer.runtime.airflow_db import cloned_metadata, metadata_is_ready, prepare_metadata
from data_layer.runtime.files import write_atomically
from data_layer.runtime.postgres import embedded_postgres
from data_layer.runtime.rotate import TOKENS, rotate_keys
from data_layer.storage.migrate import prepare_database

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    with embedded_postgres(tmp_path_factory.mktemp("home")) as server:
        prepare_database(server)
        assert prepare_metadata(server.home)
        yield server.home


def names(home):
    with psycopg.connect(home.uri("postgres", "postgres")) as connection:
        return {name for (name,) in connection.execute("SELECT datname FROM pg_database")}


def test_metadata_is_made_once(home):
    assert metadata_is_ready(home)
    assert not prepare_metadata(home)
    with psycopg.connect(home.uri("airflow", "airflow")) as connection:
        pools = connection.execute("SELECT pool, slots FROM slot_pool WHERE pool <> 'default_pool'")
        assert sorted(pools) == [("alpaca", 1), ("polygon", 1), ("yfinance", 1)]


def test_interrupted_preparation_is_repeated_and_keeps_what_is_there(home):
    with psycopg.connect(home.uri("airflow", "airflow")) as connection:
        connection.execute("UPDATE slot_pool SET slots = 77")
        connection.execute("DELETE FROM slot_pool WHERE pool = 'polygon'")  # as in a home of before
    with psycopg.connect(home.uri("postgres", "postgres")) as connection:
        connection.execute(f"COMMENT ON DATABASE {airflow_db.TEMPLATE} IS NULL")
    assert prepare_metadata(home)
    with psycopg.connect(home.uri("airflow", "airflow")) as connection:
        pools = dict(connection.execute("SELECT pool, slots FROM slot_pool").fetchall())
        assert pools == {"default_pool": 77, "alpaca": 77, "yfinance": 77, "polygon": 1}
    with cloned_metadata(home) as clone, psycopg.connect(home.uri("airflow", clone)) as connection:
        assert (77,) not in connection.execute("SELECT slots FROM slot_pool").fetchall()


def test_nobody_can_change_the_template(home):
    with pytest.raises(psycopg.OperationalError, match="not currently accepting connections"):
        psycopg.connect(home.uri("postgres", airflow_db.TEMPLATE))


def test_clone_is_dropped_also_on_failure_and_while_still_connected(home):
    before = names(home)
    connection = None
    with pytest.raises(KeyboardInterrupt), cloned_metadata(home) as clone:
        connection = psycopg.connect(home.uri("airflow", clone))
        assert names(home) - before == {clone}
        raise KeyboardInterrupt
    assert names(home) == before
    connection.close()


def test_clone_of_a_killed_user_is_dropped_by_the_next_and_one_in_use_is_not(home):
    before = names(home)
    with psycopg.connect(home.uri("postgres", "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {airflow_db.CLONE}abandoned")
    with cloned_metadata(home) as one:
        assert f"{airflow_db.CLONE}abandoned" not in names(home)
        with cloned_metadata(home) as other:
            assert {one, other} <= names(home)
    assert names(home) == before


def test_a_connection_made_in_airflow_is_read_outside_of_it(home):
    fernet = Fernet(home.secret("airflow_fernet_key").encode())
    with psycopg.connect(home.uri("airflow", "airflow")) as connection:
        connection.execute(
            "INSERT INTO connection (conn_id, conn_type, password, is_encrypted, is_extra_encrypted) "
            "VALUES ('polygon', 'http', %s, true, false)",
            [fernet.encrypt(b"key-[of]-a-connection").decode()],
        )
    assert read_connection(home, "polygon") == {"login": "", "password": "key-[of]-a-connection"}
    assert read_connection(home, "alpaca") == {}


def test_keys_are_rotated_and_what_airflow_keeps_stays_readable(home):
    """Also after a rotation that was interrupted between its two keys."""
    old = home.secret("airflow_fernet_key")
    with psycopg.connect(home.uri("airflow", "airflow")) as connection:
        connection.execute(
            "INSERT INTO connection (conn_id, conn_type, login, password, is_encrypted, is_extra_encrypted) "
            "VALUES ('vendor', 'http', 'me', %s, true, false)", [Fernet(old).encrypt(b"s3cret").decode()]
        )  # fmt: skip
    tokens = [home.secret(name) for name in TOKENS]
    write_atomically(home.secret_path("airflow_fernet_key"), f"{Fernet.generate_key().decode()},{old}")
    rotate_keys(home)
    fresh = home.secret("airflow_fernet_key")
    assert old not in fresh and "," not in fresh
    assert not {*tokens} & {home.secret(name) for name in TOKENS}
    assert home.secret_path("airflow_fernet_key").stat().st_mode & 0o077 == 0
    with psycopg.connect(home.uri("airflow", "airflow")) as connection:
        ((stored,),) = connection.execute("SELECT password FROM connection WHERE conn_id = 'vendor'").fetchall()
    assert Fernet(fresh).decrypt(stored.encode()) == b"s3cret"
    with pytest.raises(InvalidToken):
        Fernet(old).decrypt(stored.encode())
