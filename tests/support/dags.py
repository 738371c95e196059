"""The DAG files as Airflow parses them, in a process of their own; each set of settings once a test process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("pandas", "numpy", "pyarrow", "numba", "psycopg", "exchange_calendars", "adbc_driver_postgresql")
READ = """
import json, sys, time
from airflow.dag_processing.dagbag import DagBag
began = time.perf_counter()
bag = DagBag(dag_folder=sys.argv[1])
seconds = time.perf_counter() - began
heavy = [name for name in sys.argv[2:] if name in sys.modules]
dags = {
    dag.dag_id: {
        "doc": dag.doc_md, "tags": sorted(dag.tags), "max_active_runs": dag.max_active_runs,
        "catchup": dag.catchup, "paused": dag.is_paused_upon_creation, "params": dag.params.dump(),
        "waits_for": [a.name for a in dag.schedule] if isinstance(dag.schedule, list) else str(dag.schedule),
        "expression": getattr(dag.timetable, "expression", None), "zone": str(getattr(dag.timetable, "timezone", None)),
        "tasks": [
            {"id": t.task_id, "class": getattr(t, "task_type", ""), "after": sorted(t.upstream_task_ids),
             "retries": t.retries, "delay": t.retry_delay.total_seconds(), "rule": t.trigger_rule.value,
             "outlets": [a.name for a in t.outlets], "mapped": t.is_mapped, "pool": t.pool, "slots": t.pool_slots,
             "backoff": t.retry_exponential_backoff,
             "longest": t.execution_timeout.total_seconds() if t.execution_timeout else None}
            for t in dag.topological_sort()
        ],
    }
    for dag in bag.dags.values()
}
print(json.dumps({"errors": bag.import_errors, "seconds": seconds, "heavy": heavy, "dags": dags}))
"""


@cache
def parse_dags(**settings: str) -> dict[str, Any]:
    """Return what Airflow finds in the DAGs folder under some settings; `heavy` names what parsing has imported."""
    found: dict[str, Any] = in_a_fresh_process(READ, str(ROOT / "dags"), *HEAVY, **settings)
    return found


def in_a_fresh_process(code: str, *arguments: str, **settings: str) -> Any:
    """Run code where nothing has been imported yet, and return the JSON of its last line."""
    with tempfile.TemporaryDirectory() as home:
        environment = {
            "PATH": os.defpath,
            "PYTHONPATH": str(ROOT),
            "AIRFLOW_HOME": home,
            "ALMANAC_HOME": home,
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
            "PYTHONDONTWRITEBYTECODE": "1",
            **settings,
        }
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], env=environment, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
