from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from data_layer.runtime import postgres, processes
from data_layer.runtime.home import Home
from data_layer.runtime.postgres import PostgresServer, embedded_postgres
from data_layer.settings import ROOT
from models.errors import ConfigError


def ask(server, statement, **changes):
    with psycopg.connect(server.uri("postgres", "postgres"), **changes) as connection:
        return connection.execute(statement).fetchone()[0]


def test_listens_at_the_loopback_only_and_asks_for_the_password(tmp_path):
    with embedded_postgres(tmp_path) as server:
        port = server.home.port("postgres")
        listening = Path("/proc/net/tcp").read_text()
        assert f"0100007F:{port:04X} 00000000:0000 0A" in listening
        assert f"00000000:{port:04X} " not in listening
        assert ask(server, "SHOW unix_socket_directories") == ""
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            ask(server, "SELECT 1", password="guessed")
        assert ask(server, "SELECT bool_and(rolpassword LIKE 'SCRAM-SHA-256$%') FROM pg_authid")


def test_a_home_keeps_what_outlives_a_power_cut_and_a_guess(tmp_path):
    with embedded_postgres(tmp_path, durable=True) as server:
        kept = {name: ask(server, f"SHOW {name}") for name in postgres.FLEETING}
    assert kept == dict.fromkeys(postgres.FLEETING, "on") | {"scram_iterations": "4096"}
    assert {"fsync", "synchronous_commit", "full_page_writes", "autovacuum", "scram_iterations"} <= set(kept)


def test_interrupted_initdb_is_repeated(tmp_path):
    home = Home(tmp_path)
    (tmp_path / "pgdata.unfinished" / "base").mkdir(parents=True)
    home.settle_ports()
    PostgresServer(home).init()
    assert (home.pgdata / "PG_VERSION").exists()
    assert not (tmp_path / "pgdata.unfinished").exists()


def test_killed_server_with_a_busy_orphan_starts_again_and_keeps_what_was_committed(tmp_path):
    with embedded_postgres(tmp_path, durable=True) as server:
        with psycopg.connect(server.uri("postgres", "postgres")) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS x")
        # A backend that only computes does not look whether its parent lives.
        busy = psycopg.connect(server.uri("postgres", "postgres"))
        busy.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 100000000000)")
        time.sleep(0.3)
        os.kill(server.pid(), signal.SIGKILL)
        while server.pid():
            time.sleep(0.01)
        server.start()
        busy.close()
        assert ask(server, "SELECT x FROM kept") == 1


def test_lock_file_naming_a_foreign_process_does_not_stand_in_the_way(tmp_path):
    with embedded_postgres(tmp_path) as server:
        lines = (server.home.pgdata / "postmaster.pid").read_text().splitlines()
        server.stop()
        stranger = subprocess.Popen(["/bin/sleep", "60"])
        try:
            lines[0] = str(stranger.pid)
            (server.home.pgdata / "postmaster.pid").write_text("\n".join(lines) + "\n")
            assert server.pid() is None
            server.start()
            assert server.is_running()
            assert stranger.poll() is None
        finally:
            stranger.kill()
            stranger.wait()


def test_a_process_that_merely_stands_in_the_data_folder_is_left_alone(tmp_path):
    with embedded_postgres(tmp_path) as server:
        visitor = subprocess.Popen(["/bin/sleep", "60"], cwd=server.home.pgdata)
        try:
            server.stop()
            server.start()
            assert visitor.poll() is None
        finally:
            visitor.kill()
            visitor.wait()


def test_server_that_cannot_start_says_why(tmp_path):
    home = Home(tmp_path)
    home.settle_ports()
    server = PostgresServer(home)
    server.init()
    (home.pgdata / "PG_VERSION").unlink()
    with pytest.raises(ConfigError, match=r"does not start:(?s:.*)PG_VERSION(?s:.*)postgres\.log"):
        server.start()
    assert server.pid() is None


def test_port_taken_meanwhile_says_so(tmp_path):
    home = Home(tmp_path)
    home.settle_ports()
    with socket.socket() as other:
        other.bind(("127.0.0.1", home.port("postgres")))
        other.listen()
        with pytest.raises(ConfigError, match="Address already in use"):
            PostgresServer(home).start()


def test_stop_ends_every_process_of_the_server(tmp_path):
    with embedded_postgres(tmp_path) as server:
        server.stop()
        time.sleep(0.1)
        assert not [p for p in processes.all_processes() if processes.is_postgres_of(p, server.home.pgdata)]


@pytest.mark.skipif(os.geteuid() != 0, reason="concerns root")
def test_root_where_namespaces_are_forbidden(tmp_path, monkeypatch):
    monkeypatch.setattr(postgres, "_works", lambda _prefix: False)
    postgres.unprivileged.cache_clear()
    try:
        assert postgres.unprivileged()[0] == "setpriv"
        with embedded_postgres(tmp_path) as server:
            assert ask(server, "SELECT 1") == 1
            assert server.home.pgdata.owner() == "nobody"
    finally:
        postgres.unprivileged.cache_clear()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_ordinary_user_without_a_name(tmp_path):
    """The program files must be readable to that user; where they are root's alone, nothing can be shown."""
    code = (
        "import sys; from pathlib import Path; from data_layer.runtime.postgres import *\n"
        "with embedded_postgres(Path(sys.argv[1])) as server: print(server.is_running())"
    )
    place = Path("/tmp") / f"almanac-user-{os.getpid()}"  # noqa: S108
    place.mkdir()
    os.chown(place, 54321, 54321)
    become = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"]
    environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    try:
        probe = [*become, sys.executable, "-c", "import data_layer.runtime.postgres"]
        if subprocess.run(probe, env=environment, capture_output=True, check=False, cwd="/").returncode:
            pytest.skip("this Python is not readable to others")
        done = subprocess.run(
            [*become, sys.executable, "-c", code, place / "home"],
            env=environment, capture_output=True, text=True, check=False, cwd="/",
        )  # fmt: skip
        assert done.stdout == "True\n", done.stderr
    finally:
        subprocess.run(["rm", "-rf", place], check=True)
