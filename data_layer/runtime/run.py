"""`make run`: from an empty folder to five completed stages; repeating it does only what is missing."""

from __future__ import annotations

import time

from data_layer.runtime.airflow_api import AirflowApi
from data_layer.runtime.bring_up import bring_up_database, check_source
from data_layer.runtime.chain import run_chain
from data_layer.runtime.console import ends, say
from data_layer.runtime.environment import given_ports
from data_layer.runtime.files import exclusive_lock
from data_layer.runtime.home import Home
from data_layer.runtime.progress import behind
from data_layer.runtime.services import Services
from data_layer.runtime.summary import print_stages, print_summary
from data_layer.settings import load_settings
from models.errors import ConfigError

HEALTHY_SECONDS = 180.0  # four Python services importing Airflow at once on two cold cores


def main() -> int:
    """Run it all; return the exit code.

    Raises:
        ConfigError: when anything keeps a stage from completing the last session.
    """
    started = time.monotonic()

    def progress(line: str) -> None:
        say(f"{time.monotonic() - started:6.1f} s  {line}")

    settings, ports = load_settings(), given_ports()  # a wrong setting is told before anything is made
    home = Home(settings.almanac_home)
    with exclusive_lock(home.run / "run.lock", what="make run"):
        sessions = check_source(home, settings)
        services = Services(home)
        bring_up_database(home, services, progress, ports)
        services.start_airflow()
        AirflowApi(home).wait_until_healthy(HEALTHY_SECONDS, home.logs)
        progress(f"Airflow runs at {home.elsewhere.public or home.api_server}")
        if not sessions:
            print_stages(home)  # START lies ahead: a live source's schedule brings the sessions
            return 0
        progress(f"source {settings.source}: {len(sessions):,} sessions, {sessions[0]} to {sessions[-1]}")
        run_chain(home, sessions, progress)
        if missing := behind(home, sessions[-1]):
            raise ConfigError(
                "stages are not complete",
                stage="run",
                key="stages",
                value=", ".join(missing),
                remedy=f"read the logs in {home.logs}",
            )
        progress(f"every stage has completed {sessions[-1]}")
        say()
        print_summary(home)
    return 0


if __name__ == "__main__":
    ends(main)
