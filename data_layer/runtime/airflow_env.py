"""The whole environment of a home's Airflow processes; Airflow has no configuration file of its own here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import urlsplit

from data_layer.runtime.environment import TUNABLE, inherited
from data_layer.runtime.home import Home
from data_layer.runtime.remember import remembered_or_default
from data_layer.settings import ROOT, remembered_values

ADMIN = "admin"


def airflow_environment(
    home: Home, *, database: str = "airflow", environ: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the environment for any Airflow command of the home.

    Args:
        home: whose ports, secrets and settings it names.
        database: Airflow's metadata database; a clone of it for `dags test`.
        environ: the environment to begin with (default: this process's); the scheduler's own settings in it
            win over ours, everything else of another Airflow in it is dropped.
    """
    base = inherited(environ)
    tuned = {name: value for name, value in base.items() if name.startswith(TUNABLE)}
    return {
        **base,
        **_settings(home, database),
        **quant_connections(home),
        **remembered_or_default(home.path),
        "ALMANAC_HOME": str(home.path),
        "METRICS_TOKEN": home.secret("metrics_token"),
        "PYTHONPATH": str(ROOT),
        "SPT_NOENV": "1",  # a process that renames itself keeps its environment readable: it tells its home
        **tuned,
    }


def _settings(home: Home, database: str) -> dict[str, str]:
    url, elsewhere = home.api_server, home.elsewhere
    metadata = home.uri("airflow", database).replace("postgresql://", "postgresql+psycopg2://", 1)
    sections = {
        "CORE": {
            "DAGS_FOLDER": str(ROOT / "dags"),
            "PLUGINS_FOLDER": str(ROOT / "plugins"),
            "EXECUTOR": elsewhere.executor,
            "PARALLELISM": "4",  # two cores; a task waits for the database about half of its time
            "LOAD_EXAMPLES": "False",
            "DAGS_ARE_PAUSED_AT_CREATION": "False",
            "EXECUTION_API_SERVER_URL": f"{url}/execution/",
            "FERNET_KEY": home.secret("airflow_fernet_key"),
            "AUTH_MANAGER": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
            "SIMPLE_AUTH_MANAGER_USERS": f"{ADMIN}:admin",
            "SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home.airflow_users),
            "HOSTNAME_CALLABLE": "socket.gethostname",  # the default asks DNS, which may be slow or absent
        },
        "DATABASE": {"SQL_ALCHEMY_CONN": metadata},
        "API": {
            # Who names the address others reach it at wants to be reached; else nobody but this machine may.
            "HOST": "0.0.0.0" if elsewhere.api_server else "127.0.0.1",  # noqa: S104  # nosec B104
            "PORT": str(urlsplit(url).port or 8080),
            "BASE_URL": elsewhere.public or url,
            "WORKERS": "1",
            "SECRET_KEY": home.secret("airflow_api_secret"),
        },
        "API_AUTH": {"JWT_SECRET": home.secret("airflow_jwt_secret")},
        "LOGGING": {"BASE_LOG_FOLDER": str(home.airflow / "logs")},
        "SCHEDULER": {
            # A look costs some 30 ms of CPU with its queries: four a second are a tenth of a core, all day. At the
            # default of one a second each task waits for another second.
            "SCHEDULER_IDLE_SLEEP_TIME": "0.25",
            "MP_START_METHOD": "forkserver",
            "MP_FORKSERVER_PRELOAD": "data_layer.runtime.preload",
            # A killed task is noticed after a minute; its supervising process beats every second.
            "TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
            # The next scheduler looks this often for what a killed one had begun; else after five minutes.
            "ORPHANED_TASKS_CHECK_INTERVAL": "30",
        },
        "WORKERS": {"MIN_HEARTBEAT_INTERVAL": "1"},
        "DAG_PROCESSOR": {
            "REFRESH_INTERVAL": "15",  # seconds until a new DAG file is seen
            # A changed one is seen at once, by its time. Those that are as they were: a sixth of a second of CPU each.
            "MIN_FILE_PROCESS_INTERVAL": "300",
        },
        "METRICS": _metrics(remembered_values(home.path).get("METRICS_TO", "")),
        **(_celery(elsewhere.redis, metadata) if elsewhere.redis else {}),
    }
    named = {
        f"AIRFLOW__{section}__{key}": value
        for section, keys in sections.items()
        for key, value in keys.items()
    }
    return {"AIRFLOW_HOME": str(home.airflow), **named}


def _metrics(collector: str) -> dict[str, str]:
    """Return where Airflow's own metrics go: to an OpenTelemetry collector, to a StatsD server, or nowhere."""
    if not collector:
        return {"STATSD_ON": "False", "OTEL_ON": "False"}
    at = urlsplit(collector)
    if at.scheme == "statsd":
        return {"STATSD_ON": "True", "STATSD_HOST": str(at.hostname), "STATSD_PORT": str(at.port), "OTEL_ON": "False"}
    return {
        "STATSD_ON": "False",
        "OTEL_ON": "True",
        "OTEL_HOST": str(at.hostname),
        "OTEL_PORT": str(at.port),
        "OTEL_SSL_ACTIVE": str(at.scheme == "https"),
        "OTEL_INTERVAL_MILLISECONDS": "30000",
    }


def _celery(redis: str, metadata: str) -> dict[str, dict[str, str]]:
    """Return what the executor and its workers must agree on."""
    return {
        "CELERY": {
            "BROKER_URL": redis,
            # Results outlive a Redis that is emptied; they are a row a task.
            "RESULT_BACKEND": "db+" + metadata,
            "WORKER_CONCURRENCY": "2",  # tasks a worker runs at once: each may use a core
            # A message counts as done when its task is, so that what a lost worker had taken is not lost with it ...
            "TASK_ACKS_LATE": "True",
            "WORKER_PREFETCH_MULTIPLIER": "1",  # ... and no worker takes what another one could begin at once
        },
        # Redis hands out a message again after this many seconds without an acknowledgement: longer than the
        # longest task may take (execution_timeout, 6 h), or it would be started twice. A killed task does not wait
        # for it: the scheduler misses its heartbeat after a minute and tries it again.
        "CELERY_BROKER_TRANSPORT_OPTIONS": {"VISIBILITY_TIMEOUT": "86400"},
    }


def quant_connections(home: Home) -> dict[str, str]:
    """Return the connections of the DAGs, one a role."""
    (host, port), database = home.server, home.elsewhere.database

    def connection(role: str) -> str:
        return json.dumps(
            {
                "conn_type": "postgres",
                "host": host,
                "port": port,
                "schema": "quant_data",
                "login": role,
                "password": home.secret(f"postgres_{role}"),
                **({"extra": dict(database.options)} if database and database.options else {}),
            }
        )

    return {
        "AIRFLOW_CONN_QUANT_DATA": connection("quant_writer"),
        "AIRFLOW_CONN_QUANT_READER": connection("quant_reader"),
        "AIRFLOW_CONN_QUANT_TRAINER": connection("quant_trainer"),
    }
