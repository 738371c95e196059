"""Bring all five stages to the source's last session, through Airflow's scheduler."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Sequence

from data_layer.runtime.airflow_api import AirflowApi, Run, last_error
from data_layer.runtime.home import Home
from data_layer.runtime.progress import STAGES, behind
from models.errors import ConfigError, RetryableError

DAILY = 2  # the last sessions run one by one, as they would have come in; what lies before is one catch-up run
ACTIVE = ("queued", "running")
# A finished stage starts the next one by an asset event within a second or two; after this long without any
# run an event was lost with a killed scheduler, and the stage is started by hand.
QUIET_SECONDS = 30.0
PARSE_SECONDS = 120.0  # the first parse of all DAG files on a cold, busy machine
AWAY_SECONDS = 120.0  # the supervisor brings a dead api-server back in some fifteen


def run_chain(home: Home, sessions: Sequence[dt.date], say: Callable[[str], None]) -> int:
    """Run what is missing up to the last session; return how many sessions were asked for as runs.

    Args:
        home: whose Airflow runs it; it must be up.
        sessions: the source's sessions, ascending.
        say: receives a progress line now and then.

    Raises:
        ConfigError: when a DAG run fails; names the task's log file.
    """
    history, daily = sessions[:-DAILY], sessions[-DAILY:]
    targets = [*history[-1:], *daily]
    due = [session for session in targets if behind(home, session)]
    if due:
        _Follower(home, say).follow(due)
    return len(due)


class _Follower:
    def __init__(self, home: Home, say: Callable[[str], None]):
        self.home, self.say, self.api = home, say, AirflowApi(home)
        self.started = time.monotonic()

    def follow(self, targets: Sequence[dt.date]) -> None:
        self._wait_for_dags()
        self.known_failures = set(self.api.runs("failed"))
        for session in targets:
            self._bring_to(session)

    def _bring_to(self, session: dt.date) -> None:
        started: set[str] = set()
        quiet_since, answered, told = time.monotonic(), time.monotonic(), ""
        while missing := behind(self.home, session):
            stage = missing[0]
            try:
                active = self._active_runs()
                answered = time.monotonic()
            except RetryableError as error:
                if time.monotonic() - answered > AWAY_SECONDS:
                    raise ConfigError(
                        str(error),
                        stage="run",
                        key="waiting for",
                        value=stage,
                        remedy=f"read the logs in {self.home.logs}",
                    ) from error
                time.sleep(1.0)
                continue
            if active:
                quiet_since = time.monotonic()
            first = not started and not active
            if first or time.monotonic() - quiet_since > QUIET_SECONDS:
                self._start(stage, session, started)
                quiet_since = time.monotonic()
            told = self._tell(session, stage, active, told)
            time.sleep(0.25)

    def _start(self, stage: str, session: dt.date, started: set[str]) -> None:
        if stage in started:
            raise ConfigError(
                f"{stage} ended but did not complete the session",
                stage="run",
                key="session",
                value=str(session),
                remedy=f"read the logs in {self.home.logs} and in Airflow's pages",
            )
        started.add(stage)
        # Later stages go as far as the one before them did; only the first needs to be told where to stop.
        self.api.trigger(stage, {"end": session.isoformat()} if stage == STAGES[0] else {})

    def _active_runs(self) -> list[Run]:
        """Return the chain's runs that are under way, after making sure that none has failed meanwhile."""
        for run in self.api.runs("failed"):
            if run.dag_id in STAGES and run not in self.known_failures:
                logs = self.api.failed_task_logs(run)
                words = next((words for log in logs if (words := last_error(log))), "a task failed")
                raise ConfigError(
                    f"{run.dag_id} failed: {words}",
                    stage="run",
                    key="run",
                    value=run.run_id,
                    remedy="read "
                    + ", ".join(map(str, logs or [self.home.logs]))
                    + ", mend the cause and run `make run` again",
                )
        return [run for run in self.api.runs(*ACTIVE) if run.dag_id in STAGES]

    def _tell(self, session: dt.date, stage: str, active: Sequence[Run], told: str) -> str:
        """Say what is waited for when that has changed, and every ten seconds."""
        now = f"{session} {stage} {int((time.monotonic() - self.started) // 10)}"
        if now != told:
            state = next((run.state for run in active if run.dag_id == stage), "about to start")
            self.say(f"session {session}: {stage} is {state}")
        return now

    def _wait_for_dags(self) -> None:
        deadline = time.monotonic() + PARSE_SECONDS
        erring_since: float | None = None
        while missing := sorted(set(STAGES) - self.api.dag_ids()):
            errors = self.api.import_errors()
            erring_since = (erring_since or time.monotonic()) if errors else None
            # An error of before this start goes away when the file is parsed again.
            if erring_since and time.monotonic() - erring_since > 20.0:
                file, text = next(iter(errors.items()))
                raise ConfigError(
                    f"a DAG file cannot be imported: {text.strip().splitlines()[-1]}",
                    stage="run",
                    key="file",
                    value=file,
                    remedy="mend it and run again",
                )
            if time.monotonic() > deadline:
                raise ConfigError(
                    "Airflow does not know these DAGs",
                    stage="run",
                    key="dags",
                    value=", ".join(missing),
                    remedy=f"read {self.home.logs}/dag-processor.log",
                )
            time.sleep(0.5)
