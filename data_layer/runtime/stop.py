"""`make stop`: end what `make run` started for this home, and nothing else."""

from __future__ import annotations

from data_layer.runtime.console import ends, say
from data_layer.runtime.files import exclusive_lock
from data_layer.runtime.home import Home
from data_layer.runtime.services import Services
from data_layer.settings import home_path


def main() -> int:
    """Stop the services; return 0 whether any ran or not.

    Raises:
        ConfigError: while `make run` works in this home, as it would start them again.
    """
    path = home_path()
    if not path.is_dir():
        say(f"nothing to stop: no home at {path}")
        return 0
    home = Home(path)
    with exclusive_lock(home.run / "run.lock", what="make run"):
        say("stopped" if home.ports and Services(home).stop() else "nothing ran")
    return 0


if __name__ == "__main__":
    ends(main)
