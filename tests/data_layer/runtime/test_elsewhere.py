"""An existing Postgres, a Redis and an api-server elsewhere: one setting each."""

from __future__ import annotations

import json

import psycopg
import pytest

from data_layer.runtime.airflow_env import airflow_environment
from data_layer.runtime.backup import postgres
from data_layer.runtime.bring_up import bring_up_database
from data_layer.runtime.elsewhere import Elsewhere, elsewhere_settings
from data_layer.runtime.home import Home
from data_layer.runtime.launch import services_of
from data_layer.runtime.postgres import PostgresServer
from data_layer.runtime.services import Services
from data_layer.storage.backup import write_backup
from models.errors import ConfigError

URL = "postgresql://boss:h%40ush@db.example.com:5433/postgres?sslmode=require"


def home_with(tmp_path, **environ):
    return Home(tmp_path / "home", elsewhere_settings(environ))


def test_every_role_reaches_the_existing_server(tmp_path):
    home = home_with(tmp_path, DATABASE_URL=URL)
    assert home.uri("postgres", "x") == "postgresql://boss:h%40ush@db.example.com:5433/x?sslmode=require"
    password = home.secret("postgres_quant_reader")
    assert home.uri("quant_reader") == (
        f"postgresql://quant_reader:{password}@db.example.com:5433/quant_data?sslmode=require"
    )
    home.keep_database()
    assert home.secret_path("database_url").stat().st_mode & 0o777 == 0o600
    assert "db.example.com:5433:*:boss:h@ush" in home.pgpass.read_text().splitlines()
    later = Home(tmp_path / "home", elsewhere_settings({}, kept=home.secret_path("database_url").read_text()))
    assert later.uri("quant_reader") == home.uri("quant_reader")


def test_a_home_with_a_postgres_of_its_own_takes_no_other(tmp_path):
    home = home_with(tmp_path, DATABASE_URL=URL)
    home.pgdata.mkdir()
    with pytest.raises(ConfigError, match=r"Postgres of its own.*another ALMANAC_HOME"):
        home.keep_database()


