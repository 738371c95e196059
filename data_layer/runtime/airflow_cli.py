"""`bin/airflow`: the Airflow CLI in the home's environment; its arguments pass through.

`dags test` runs on a clone of pristine metadata, since a live scheduler on the same metadata would also pick
up the test run's tasks; every other command works on the live metadata.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence

from data_layer.runtime.airflow_db import cloned_metadata, metadata_is_ready
from data_layer.runtime.airflow_env import airflow_environment
from data_layer.runtime.bring_up import bring_up_database, check_source
from data_layer.runtime.console import ends
from data_layer.runtime.environment import given_ports
from data_layer.runtime.files import exclusive_lock
from data_layer.runtime.home import Home
from data_layer.runtime.remember import refuse_other_source
from data_layer.runtime.services import Services
from data_layer.settings import REMEMBERED, load_settings, merged_values

# Another start of the same home makes the same preparations; the first one makes them in some ten seconds.
PREPARE_SECONDS = 300.0


def main() -> int:
    """Run the CLI with this process's arguments; return its exit code."""
    arguments = sys.argv[1:]
    settings = load_settings()
    home = Home(settings.almanac_home)
    services = Services(home)
    refuse_other_source(home.path)
    if not (home.ports and services.postgres.is_running() and metadata_is_ready(home)):
        with exclusive_lock(home.run / "run.lock", what="make run", wait_seconds=PREPARE_SECONDS):
            check_source(home, settings)
            bring_up_database(home, services, _tell, given_ports())
    given = {name: os.environ[name] for name in REMEMBERED if name in os.environ}
    if arguments[:2] != ["dags", "test"]:
        return _call(arguments, merged_values(airflow_environment(home), given))
    with cloned_metadata(home) as database:
        return _call(arguments, merged_values(airflow_environment(home, database=database), given))


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")  # standard output belongs to the command


def _call(arguments: Sequence[str], environment: dict[str, str]) -> int:
    """Run the CLI as a child; signals reach it, and it ends before this does."""
    with subprocess.Popen([sys.executable, "-m", "airflow", *arguments], env=environment) as child:
        # The terminal sends Ctrl-C to the child too; this process only waits for its end and then tidies up.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        code = child.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    ends(main)
