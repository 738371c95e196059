"""The services of one home under a supervisor that brings a dead one back."""

from __future__ import annotations

import hashlib
import shlex
import signal
import subprocess
import sys
import time
import xmlrpc.client  # nosec B411  # of our own supervisor
from collections.abc import Callable
from pathlib import Path
from typing import Any

from data_layer.runtime import processes
from data_layer.runtime.airflow_env import airflow_environment
from data_layer.runtime.environment import inherited
from data_layer.runtime.files import exclusive_lock, write_atomically
from data_layer.runtime.home import Home
from data_layer.runtime.launch import services_of
from data_layer.runtime.postgres import PostgresServer
from data_layer.settings import ROOT
from models.errors import ConfigError

STOP_SECONDS = 90.0  # Postgres' last checkpoint, and tasks that are given time to end
PROGRAM = """
[program:{name}]
command={command}
autostart=false
autorestart=true
; Airflow's services exit while Postgres is away; each further try waits a second longer, none is the last.
startretries=1000000
startsecs={startsecs}
stopsignal={signal}
stopasgroup={group}
killasgroup={group}
stopwaitsecs={patience}
redirect_stderr=true
stdout_logfile={log}
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=3
"""


class _Transport(xmlrpc.client.Transport):
    """Gives up after a while: a foreign program at our port may take a connection and never answer."""

    def make_connection(self, host: Any) -> Any:
        """Return a connection that waits ten seconds at most; the supervisor answers in milliseconds."""
        connection = super().make_connection(host)
        connection.timeout = 10.0
        return connection


