"""One installation's folder: Postgres data, Airflow home, logs, ports and generated secrets."""

from __future__ import annotations

import base64
import errno
import json
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote, urlencode

from data_layer.runtime import files
from data_layer.runtime.elsewhere import SUPERUSER, Elsewhere, elsewhere_settings
from data_layer.runtime.ports import choose_ports
from models.errors import ConfigError

# `postgres` is the superuser; `airflow` owns Airflow's own metadata; the others are the product's roles.
ROLES = ("postgres", "quant_writer", "quant_reader", "quant_trainer", "airflow")
FOLDERS = ("", "airflow", "logs", "secrets", "cache", "run")


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()  # the form cryptography.Fernet asks for


def _token() -> str:
    return secrets.token_urlsafe(48)  # 64 characters: what signing with SHA-512 asks for


SECRETS: Mapping[str, Callable[[], str]] = {
    **{f"postgres_{role}": _token for role in ROLES},
    "airflow_fernet_key": _fernet_key,
    "airflow_jwt_secret": _token,
    "airflow_api_secret": _token,
    "airflow_admin": lambda: secrets.token_urlsafe(12),  # typed by a person; 96 bits all the same
    "supervisor": _token,
    "metrics_token": _token,  # what Prometheus logs in with
}


def secret_variable(name: str) -> str:
    """Return the variable that hands over a secret of SECRETS."""
    return f"SECRET_{name.upper()}"


