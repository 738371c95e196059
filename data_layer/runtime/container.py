"""What a container runs: `check-secrets`, `init`, one of Airflow's services, or any other command in its environment.

Everything comes from the environment: DATABASE_URL, REDIS_URL, API_SERVER_URL, the settings and the SECRET_*.
`check-secrets` refuses those that were never generated, before Postgres keeps one; `init` ends when database and
metadata are of the current schema; the services start after it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from data_layer.runtime import files
from data_layer.runtime.airflow_db import prepare_metadata
from data_layer.runtime.airflow_env import airflow_environment, quant_connections
from data_layer.runtime.console import ends, say
from data_layer.runtime.env_file import refuse_weak
from data_layer.runtime.home import Home
from data_layer.runtime.launch import SERVICES
from data_layer.runtime.postgres import PostgresServer
from data_layer.runtime.remember import remember
from data_layer.settings import home_path
from data_layer.storage.migrate import prepare_database
from models.errors import ConfigError

PATIENCE_SECONDS = 120.0  # a database beside us needs some seconds to start, one that recovers from a crash more


def main() -> int:
    """Run what the arguments name; a service or command takes the place of this process.

    Raises:
        ConfigError: for a secret that was never generated, or without a database that answers.
    """
    name, *more = sys.argv[1:] or ["init"]
    if "DATABASE_URL" in os.environ or name in {"check-secrets", "init", *SERVICES}:
        refuse_weak(os.environ)
    if name == "check-secrets":
        return 0
    if name == "init" or name in SERVICES:
        home = _home()
        remember(home.path)
        if name == "init":
            return _init(home)
        _become([sys.executable, "-m", "airflow", *SERVICES[name], *more], airflow_environment(home))
    # The official chart brings Airflow's environment itself and names the commands; what the DAGs need is added.
    found = {**os.environ, **(quant_connections(_home()) if os.environ.get("DATABASE_URL") else {})}
    if token := found.get("METRICS_TOKEN") or found.get("SECRET_METRICS_TOKEN"):
        found["METRICS_TOKEN"] = token
    _become([name, *more], {k: v for k, v in found.items() if not k.startswith(("SECRET_", "DATABASE_URL"))})
    return 0


def _home() -> Home:
    home = Home(home_path())
    if not home.elsewhere.database:
        raise ConfigError(
            "a container has no database of its own", stage="run", key="DATABASE_URL", value="",
            remedy="name the server: postgresql://user:password@host:5432",
        )  # fmt: skip
    home.keep_database()
    return home


def _init(home: Home) -> int:
    server, deadline = PostgresServer(home), time.monotonic() + PATIENCE_SECONDS
    host, port = home.server
    while not server.is_running():
        if time.monotonic() > deadline:
            raise ConfigError("Postgres does not answer", stage="run", key="DATABASE_URL", value=f"{host}:{port}",
                              remedy="start it, or mend host, user and password")  # fmt: skip
        time.sleep(1.0)
    applied = prepare_database(home)
    say(f"schema: {len(applied)} migrations applied")
    if prepare_metadata(home):
        say("Airflow's metadata is ready")
    if folder := os.environ.get("PGADMIN_FOLDER"):
        connect_pgadmin(home, Path(folder))
    return 0


def connect_pgadmin(home: Home, folder: Path) -> None:
    """Write what pgAdmin needs to open already connected as quant_reader, who may only read.

    Args:
        home: whose database it is.
        folder: a volume that pgAdmin mounts as well; its user shares our group.
    """
    (host, port), database = home.server, home.elsewhere.database
    server = {
        "Name": "Almanac", "Group": "Servers", "Host": host, "Port": port, "MaintenanceDB": "quant_data",
        "Username": "quant_reader", "Comment": "reads everything, writes nothing",
        # At its first start it copies PGPASS_FILE to this name, in the folder of the user it makes.
        "ConnectionParameters": {"passfile": "/.pgpass",
                                 "sslmode": database.options.get("sslmode", "prefer") if database else "prefer"},
    }  # fmt: skip
    for name, text in (
        ("servers.json", json.dumps({"Servers": {"1": server}}, indent=2)),
        ("pgpass", f"{host}:{port}:*:quant_reader:{home.secret('postgres_quant_reader')}\n"),
    ):
        files.write_atomically(folder / name, text)
        (folder / name).chmod(0o640)
    say("pgAdmin is connected as quant_reader")


def _become(command: list[str], environment: dict[str, str]) -> None:
    os.execvpe(command[0], command, environment)  # noqa: S606  # nosec B606


if __name__ == "__main__":
    ends(main)