class Services:
    """Start, stop and look at Postgres and Airflow's four services of a home."""

    def __init__(self, home: Home):
        """Take the home; nothing is started yet."""
        self.home = home
        self.postgres = PostgresServer(home)
        self.airflow = services_of(home)

    def states(self) -> dict[str, str]:
        """Return the state per service (RUNNING, STARTING, BACKOFF ...); empty without a supervisor of this home.

        A copy of a home remembers its port and password, too: what answers there is not the copy's.
        """
        if not self._supervisor_pids():
            return {}
        try:
            return {entry["name"]: entry["statename"] for entry in self._rpc().getAllProcessInfo()}
        except (OSError, xmlrpc.client.Error, ConfigError):
            return {}

    def are_up(self, service: str) -> bool:
        """Tell whether what listens at the remembered port of that name in ports.SERVICES is ours."""
        if not self.home.ports:
            return False
        if service == "postgres":
            return self.postgres.pid() is not None
        states = self.states()
        return (
            bool(states) if service == "supervisor" else states.get("api-server") in {"RUNNING", "STARTING"}
        )

    def start_postgres(self) -> None:
        """Start the supervisor and Postgres unless they run; an existing Postgres is left as it is.

        Raises:
            ConfigError: with Postgres' last words when it does not come up.
        """
        own = not self.home.elsewhere.database
        if own:
            self.postgres.init()
        with self._starting():
            path, configuration = self.home.run / "supervisord.conf", self._configuration()
            if self.states() and path.read_text() != configuration:
                self._shut_down()  # a port or the code has changed since it was started
            if not self.states():
                write_atomically(path, configuration)
                self._start_supervisor(path)
            if not own:
                return
            if self.states().get("postgres") in {"RUNNING", "STARTING"} and self.postgres.is_running():
                return
            self.postgres.prepare_start()
            offset = self.postgres.log_size()
            self._start("postgres")
            try:
                self.postgres.wait_until_ready(
                    offset, given_up=lambda: self.states().get("postgres") not in {"RUNNING", "STARTING"}
                )
            except ConfigError:
                self._rpc().stopProcess("postgres", False)  # mending comes first: no use in retrying
                raise

    def start_airflow(self) -> None:
        """Start Airflow's services; those started with other settings or code are started anew."""
        with self._starting():
            path, digest = self.home.run / "airflow.digest", self._digest()
            if not path.exists() or path.read_text() != digest:
                self._stop_airflow()
                write_atomically(path, digest)
            states = self.states()
            for name in self.airflow:
                if states.get(name) not in {"RUNNING", "STARTING"}:
                    self._start(name)

    def stop(self) -> bool:
        """Stop everything of this home and nothing else; return whether anything ran."""
        with self._starting():
            ran = bool(self.states())
            if ran:
                self._shut_down()
            return self._end_orphans() or ran

    def _shut_down(self) -> None:
        self._rpc().shutdown()
        self._wait(lambda: not self._supervisor_pids(), STOP_SECONDS)

    def _starting(self) -> Any:
        return exclusive_lock(
            self.home.run / "services.lock", what="a start or stop of services", wait_seconds=STOP_SECONDS
        )

    def _start(self, name: str) -> None:
        if self.states().get(name) == "BACKOFF":  # it waits longer each time, and counts as started until then
            self._rpc().stopProcess(name, False)
        try:
            self._rpc().startProcess(name, False)
        except xmlrpc.client.Fault as fault:
            if "ALREADY_STARTED" not in fault.faultString:
                raise

    def _stop_airflow(self) -> None:
        for name, state in self.states().items():
            if name in self.airflow and state != "STOPPED":
                self._rpc().stopProcess(name, False)
        self._wait(
            lambda: all(self.states().get(name) in {"STOPPED", "FATAL"} for name in self.airflow), STOP_SECONDS
        )

    def clear_away(self) -> None:
        """End what a killed supervisor left running: it would hold the ports and the database."""
        with self._starting():
            # A supervisor that lives but does not answer at once is busy, not gone.
            if (
                not self._wait(lambda: bool(self.states()) or not self._supervisor_pids(), 15.0)
                or not self.states()
            ):
                self._end_orphans()

    def _start_supervisor(self, configuration: Path) -> None:
        environment = {
            **inherited(),
            "ALMANAC_HOME": str(self.home.path),
            "PYTHONPATH": str(ROOT),
            processes.MARKER: str(self.home.path),
        }
        done = subprocess.run(
            [sys.executable, "-m", "supervisor.supervisord", "-c", str(configuration)],
            env=environment,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0 and self._wait(lambda: bool(self.states()), 20.0):
            return
        raise ConfigError(
            f"the supervisor does not start: {done.stderr.strip()}",
            stage="run",
            key="log",
            value=str(self.home.logs / "supervisor.log"),
            remedy="read its log, then run again",
        )

    def _end_orphans(self) -> bool:
        home = str(self.home.path)

        def find() -> list[int]:
            return [
                pid
                for pid in processes.all_processes()
                if processes.serves(pid, home) and not processes.is_postgres_of(pid, self.home.pgdata)
            ]

        ended = processes.end(find, signal.SIGTERM, 10.0)
        running = self.postgres.pid() is not None
        self.postgres.stop()
        return ended > 0 or running

    def _supervisor_pids(self) -> list[int]:
        try:
            pid = int((self.home.run / "supervisord.pid").read_text())
        except (OSError, ValueError):
            return []
        return [pid] if processes.is_alive(pid) and processes.serves(pid, str(self.home.path)) else []

    def _rpc(self) -> Any:
        address = (
            f"http://almanac:{self.home.secret('supervisor')}@127.0.0.1:{self.home.port('supervisor')}/RPC2"
        )
        return xmlrpc.client.ServerProxy(address, transport=_Transport()).supervisor

    def _configuration(self) -> str:
        home, launch = self.home, [sys.executable, "-m", "data_layer.runtime.launch"]
        user = "user=root\n" if processes.am_root() else ""
        head = (
            f"[supervisord]\nlogfile={home.logs}/supervisor.log\nlogfile_maxbytes=10MB\nlogfile_backups=3\n"
            f"pidfile={home.run}/supervisord.pid\ndirectory={ROOT}\nchildlogdir={home.logs}\numask=077\n{user}"
            f"\n[inet_http_server]\nport=127.0.0.1:{home.port('supervisor')}\nusername=almanac\n"
            f"password={home.secret('supervisor')}\n"
            "\n[rpcinterface:supervisor]\n"
            "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n"
        )
        # SIGINT is Postgres' fast stop; its children end by themselves, a signal to them would be a crash.
        programs = ""
        if not home.elsewhere.database:
            programs += PROGRAM.format(
                name="postgres",
                command=shlex.join(self.postgres.command()),
                startsecs=1,
                signal="INT",
                group="false",
                patience=60,
                log=self.postgres.log,
            )
        for name in self.airflow:
            programs += PROGRAM.format(
                name=name,
                command=shlex.join([*launch, name]),
                startsecs=5,
                signal="TERM",
                group="true",
                patience=20,
                log=home.logs / f"{name}.log",
            )
        return (head + programs).replace("%", "%%")

    def _digest(self) -> str:
        """Sum up what a running service cannot change: its environment and the code it has imported."""
        digest = hashlib.sha256(repr(sorted(airflow_environment(self.home, environ={}).items())).encode())
        for folder in ("data_layer", "models", "plugins"):
            for path in sorted((ROOT / folder).rglob("*.py")):
                digest.update(str(path).encode() + path.read_bytes())
        return digest.hexdigest()

    def _wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return True
