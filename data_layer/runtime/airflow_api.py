"""The few questions and orders that the runtime has for Airflow, through its REST API."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from data_layer.runtime.airflow_env import ADMIN
from data_layer.runtime.home import Home
from models.errors import ConfigError, RetryableError

TIMEOUT_SECONDS = 30.0  # on a busy two-core machine an answer can take some seconds


@dataclass(frozen=True)
class Run:
    """One DAG run."""

    dag_id: str
    run_id: str
    state: str


class AirflowApi:
    """A logged-in client of the home's Airflow."""

    def __init__(self, home: Home):
        """Take the home; the login happens at the first question."""
        self.home = home
        self.url = home.api_server
        self._token = ""  # nosec B105

    def health(self) -> dict[str, str]:
        """Return the state per component (scheduler, dag_processor, ...); empty while nothing answers."""
        try:
            answer = self._request("GET", "/api/v2/monitor/health")
        except RetryableError:
            return {}
        return {name: (part or {}).get("status") or "missing" for name, part in answer.items()}

    def wait_until_healthy(self, seconds: float, logs: Path) -> None:
        """Return once every component reports itself healthy.

        Raises:
            ConfigError: after that many seconds; names the components that are not.
        """
        deadline = time.monotonic() + seconds
        while not (health := self.health()) or set(health.values()) != {"healthy"}:
            if time.monotonic() > deadline:
                bad = sorted(name for name, state in health.items() if state != "healthy")
                raise ConfigError(
                    "Airflow does not come up",
                    stage="run",
                    key="not healthy",
                    value=", ".join(bad) or "api_server",
                    remedy=f"read the logs in {logs}",
                )
            time.sleep(0.3)

    def dag_ids(self) -> set[str]:
        """Return the DAGs that can be triggered now."""
        dags = self._get("/api/v2/dags?limit=100")["dags"]
        return {dag["dag_id"] for dag in dags if not dag["is_stale"] and not dag["has_import_errors"]}

    def import_errors(self) -> dict[str, str]:
        """Return the error text per DAG file that cannot be imported."""
        errors = self._get("/api/v2/importErrors?limit=100")["import_errors"]
        return {error["filename"]: error["stack_trace"] for error in errors}

    def trigger(self, dag_id: str, conf: dict[str, Any]) -> str:
        """Start a run and return its id; like the UI's button it has no logical date."""
        answer = self._post(f"/api/v2/dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf})
        return str(answer["dag_run_id"])

    def answer(self, dag_id: str, run_id: str, task_id: str, option: str) -> None:
        """Answer a task that waits for a person, by one of its options."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances/{task_id}/-1/hitlDetails"
        self._authorised("PATCH", path, {"chosen_options": [option], "params_input": {}})

    def runs(self, *states: str) -> list[Run]:
        """Return the newest hundred runs of all DAGs that are in one of the states."""
        query = "&".join(f"state={state}" for state in states)
        found = self._get(f"/api/v2/dags/~/dagRuns?limit=100&order_by=-id&{query}")["dag_runs"]
        return [Run(run["dag_id"], run["dag_run_id"], run["state"]) for run in found]

    def failed_task_logs(self, run: Run) -> list[Path]:
        """Return the log files of the run's failed tasks."""
        path = f"/api/v2/dags/{run.dag_id}/dagRuns/{quote(run.run_id)}/taskInstances?state=failed"
        logs = []
        for task in self._get(path)["task_instances"]:
            folder = self.home.airflow / "logs" / f"dag_id={run.dag_id}" / f"run_id={run.run_id}"
            folder /= f"task_id={task['task_id']}"
            if task["map_index"] >= 0:
                folder /= f"map_index={task['map_index']}"
            logs.append(folder / f"attempt={max(task['try_number'], 1)}.log")
        return logs

    def _get(self, path: str) -> Any:
        return self._authorised("GET", path, None)

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        return self._authorised("POST", path, body)

    def _authorised(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        if not self._token:
            login = {"username": ADMIN, "password": self.home.secret("airflow_admin")}
            self._token = self._request("POST", "/auth/token", login)["access_token"]
        return self._request(method, path, body)

    def _request(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310  # nosec B310
                return json.load(answer)
        except urllib.error.HTTPError as error:
            words = error.read().decode(errors="replace")
            raise ConfigError(
                f"Airflow refuses: {error.code} {words}",
                stage="run",
                key="request",
                value=f"{method} {path}",
                remedy=f"read {self.home.logs}/api-server.log",
            ) from error
        except (OSError, ValueError) as error:
            raise RetryableError(
                f"Airflow does not answer: {error}",
                stage="run",
                key="url",
                value=self.url,
                remedy="see `make status`",
            ) from error


def last_error(log: Path) -> str:
    """Return the last error that a task's log tells, or an empty text."""
    found = ""
    if log.exists():
        for line in log.read_text(errors="replace").splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            details = entry.get("error_detail") if isinstance(entry, dict) else None
            if details:
                found = f"{details[-1].get('exc_type', '')}: {details[-1].get('exc_value', '')}"
    return found
