"""Backups: what comes out is what went in, and a spoilt one changes nothing."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading

import psycopg
import pytest
from psycopg import errors, sql

from data_layer.runtime.postgres import embedded_postgres
from data_layer.runtime.verify_audit import breaks
from data_layer.storage.backup import DUMP, MANIFEST, RESTORED, restore_backup, write_backup
from data_layer.storage.database import transaction
from data_layer.storage.migrate import DB_INIT, prepare_database, run_script
from models.errors import ConfigError, DataQualityError
from tests.support.chain import query
from tests.support.prepared import failed_checks

pytestmark = pytest.mark.faults
ACCEPT = "INSERT INTO session_exceptions (session_date, symbol, reason) VALUES (%(d)s, 'IBM', 'halted') RETURNING 1"


@pytest.fixture(scope="module")
def backup(copy_database, tmp_path_factory):
    """A backup of a database with three events and hardly more, and of an artifact."""
    database = copy_database("quant_data")
    for day in ("2005-06-01", "2005-06-02", "2005-06-03"):
        query(database.writer, ACCEPT, {"d": day})
    home, folder = database.server.home, tmp_path_factory.mktemp("backups") / "first"
    model = home.path / "artifacts" / "family" / "abc" / "model.txt"
    model.parent.mkdir(parents=True)
    model.write_text("tree\n")
    write_backup(home, folder, database.name)
    shutil.rmtree(home.path / "artifacts")
    return folder


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """Another home's server, with its databases."""
    with embedded_postgres(tmp_path_factory.mktemp("other") / "home") as server:
        for script in DB_INIT.glob("00_*.sql"):
            run_script(server.home, script)
        yield server


