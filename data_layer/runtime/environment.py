"""What the runtime takes from the environment it is started in: port wishes, and what children inherit."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping

from dotenv import dotenv_values

from data_layer.broker_settings import CONNECTION as BROKER_CONNECTION
from data_layer.runtime.ports import GIVEN
from data_layer.settings import REMEMBERED, ROOT
from data_layer.source_catalogue import declared_sources
from models.errors import ConfigError

# Another Airflow's or Postgres' variables would redirect ours; make's would confuse a make inside a task.
# A home's secrets and its superuser's URL are handed on where they are needed, and nowhere else.
FOREIGN = ("AIRFLOW", "PG", "PYTHONPATH", "PYTHONHOME", "MAKE", "MFLAGS", "SECRET_", "DATABASE_URL")
# Two exceptions: Airflow's way to hand over keys (of vendors, broker, mail server), and how scheduler and worker are
# tuned.
CONNECTION = "AIRFLOW_CONN_"
TUNABLE = ("AIRFLOW__SCHEDULER__", "AIRFLOW__CELERY__WORKER_CONCURRENCY")


def inherited(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment that processes started by the runtime begin with.

    Settings are left out: a service goes on with what its home remembers, whatever the shell that happened to
    start it had set.
    """
    env = os.environ if environ is None else environ
    vendors = [one.name for one in declared_sources().values() if one.keys]
    kept = (*TUNABLE, *(CONNECTION + name.upper() for name in [*vendors, BROKER_CONNECTION, "smtp_default"]))
    return {
        name: value
        for name, value in env.items()
        if name not in REMEMBERED and (name.startswith(kept) or not name.startswith(FOREIGN))
    }


def name_the_user() -> None:
    """Give a user without a name (as containers often have) one in the environment: libraries ask for it."""
    try:
        getpass.getuser()
    except (KeyError, OSError):
        os.environ["USER"] = "almanac"


def given_ports(environ: Mapping[str, str] | None = None) -> dict[str, int]:
    """Return the ports asked for by POSTGRES_PORT and AIRFLOW_PORT, in the environment or in .env.

    Raises:
        ConfigError: when one is no port number that an ordinary user may listen at.
    """
    env = {**dotenv_values(ROOT / ".env"), **(os.environ if environ is None else environ)}
    ports = {}
    for service, name in GIVEN.items():
        text = (env.get(name) or "").strip()
        if text:
            if not (text.isascii() and text.isdigit() and 1024 <= int(text) <= 65535):
                raise ConfigError(
                    "not a port",
                    stage="run",
                    key=name,
                    value=text,
                    remedy="name one between 1024 and 65535, or leave it out",
                )
            ports[service] = int(text)
    return ports


def quiet_mlflow() -> None:
    """Keep MLflow from calling home; it reads this when it is first imported."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["DO_NOT_TRACK"] = "true"
    # Nobody asked for the nine further processes its page would start.
    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
