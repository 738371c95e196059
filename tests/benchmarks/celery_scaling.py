"""An assessment's shards on one Celery worker and on two, each with a core of its own, all as in Docker Compose."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import psutil

from data_layer.runtime.airflow_api import AirflowApi
from tests.benchmarks.bars import panel
from tests.benchmarks.measure import Measure
from tests.support.chain import query, run_stage, sample_settings
from tests.support.cluster import WORKERS, Cluster, cluster
from tests.support.running import wait_for

DAG = "strategy_assessment"
SYMBOLS, SESSIONS, TURNS = 200, 5_400, 2
LEAST = 1.3  # times as fast; 2 would need cores for the other services, too
SPAN = """
SELECT extract(epoch FROM max(t.end_date) - min(t.start_date)) AS seconds, count(*) AS shards,
       sum(extract(epoch FROM t.end_date - t.start_date)) AS busy, r.state
FROM dag_run r LEFT JOIN task_instance t ON t.run_id = r.run_id AND t.dag_id = r.dag_id AND t.task_id = 'assess_shard'
WHERE r.dag_id = %(dag)s AND r.run_id = %(run)s GROUP BY r.state
"""


def celery_scaling() -> Iterator[Measure]:
    """Seconds from the first shard's start to the last one's end, in turns; a worker runs one shard at a time.

    The other services and Postgres share the two cores with them, which machines of their own would not.
    """
    ones, twos = [], []
    with tempfile.TemporaryDirectory(prefix="bench") as name:
        folder = Path(name)
        bars = panel(SYMBOLS, SESSIONS)[["symbol", "date", "open", "high", "low", "close", "volume"]]
        bars.to_parquet(folder / "bars.parquet", index=False)
        settings = {"SOURCE": "files", "FILES": str(folder / "bars.parquet")}
        with cluster(folder, {**settings, "AIRFLOW__CELERY__WORKER_CONCURRENCY": "1"}, workers=()) as running:
            # Without an asset event: the chain's other stages stay out of it.
            run_stage(running.home.uri("quant_writer"), sample_settings(folder, **_lower(settings)), "data_ingestion")
            _start(running, "one")
            wait_for("the DAG", lambda: DAG in AirflowApi(running.home).dag_ids())
            _seconds(running, 0)  # the first one reads everything from disk
            for turn in range(TURNS):
                ones.append(_seconds(running, 2 * turn + 1))
                _start(running, "two")
                twos.append(_seconds(running, 2 * turn + 2))
                running.kill("two")
    yield Measure("celery_scaling", median(twos), median(ones), LEAST)


def _lower(settings: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in settings.items()}


def _start(running: Cluster, name: str) -> None:
    """Start a worker on its core, and return once it listens."""
    running.start(name)
    cores = sorted(os.sched_getaffinity(0))
    psutil.Process(running.running[name].pid).cpu_affinity([cores[WORKERS.index(name) % len(cores)]])
    check = ("data_layer.runtime.healthy", "worker", f"{name}@here")
    wait_for(f"worker {name}", lambda: running.command(*check).returncode == 0)


def _seconds(running: Cluster, number: int) -> float:
    """Run an assessment; other cash makes it another one, which is not held already."""
    run = AirflowApi(running.home).trigger(DAG, {"cash": 100_000 + number})

    def ended() -> dict[str, object]:
        (row,) = query(running.home.uri("airflow", "airflow"), SPAN, {"dag": DAG, "run": run})
        return row if row["state"] in {"success", "failed"} else {}

    row = wait_for("the assessment", ended)
    assert row["state"] == "success", f"see {running.folder}"
    print(f"# {row['shards']} shards in {row['seconds']:.1f} s, {row['busy']:.1f} s of tasks", flush=True)
    return float(row["seconds"])


BENCHMARKS = (celery_scaling,)
ONLY_BY_NAME = {"celery_scaling"}  # minutes, and needs Debian's redis-server
