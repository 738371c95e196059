"""`bin/psql`: the embedded psql on `quant_data` as quant_reader; its arguments pass through."""

from __future__ import annotations

import os
import sys

from data_layer.runtime.console import ends
from data_layer.runtime.home import Home
from data_layer.runtime.postgres import PostgresServer, binary
from data_layer.settings import home_path
from models.errors import ConfigError


def main() -> int:
    """Become psql; it returns only by an error.

    Raises:
        ConfigError: when this home's Postgres does not run.
    """
    home = Home(home_path())
    if not PostgresServer(home).is_running():
        raise ConfigError(
            "Postgres does not run",
            stage="psql",
            key="ALMANAC_HOME",
            value=str(home.path),
            remedy="start it with `make run`",
        )
    host, port = home.server
    options = home.elsewhere.database.options if home.elsewhere.database else {}
    environment = {
        **os.environ,
        "PGPASSFILE": str(home.pgpass),
        "PGHOST": host,
        "PGPORT": str(port),
        **{f"PG{name.upper()}": value for name, value in options.items() if name.startswith("ssl")},
        "PGDATABASE": "quant_data",
        "PGUSER": "quant_reader",
    }
    os.execve(binary("psql"), ["psql", *sys.argv[1:]], environment)  # noqa: S606  # nosec B606


if __name__ == "__main__":
    ends(main)
