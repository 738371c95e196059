"""A connection of the home's Airflow, for commands that run outside of it."""

from __future__ import annotations

import json
import subprocess
import sys

from data_layer.runtime.airflow_env import airflow_environment
from data_layer.runtime.home import Home
from models.errors import RetryableError

SECONDS = 120.0  # the command line takes three to start, more on a busy machine


def read_connection(home: Home, name: str) -> dict[str, str]:
    """Return login and password of a connection, nothing when there is none of this name.

    Airflow itself is asked, in a process of its own: it knows all the places where connections may be, and how
    their passwords are encrypted. The answer stays in memory.

    Raises:
        RetryableError: when Airflow does not answer.
    """
    command = [sys.executable, "-m", "airflow", "connections", "get", name, "--output", "json"]
    try:
        done = subprocess.run(
            command,
            env=airflow_environment(home),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _silent(name, f"no answer in {SECONDS:.0f} s") from None
    if "Connection not found" in done.stderr:
        return {}
    try:
        (found,) = json.loads(done.stdout[done.stdout.index("[") :])
        return {field: str(found[field] or "") for field in ("login", "password")}
    except (ValueError, KeyError, TypeError):
        raise _silent(name, (done.stderr.strip().splitlines() or ["no answer"])[-1]) from None


def _silent(name: str, trouble: str) -> RetryableError:
    return RetryableError(
        f"Airflow's connections cannot be read: {trouble}",
        stage="backfill",
        key="connection",
        value=name,
        remedy="see make status and bin/airflow connections list, or set the key in the environment or in .env",
    )
