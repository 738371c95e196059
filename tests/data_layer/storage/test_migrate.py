from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from yoyo.backends.base import DatabaseBackend

from data_layer.runtime.postgres import embedded_postgres
from data_layer.storage.migrate import DB_INIT, ROLES, migration_files, prepare_database
from models.errors import ConfigError


@pytest.fixture
def server(tmp_path):
    with embedded_postgres(tmp_path / "home") as running:
        yield running


@pytest.fixture
def db_init(tmp_path):
    """Our roles and databases, and one migration with what a naive splitter trips over."""
    folder = tmp_path / "db-init"
    (folder / "migrations").mkdir(parents=True)
    for script in DB_INIT.glob("00_*.sql"):
        (folder / script.name).write_text(script.read_text())
    (folder / "migrations" / "0001_first.sql").write_text(
        "CREATE TABLE first (x int);\n"
        "COMMENT ON TABLE first IS '50% of :x; and more';\n"
        "DO $$ BEGIN PERFORM 1; END $$;\n"
    )
    return folder


def ask(server, statement, role="postgres"):
    with psycopg.connect(server.uri(role)) as connection:
        return connection.execute(statement).fetchone()[0]


def test_schema_belongs_to_the_owner_and_roles_can_log_in(server):
    applied = prepare_database(server)
    assert applied == [path.stem for path in migration_files(DB_INIT / "migrations")]
    strangers = (
        "SELECT count(*) FROM pg_class "
        "WHERE relnamespace = 'public'::regnamespace AND relowner <> 'quant_owner'::regrole"
    )
    assert ask(server, strangers) == 0
    for role in ("quant_writer", "quant_reader"):
        assert ask(server, "SELECT current_user::text", role) == role
    assert not ask(server, "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'quant_owner'")


def test_repeating_it_changes_nothing(server, db_init):
    assert prepare_database(server, db_init) == ["0001_first"]
    assert prepare_database(server, db_init) == []
    assert prepare_database(server.home, db_init) == []
    assert ask(server, "SELECT obj_description('first'::regclass)") == "50% of :x; and more"


def test_several_at_once_apply_each_migration_once(server, db_init):
    for number in range(2, 8):
        (db_init / "migrations" / f"{number:04}_more.sql").write_text(f"CREATE TABLE t{number} (x int);")
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: prepare_database(server, db_init), range(4)))
    assert sorted(len(applied) for applied in done) == [0, 0, 0, 7]


def test_failed_migration_leaves_nothing_and_can_be_mended(server, db_init):
    second = db_init / "migrations" / "0002_second.sql"
    second.write_text("CREATE TABLE second (x int);\nSELECT nonsense;")
    with pytest.raises(ConfigError, match=r"rolled back.*nonsense(?s:.*)0002_second"):
        prepare_database(server, db_init)
    assert ask(server, "SELECT to_regclass('second')") is None
    second.write_text("CREATE TABLE second (x int);")
    assert prepare_database(server, db_init) == ["0002_second"]


def test_migration_interrupted_before_it_is_marked_is_not_half_done(server, db_init, monkeypatch):
    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(DatabaseBackend, "mark_one", interrupted)
        with pytest.raises(KeyboardInterrupt):
            prepare_database(server, db_init)
    assert ask(server, "SELECT to_regclass('first')") is None
    assert prepare_database(server, db_init) == ["0001_first"]


def test_lock_row_of_a_killed_migration_does_not_stand_in_the_way(server, db_init):
    prepare_database(server, db_init)
    with psycopg.connect(server.uri("postgres")) as connection:
        connection.execute("INSERT INTO yoyo_lock (locked, ctime, pid) VALUES (1, now(), 1)")
    (db_init / "migrations" / "0002_second.sql").write_text("CREATE TABLE second (x int);")
    assert prepare_database(server, db_init) == ["0002_second"]


def test_failing_script_names_itself(server, db_init):
    (db_init / "00_z_broken.sql").write_text("SELECT 1/0;")
    with pytest.raises(ConfigError, match=r"division by zero(?s:.*)00_z_broken\.sql"):
        prepare_database(server, db_init)


def test_no_password_stands_in_the_log_of_a_server_that_logs_every_statement(server):
    prepare_database(server)
    with psycopg.connect(server.uri("postgres", "postgres"), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET log_statement = 'all'")
        connection.execute("SELECT pg_reload_conf()")
    while ask(server, "SHOW log_statement") != "all":  # the server reads it in its own time
        time.sleep(0.05)
    prepare_database(server)
    logged = server.log.read_text()
    assert "ALTER ROLE \"quant_writer\" PASSWORD 'SCRAM-SHA-256$" in logged
    home = server.home
    assert not [role for role in ROLES if home.secret(f"postgres_{role}") in logged]
    assert ask(server, "SELECT 1", "quant_writer") == 1
