"""A home with everything running, watched from outside: its tables, its tasks' processes, who waits for which table."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from data_layer.runtime.airflow_api import AirflowApi
from data_layer.runtime.bring_up import bring_up_database, check_source
from data_layer.runtime.home import Home
from data_layer.runtime.services import Services
from data_layer.settings import parse_settings
from data_layer.storage.database import transaction
from data_layer.storage.hashes import table_hashes
from tests.support.chain import query
from tests.support.prepared import failed_checks

PATIENCE = 600  # seconds for one chain; a minute on two free cores, many on busy ones
DONE = "SELECT 1 FROM stage_runs WHERE stage = 'performance_testing' AND model = '' AND session_date = %(day)s"


@contextmanager
def running_home(path: Path, values: Mapping[str, str], prepare: str = "") -> Iterator[Services]:
    """Run all that `make run` starts, with nothing loaded, for the block.

    Args:
        path: the home's folder, made when missing.
        values: settings, in the environment for as long as it runs.
        prepare: statements for the tables' owner before Airflow starts.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**values, "ALMANAC_HOME": str(path)}.items():
            patch.setenv(name, value)
        home = Home(path)
        services = Services(home)
        check_source(home, parse_settings(path, values))
        bring_up_database(home, services, print, {})
        if prepare:
            with transaction(home.uri("postgres")) as connection:
                connection.execute(prepare)
        services.start_airflow()
        try:
            AirflowApi(home).wait_until_healthy(PATIENCE, home.logs)
            yield services
        finally:
            services.stop()


def wait_for(what: str, check: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """Return the first answer that is true."""
    until = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < until, f"waited in vain for {what}"
        time.sleep(0.2)
    return found


def running_tasks(home: Home, dag: str) -> list[int]:
    """Return the processes of the DAG's running tasks, from Airflow's own table."""
    rows = query(
        home.uri("airflow", "airflow"),
        "SELECT pid FROM task_instance WHERE dag_id = %(dag)s AND state = 'running' AND pid IS NOT NULL",
        {"dag": dag},
    )
    return [row["pid"] for row in rows]


def waiting(home: Home, table: str) -> int:
    """Return how many wait for the table: they are in the middle of their transaction."""
    statement = "SELECT count(*) AS n FROM pg_locks WHERE relation = %(table)s::regclass AND NOT granted"
    return int(query(home.uri("postgres"), statement, {"table": table})[0]["n"])


def hold(holder: psycopg.Connection, table: str) -> None:
    """Keep others from writing the table until the transaction ends."""
    holder.execute(sql.SQL("LOCK TABLE {} IN SHARE MODE").format(sql.Identifier(table)))


def wait_until_completed(home: Home, session: str, seconds: float = PATIENCE) -> None:
    """Return once the chain has completed the session; the database may be away for a while."""

    def done() -> bool:
        try:
            return bool(query(home.uri("quant_reader"), DONE, {"day": session}))
        except Exception:  # it was killed, and comes back
            return False

    wait_for(f"the chain to complete {session}", done, seconds)


def assert_as_undisturbed(disturbed: str, undisturbed: str, rounded: bool = False) -> None:
    """Compare all tables of two databases, and look at the invariants of the first.

    Rounded, the numbers that risk limits measured count to twelve digits: between processes of Celery and this one
    ``max_cvar`` has been seen to differ in its last bit, the decision and its hash being the same.
    """
    with transaction(disturbed) as one, transaction(undisturbed) as other:
        found, expected = table_hashes(one), table_hashes(other)
        if rounded:
            assert _decisions(one) == _decisions(other)
            found["risk_decisions"] = expected["risk_decisions"]
        assert {name for name in expected if found.get(name) != expected[name]} == set()
    assert failed_checks(disturbed) == []


def _decisions(connection: Any) -> list[dict[str, Any]]:
    rows = connection.execute("SELECT * FROM risk_decisions ORDER BY account_id, session_date, symbol").fetchall()
    for row in rows:
        del row["id"], row["created_at"]
        for check in row["checks"]:
            if isinstance(check["value"], float):
                check["value"] = float(f"{check['value']:.12g}")
    return rows