class Home:
    """The folder named by ``ALMANAC_HOME``; nothing outside it is ever written."""

    def __init__(self, path: Path, elsewhere: Elsewhere | None = None):
        """Make the folder and what is missing in it, readable by its owner only.

        Args:
            path: the folder.
            elsewhere: what it uses on other machines; by default what the environment, .env and its last start say.

        Raises:
            ConfigError: when the folder cannot be made or belongs to somebody else.
        """
        self.path = path.absolute()
        try:
            for name in FOLDERS:
                folder = self.path / name
                if not folder.is_dir():
                    folder.mkdir(mode=0o700, parents=True)
            if self.path.stat().st_uid != os.geteuid():  # Postgres refuses a data folder of another user
                raise PermissionError(errno.EPERM, "it belongs to another user", str(self.path))
            self._write_secrets()
        except (PermissionError, FileExistsError, NotADirectoryError) as error:
            raise ConfigError(
                "cannot use this folder as a home",
                stage="home",
                key="ALMANAC_HOME",
                value=str(path),
                remedy=f"name a folder you may write to ({error.strerror}: {error.filename})",
            ) from error
        kept = self.secret_path("database_url")
        self.elsewhere = elsewhere or elsewhere_settings(kept=kept.read_text() if kept.exists() else "")

    def keep_database(self) -> None:
        """Remember the existing Postgres in use: a later command of this home uses it as well.

        Raises:
            ConfigError: when the home has a Postgres of its own, whose rows would be missed.
        """
        if not self.elsewhere.database:
            return
        if self.pgdata.exists():
            raise ConfigError(
                "this home has a Postgres of its own",
                stage="run",
                key="DATABASE_URL",
                value=self.elsewhere.database.host,
                remedy="name another ALMANAC_HOME, or leave DATABASE_URL out",
            )
        files.write_atomically(self.secret_path("database_url"), self.elsewhere.database.url)
        self._write_pgpass()

    def _write_secrets(self) -> None:
        for name, generate in SECRETS.items():
            # What the environment hands over, as to a container, counts; the rest is generated once.
            given = os.environ.get(secret_variable(name), "")
            if files.write_once(self.secret_path(name), given or generate()) != given and given:
                files.write_atomically(self.secret_path(name), given)
        # The form SimpleAuthManager reads; without the user in it, it would generate a password itself.
        users = json.dumps({"admin": self.secret("airflow_admin")})
        if files.write_once(self.airflow_users, users) != users:
            files.write_atomically(self.airflow_users, users)

    def secret(self, name: str) -> str:
        """Return one secret by its name in SECRETS."""
        return (self.path / "secrets" / name).read_text()

    def secret_path(self, name: str) -> Path:
        """Return the file (mode 0600) that holds the secret."""
        return self.path / "secrets" / name

    @property
    def pgdata(self) -> Path:
        """Postgres' data folder; Postgres makes it itself."""
        return self.path / "pgdata"

    @property
    def airflow(self) -> Path:
        """Airflow's own home."""
        return self.path / "airflow"

    @property
    def logs(self) -> Path:
        """One log file per service."""
        return self.path / "logs"

    @property
    def run(self) -> Path:
        """Lock files, the supervisor's configuration and its process id."""
        return self.path / "run"

    @property
    def airflow_users(self) -> Path:
        """The password file of Airflow's page."""
        return self.path / "secrets" / "airflow_users.json"

    @property
    def pgpass(self) -> Path:
        """Password file in libpq's form, so that no password ever stands on a command line."""
        return self.path / "secrets" / "pgpass"

    @property
    def ports(self) -> dict[str, int]:
        """The remembered ports by service; empty before the first start."""
        path = self.path / "ports.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def settle_ports(
        self, given: Mapping[str, int] | None = None, ours: Callable[[str], bool] = lambda _service: False
    ) -> list[str]:
        """Choose and remember the ports; see ports.choose_ports for the arguments, errors and messages."""
        ports, messages = choose_ports(self.path, self.ports, given or {}, ours)
        if ports != self.ports:
            files.write_atomically(self.path / "ports.json", json.dumps(ports, indent=2) + "\n")
        self._write_pgpass()
        return messages

    def _write_pgpass(self) -> None:
        host, port = self.server
        lines = []
        for role in ROLES:
            user, password = (part.replace("\\", "\\\\").replace(":", "\\:") for part in self.login(role))
            lines.append(f"{host}:{port}:*:{user}:{password}\n")
        files.write_atomically(self.pgpass, "".join(lines))

    @property
    def server(self) -> tuple[str, int]:
        """Host and port of Postgres."""
        database = self.elsewhere.database
        return (database.host, database.port) if database else ("127.0.0.1", self.port("postgres"))

    @property
    def api_server(self) -> str:
        """Where services, workers and commands reach the api-server."""
        return self.elsewhere.api_server or f"http://127.0.0.1:{self.port('airflow')}"

    def login(self, role: str) -> tuple[str, str]:
        """Return user and password of one of ROLES; the superuser of an existing Postgres may have another name."""
        if role == SUPERUSER and self.elsewhere.database:
            return self.elsewhere.database.user, self.elsewhere.database.password
        return role, self.secret(f"postgres_{role}")

    def port(self, service: str) -> int:
        """Return a remembered port.

        Raises:
            ConfigError: before the home's first start.
        """
        try:
            return self.ports[service]
        except KeyError:
            raise ConfigError(
                "this home was never started",
                stage="home",
                key="ALMANAC_HOME",
                value=str(self.path),
                remedy="run `make run` first",
            ) from None

    def uri(self, role: str, database: str = "quant_data") -> str:
        """Return the libpq URI of one role, password included.

        Args:
            role: one of ROLES.
            database: any database of the server.

        Raises:
            ConfigError: for a role that has no password here.
        """
        if role not in ROLES:
            raise ConfigError(
                "no such role", stage="home", key="role", value=role, remedy=f"use one of {ROLES}"
            )
        user, password = (quote(part, safe="") for part in self.login(role))
        (host, port), database_server = self.server, self.elsewhere.database
        options = f"?{urlencode(database_server.options)}" if database_server and database_server.options else ""
        return f"postgresql://{user}:{password}@{host}:{port}/{database}{options}"

    def conninfo(self, role: str, database: str) -> str:
        """Return what Postgres' own programs are called with; the password is in ``pgpass``, never among arguments."""
        from psycopg.conninfo import make_conninfo  # the driver, which most commands do without

        (host, port), existing = self.server, self.elsewhere.database
        options = existing.options if existing else {}
        return make_conninfo(host=host, port=port, user=self.login(role)[0], dbname=database, **options)
