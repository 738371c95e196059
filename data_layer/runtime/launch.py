"""Become one of Airflow's services, in the environment its home has at this moment.

The supervisor starts ``python -m data_layer.runtime.launch <service>``, so no secret stands in the
supervisor's configuration or on a command line, and a restarted service sees the settings as they are now.
"""

from __future__ import annotations

import os
import sys

from data_layer.runtime.airflow_env import airflow_environment
from data_layer.runtime.home import Home
from data_layer.runtime.processes import MARKER
from data_layer.settings import home_path

# Nobody needs the log servers: all services share one log folder.
SERVICES = {
    "api-server": ("api-server",),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
    "worker": ("celery", "worker", "--skip-serve-logs"),
}


def services_of(home: Home) -> tuple[str, ...]:
    """Return the services that make up a home on one machine; a worker only where Celery's queue is in use."""
    return tuple(name for name in SERVICES if name != "worker" or home.elsewhere.redis)


def main() -> None:
    """Replace this process by the service named by the first argument."""
    home = Home(home_path())
    environment = {**airflow_environment(home), MARKER: str(home.path)}
    os.execve(sys.executable, [sys.executable, "-m", "airflow", *SERVICES[sys.argv[1]]], environment)  # noqa: S606  # nosec B606


if __name__ == "__main__":
    main()
