"""The health check of a container: exit code 0 when its service does its work, told by what it last did.

A process that hangs is there and does nothing; so each service is asked for its own sign of life.
"""

from __future__ import annotations

import socket
import sys

import psycopg

from data_layer.runtime.airflow_api import AirflowApi
from data_layer.runtime.console import ends, say
from data_layer.runtime.home import Home
from data_layer.settings import home_path

BEATS = {"scheduler": "SchedulerJob", "dag-processor": "DagProcessorJob", "triggerer": "TriggererJob"}
# Each beats every five seconds; a busy machine may be late, and Airflow itself takes thirty for gone.
STALE_SECONDS = 60
BEAT = """
SELECT 1 FROM job WHERE job_type = %s AND hostname = %s AND state = 'running'
AND latest_heartbeat > clock_timestamp() - make_interval(secs => %s)
"""


def main() -> int:
    """Check the service named by the first argument, a worker by its name if a second one is given."""
    name, *more = sys.argv[1:]
    trouble = trouble_of(Home(home_path()), name, more[0] if more else f"celery@{socket.gethostname()}")
    say(trouble or f"{name} is healthy")
    return 1 if trouble else 0


def trouble_of(home: Home, name: str, worker: str) -> str:
    """Return what keeps the service from its work, or an empty text."""
    if name == "worker":
        from celery import Celery

        with Celery(broker=home.elsewhere.redis) as queue:
            answers = queue.control.ping(destination=[worker], timeout=5.0, limit=1)
        return "" if answers else f"{worker} does not answer"
    if name == "api-server":
        state = AirflowApi(home).health().get("metadatabase", "no answer")
        return "" if state == "healthy" else f"metadata: {state}"
    try:
        with psycopg.connect(home.uri("airflow", "airflow"), connect_timeout=5) as connection:
            found = connection.execute(BEAT, (BEATS[name], socket.gethostname(), STALE_SECONDS)).fetchone()
    except psycopg.OperationalError:
        return "Postgres does not answer"
    return "" if found else f"no heartbeat for {STALE_SECONDS} s"


if __name__ == "__main__":
    ends(main)