@pytest.fixture
def target(running):
    """That server, its database empty."""
    with psycopg.connect(running.uri("postgres", "postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS quant_data WITH (FORCE)")
    prepare_database(running)
    return running


@pytest.fixture
def spoilt(backup, tmp_path):
    """A copy of the backup to spoil."""
    return shutil.copytree(backup, tmp_path / "spoilt")


def exactly(uri):
    """Every row of every table, clocks and surrogate keys included."""
    with transaction(uri) as connection:
        names = connection.execute(
            "SELECT tablename AS n FROM pg_tables WHERE schemaname = 'public' AND NOT tablename LIKE '%yoyo%'"
        ).fetchall()
        one = sql.SQL(
            "SELECT count(*) AS n, md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))) AS h FROM {} t"
        )
        return {
            row["n"]: tuple(connection.execute(one.format(sql.Identifier(row["n"]))).fetchone().values())
            for row in names
        }


def test_what_comes_out_is_what_went_in(small_chain, target, tmp_path):
    manifest = write_backup(small_chain.server.home, tmp_path / "backup", small_chain.name)
    assert restore_backup(target.home, tmp_path / "backup") == manifest
    assert exactly(target.uri("postgres")) == exactly(small_chain.owner)
    assert manifest["tables"]["signals"]["rows"] > 100
    assert failed_checks(target.uri("quant_reader")) == []
    with transaction(target.uri("quant_reader")) as connection:
        assert breaks(connection) == []
    # Roles, triggers and counters work on: an exception is accepted, its event linked behind the others.
    query(target.uri("quant_writer"), ACCEPT, {"d": "2006-01-03"})
    with transaction(target.uri("quant_reader")) as connection:
        assert breaks(connection) == []
        last = connection.execute("SELECT max(position) AS n FROM audit_chain").fetchone()
    assert last["n"] == manifest["tables"]["audit_chain"]["rows"] + 1
    with pytest.raises(errors.InsufficientPrivilege):
        query(target.uri("quant_writer"), "DELETE FROM audit_events")
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(target.uri("airflow"))  # PUBLIC may not connect to what took the database's place


def test_a_replay_that_goes_on_is_neither_in_the_backup_nor_in_its_way(database, tmp_path):
    with psycopg.connect(database.owner, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA replay_0123456789abcdef CREATE TABLE signals (id int)")
    with psycopg.connect(database.owner) as replay:  # at its end, when the backup comes
        replay.execute("DROP SCHEMA replay_0123456789abcdef CASCADE")
        write_backup(database.server.home, tmp_path / "backup", database.name)
    assert b"replay_0123456789abcdef" not in (tmp_path / "backup" / DUMP).read_bytes()


def test_a_database_in_use_is_replaced_only_when_told(backup, target):
    query(target.uri("quant_writer"), ACCEPT, {"d": "2006-01-03"})
    before = exactly(target.uri("postgres"))
    with pytest.raises(ConfigError, match=r"not empty.*REPLACE=yes"):
        restore_backup(target.home, backup)
    assert exactly(target.uri("postgres")) == before
    restore_backup(target.home, backup, replace=True)
    assert query(target.uri("quant_reader"), "SELECT count(*) AS n FROM session_exceptions") == [{"n": 3}]
    assert (target.home.path / "artifacts/family/abc/model.txt").read_text() == "tree\n"


def test_a_database_somebody_is_connected_to_is_left_alone(backup, target):
    before = exactly(target.uri("postgres"))
    with psycopg.connect(target.uri("quant_reader")), pytest.raises(ConfigError, match=r"connected.*make stop"):
        restore_backup(target.home, backup)
    assert exactly(target.uri("postgres")) == before


def test_what_a_killed_restore_left_is_cleared_away(backup, target):
    with psycopg.connect(target.uri("postgres", "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {RESTORED}")
    restore_backup(target.home, backup)
    assert query(target.uri("quant_reader"), "SELECT count(*) AS n FROM session_exceptions") == [{"n": 3}]
    left = "SELECT datname FROM pg_database WHERE datname LIKE 'quant_data_%%'"
    assert query(target.uri("postgres", "postgres"), left) == []


def truncate(folder):
    path = folder / DUMP
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


def flip(folder):
    path = folder / DUMP
    content = bytearray(path.read_bytes())
    content[content.rindex(b"\x78\x9c")] ^= 1  # in the rows of a table, which zlib's mark begins
    path.write_bytes(content)


def remove_artifact(folder):
    shutil.rmtree(folder / "artifacts")


def add_file(folder):
    (folder / "artifacts" / "more.txt").write_text("x")


def remove_manifest(folder):
    (folder / MANIFEST).unlink()


def cut_manifest(folder):
    path = folder / MANIFEST
    path.write_text(path.read_text()[:-50])


def claim(part, value):
    def forge(folder):
        manifest = json.loads((folder / MANIFEST).read_text())
        where, name = (manifest["tables"]["session_exceptions"], part) if part in {"rows", "hash"} else (manifest, part)
        where[name] = value
        (folder / MANIFEST).write_text(json.dumps(manifest))

    return forge


def with_matching_hash(spoil):
    """A forger who also writes the file's new hash into the manifest."""

    def forge(folder):
        spoil(folder)
        digest = hashlib.sha256((folder / DUMP).read_bytes()).hexdigest()
        manifest = json.loads((folder / MANIFEST).read_text())
        manifest["files"][DUMP] = digest
        (folder / MANIFEST).write_text(json.dumps(manifest))

    return forge


@pytest.mark.parametrize(
    "spoil",
    [
        truncate, flip, remove_artifact, add_file, remove_manifest, cut_manifest, with_matching_hash(truncate),
        with_matching_hash(flip), claim("rows", 1), claim("hash", "x"), claim("audit_head", "1:0"),
        claim("migrations", ["9999_of_tomorrow"]), claim("migrations", []), claim("format", 2),
    ],
)  # fmt: skip
def test_a_spoilt_backup_is_refused_with_nothing_changed(spoilt, running, spoil):
    before = databases(running)
    spoil(spoilt)
    with pytest.raises(
        (DataQualityError, ConfigError), match=r"spoilt backup|not a backup|newer code|pg_restore failed"
    ):
        restore_backup(running.home, spoilt, replace=True)
    assert databases(running) == before


def databases(server):
    """The databases by identity: a restore puts another one in the place of quant_data."""
    rows = query(server.uri("postgres", "postgres"), "SELECT oid, datname FROM pg_database ORDER BY 1")
    return [tuple(row.values()) for row in rows]


def test_a_backup_while_others_write_is_of_one_instant(database, running, tmp_path):
    """Else its own hashes would not agree with its dump."""
    begun, stop, days = threading.Event(), threading.Event(), iter(range(100_000))

    def write():
        while not stop.is_set():
            query(database.writer, ACCEPT.replace("%(d)s", "date '2006-01-03' + %(d)s"), {"d": next(days)})
            begun.set()

    writer = threading.Thread(target=write)
    writer.start()
    assert begun.wait(30)
    try:
        manifest = write_backup(database.server.home, tmp_path / "online", database.name)
    finally:
        stop.set()
        writer.join()
    stored = query(database.reader, "SELECT count(*) AS n FROM session_exceptions")[0]["n"]
    assert 0 < manifest["tables"]["session_exceptions"]["rows"] < stored
    assert restore_backup(running.home, tmp_path / "online", replace=True) == manifest


def test_a_backup_never_overwrites_another(running, backup):
    with pytest.raises(ConfigError, match="something there already"):
        write_backup(running.home, backup)
