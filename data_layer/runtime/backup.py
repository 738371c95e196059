"""`make backup OUT=folder`: see storage.backup."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from data_layer.runtime.console import ends, say
from data_layer.runtime.files import exclusive_lock
from data_layer.runtime.home import Home
from data_layer.runtime.postgres import PostgresServer
from data_layer.settings import home_path
from data_layer.storage.backup import write_backup
from models.errors import ConfigError


@contextmanager
def postgres(home: Home) -> Iterator[None]:
    """Have Postgres run for the block: as it does, or started for it.

    Raises:
        ConfigError: for a home that was never started, or an existing server that does not answer.
    """
    host, port = home.server
    server = PostgresServer(home)
    if server.is_running():
        yield
        return
    if home.elsewhere.database:
        raise ConfigError("Postgres does not answer", stage="backup", key="DATABASE_URL", value=f"{host}:{port}",
                          remedy="start it, or mend host, user and password")  # fmt: skip
    with exclusive_lock(home.run / "run.lock", what="make run"):
        server.start()
        try:
            yield
        finally:
            server.stop()


def main() -> int:
    """Back the home up into OUT, while it runs or not."""
    folder = named_folder("OUT")
    home = Home(home_path())
    with postgres(home):
        manifest = write_backup(home, folder)
    tell(f"backup in {folder}", manifest)
    for line in manifest["audit_breaks"]:
        say(f"the audit chain is broken: {line}")
    return 1 if manifest["audit_breaks"] else 0


def named_folder(name: str) -> Path:
    """Return the folder that a variable names.

    Raises:
        ConfigError: when it names none.
    """
    given = os.environ.get(name, "")
    if not given:
        raise ConfigError("no folder", stage="backup", key=name, value="", remedy=f"name one: {name}=folder")
    return Path(given).expanduser().absolute()


def tell(what: str, manifest: Mapping[str, Any]) -> None:
    """Print what a backup holds."""
    rows = sum(table["rows"] for table in manifest["tables"].values())
    say(f"{what}: {len(manifest['tables'])} tables, {rows:,} rows, schema {manifest['migrations'][-1]}")
    say(f"head {manifest['audit_head']}")


if __name__ == "__main__":
    ends(main)
