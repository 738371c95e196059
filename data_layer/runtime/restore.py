"""`make restore FROM=folder [REPLACE=yes]`: see storage.backup."""

from __future__ import annotations

import os

from data_layer.runtime.backup import named_folder, postgres, tell
from data_layer.runtime.console import ends
from data_layer.runtime.home import Home
from data_layer.runtime.postgres import PostgresServer
from data_layer.runtime.services import Services
from data_layer.settings import home_path
from data_layer.storage.backup import restore_backup
from models.errors import ConfigError


def main() -> int:
    """Restore the backup in FROM into the home, whose services must be stopped; a new home is made."""
    folder = named_folder("FROM")
    home = Home(home_path())
    if home.ports and Services(home).states():
        raise ConfigError("services run in this home", stage="restore", key="ALMANAC_HOME", value=str(home.path),
                          remedy="make stop, restore, make run")  # fmt: skip
    server = PostgresServer(home)
    home.settle_ports(ours=lambda service: service == "postgres" and server.pid() is not None)
    with postgres(home):
        manifest = restore_backup(home, folder, replace=os.environ.get("REPLACE", "") == "yes")
    tell(f"restored from {folder}", manifest)
    return 0


if __name__ == "__main__":
    ends(main)
