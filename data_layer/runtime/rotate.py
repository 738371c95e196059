"""`make rotate-keys`: another key for Airflow's stored passwords, and others for its pages and tokens."""

from __future__ import annotations

import subprocess
import sys

from data_layer.runtime.airflow_env import airflow_environment
from data_layer.runtime.console import ends, say
from data_layer.runtime.files import exclusive_lock, write_atomically
from data_layer.runtime.home import SECRETS, Home
from data_layer.runtime.services import Services
from data_layer.settings import home_path
from models.errors import ConfigError

FERNET = "airflow_fernet_key"
TOKENS = ("airflow_api_secret", "airflow_jwt_secret")  # who is logged in has to do so again
SECONDS = 600.0


def rotate_keys(home: Home) -> None:
    """Encrypt what Airflow stores with a new key, forget the old one, and renew the keys of its pages.

    Until all is encrypted anew both keys are kept, so that a rotation that was interrupted is simply repeated.

    Args:
        home: Postgres runs, Airflow does not: its processes know the old key only.

    Raises:
        ConfigError: when Airflow refuses; both keys are kept then.
    """
    path, fresh = home.secret_path(FERNET), SECRETS[FERNET]()
    write_atomically(path, f"{fresh},{home.secret(FERNET)}")
    command = [sys.executable, "-m", "airflow", "rotate-fernet-key"]
    done = subprocess.run(
        command,
        env=airflow_environment(home),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise ConfigError("Airflow has not encrypted its connections anew", stage="rotate", key="key", value=FERNET,
                          remedy="repeat make rotate-keys: until then both keys are in use")  # fmt: skip
    write_atomically(path, fresh)
    for name in TOKENS:
        write_atomically(home.secret_path(name), SECRETS[name]())


def main() -> int:
    """Rotate the keys of a home that is stopped; it is stopped afterwards, too.

    Raises:
        ConfigError: while it runs, or before its first start.
    """
    home = Home(home_path())
    home.port("postgres")  # refuses a home that was never started
    with exclusive_lock(home.run / "run.lock", what="make run"):
        services = Services(home)
        if services.states():
            raise ConfigError("the home runs, with the keys it has", stage="rotate", key="ALMANAC_HOME",
                              value=str(home.path), remedy="make stop, make rotate-keys, make run")  # fmt: skip
        try:
            services.start_postgres()
            rotate_keys(home)
        finally:
            services.stop()
    say("keys rotated; make run starts with them, and everybody logs in anew")
    return 0


if __name__ == "__main__":
    ends(main)
