"""`make downgrade TO=0041`: take newer migrations back, for code that does not know them."""

from __future__ import annotations

import os

from data_layer.runtime.backup import postgres
from data_layer.runtime.console import ends, say
from data_layer.runtime.home import Home
from data_layer.runtime.services import Services
from data_layer.settings import home_path
from data_layer.storage.migrate import roll_back
from models.errors import ConfigError


def main() -> int:
    """Take back what came after TO in this home, whose services must be stopped."""
    home = Home(home_path())
    if home.ports and Services(home).states():
        raise ConfigError("services run in this home", stage="migrate", key="ALMANAC_HOME", value=str(home.path),
                          remedy="make stop first")  # fmt: skip
    with postgres(home):
        for name in roll_back(home, os.environ.get("TO", "")):
            say(f"taken back: {name}")
    return 0


if __name__ == "__main__":
    ends(main)