def test_airflow_uses_what_is_elsewhere(tmp_path):
    home = home_with(tmp_path, DATABASE_URL=URL, REDIS_URL="redis://:pw@queue:6379/0",
                     API_SERVER_URL="http://api-server:8080", PUBLIC_URL="https://almanac.example.com/")  # fmt: skip
    env = airflow_environment(home, environ={"SECRET_REDIS": "pw", "DATABASE_URL": URL, "TERM": "xterm",
                                             "AIRFLOW__CELERY__WORKER_CONCURRENCY": "7"})  # fmt: skip
    assert env["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"
    assert env["AIRFLOW__CELERY__BROKER_URL"] == "redis://:pw@queue:6379/0"
    assert env["AIRFLOW__CELERY__RESULT_BACKEND"] == "db+" + env["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    assert env["AIRFLOW__CELERY__WORKER_CONCURRENCY"] == "7"
    assert env["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://api-server:8080/execution/"
    assert env["AIRFLOW__API__BASE_URL"] == "https://almanac.example.com"
    assert (env["AIRFLOW__API__HOST"], env["AIRFLOW__API__PORT"]) == ("0.0.0.0", "8080")  # noqa: S104
    assert json.loads(env["AIRFLOW_CONN_QUANT_DATA"])["extra"] == {"sslmode": "require"}
    # What makes tables, and what nobody asked Airflow to know, stays out of its tasks.
    assert not [name for name in env if name.startswith(("SECRET_", "DATABASE_URL"))]
    assert not [value for value in env.values() if "h%40ush" in value or "h@ush" in value]
    # A message must outlast the longest task, or a second worker would start it again.
    assert int(env["AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT"]) > 6 * 3600
    assert services_of(home)[-1] == "worker"


def test_a_home_with_an_existing_server_never_makes_one_of_its_own_for_a_backup(tmp_path):
    home = home_with(tmp_path, DATABASE_URL="postgresql://boss:hush@127.0.0.1:1/postgres")
    with pytest.raises(ConfigError, match=r"does not answer.*DATABASE_URL.*127\.0\.0\.1:1") as caught, postgres(home):
        pass
    assert not home.pgdata.exists() and "hush" not in str(caught.value)
    assert home.conninfo("postgres", "quant_data") == "host=127.0.0.1 port=1 user=boss dbname=quant_data"


def test_a_wrong_password_is_told_and_not_waited_for(tmp_path, server):
    url = server.uri("postgres", "postgres").replace(server.home.secret("postgres_postgres"), "another-hush")
    home = home_with(tmp_path, DATABASE_URL=url)
    with pytest.raises(ConfigError, match=r"refuses the password.*DATABASE_URL") as caught:
        PostgresServer(home).is_running()
    assert "hush" not in str(caught.value)


def test_one_machine_needs_none_of_it(tmp_path):
    home = Home(tmp_path / "home", Elsewhere())
    home.settle_ports()
    env = airflow_environment(home, environ={})
    assert (env["AIRFLOW__CORE__EXECUTOR"], env["AIRFLOW__API__HOST"]) == ("LocalExecutor", "127.0.0.1")
    assert not [name for name in env if "CELERY" in name]
    assert "worker" not in services_of(home)
    home.keep_database()
    assert not home.secret_path("database_url").exists()


def test_given_secrets_count_and_are_kept(tmp_path, monkeypatch):
    generated = Home(tmp_path / "home").secret("postgres_airflow")
    monkeypatch.setenv("SECRET_POSTGRES_AIRFLOW", "handed over")
    monkeypatch.setenv("SECRET_AIRFLOW_ADMIN", "of the pages")
    home = Home(tmp_path / "home")
    assert home.secret("postgres_airflow") == "handed over" != generated
    assert json.loads(home.airflow_users.read_text()) == {"admin": "of the pages"}
    monkeypatch.delenv("SECRET_POSTGRES_AIRFLOW")
    assert Home(tmp_path / "home").secret("postgres_airflow") == "handed over"


@pytest.mark.parametrize(
    "given",
    [
        {"DATABASE_URL": "mysql://a:hush@host/db"}, {"DATABASE_URL": "postgresql://a@host/db"},
        {"DATABASE_URL": "postgresql://a:hush@host:port/db"}, {"DATABASE_URL": "host=x password=hush"},
        {"REDIS_URL": "http://:hush@host"}, {"API_SERVER_URL": "api-server:8080"}, {"PUBLIC_URL": "ftp://host"},
    ],
)  # fmt: skip
def test_another_address_is_refused_without_telling_its_password(given):
    with pytest.raises(ConfigError, match=next(iter(given))) as caught:
        elsewhere_settings(given)
    assert "hush" not in str(caught.value)


def test_an_existing_postgres_is_brought_up_and_left_running(server, tmp_path, monkeypatch):
    """What make run does with DATABASE_URL, but for Airflow's own tables: the template of those takes long to make."""
    monkeypatch.setattr("data_layer.runtime.bring_up.prepare_metadata", lambda home: False)
    url = server.uri("postgres", "postgres")
    theirs = {f"SECRET_{f'postgres_{role}'.upper()}": server.home.secret(f"postgres_{role}")
              for role in ("quant_writer", "quant_reader", "quant_trainer", "airflow")}  # fmt: skip
    for name, value in theirs.items():
        monkeypatch.setenv(name, value)
    home = Home(tmp_path / "home", elsewhere_settings({"DATABASE_URL": url}))
    services, told = Services(home), []
    try:
        bring_up_database(home, services, told.append, {})
        assert "postgres" not in services.states()
        assert services.states() != {}
        assert not home.pgdata.exists()
        assert told == [f"Postgres runs at 127.0.0.1:{server.home.port('postgres')}"]
        with psycopg.connect(home.uri("quant_reader")) as connection:
            assert connection.execute("SELECT count(*) FROM market_data").fetchone() == (0,)
        with postgres(home):
            assert write_backup(home, tmp_path / "backup")["tables"]["market_data"]["rows"] == 0
    finally:
        services.stop()
    assert server.is_running()
    with psycopg.connect(url) as connection:  # its superuser keeps its password
        assert connection.execute("SELECT 1").fetchone() == (1,)
