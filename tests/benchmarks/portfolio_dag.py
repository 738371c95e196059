"""A portfolio backtest through the DAG strategy_assessment: Airflow, reading, computing and storing.

Once in an Airflow that runs, as a user triggers it, and once as `airflow dags test` takes it: there all of Airflow, its
API for tasks as well, is begun anew and ended in one process.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from data_layer.runtime.airflow_api import AirflowApi
from data_layer.runtime.postgres import embedded_postgres
from data_layer.storage.migrate import prepare_database
from tests.benchmarks.bars import panel
from tests.benchmarks.measure import Measure
from tests.benchmarks.peers import ROOT
from tests.support.chain import query, run_stage, sample_settings
from tests.support.running import running_home, wait_for

DAG = "strategy_assessment"
SYMBOLS, SESSIONS = 397, 5_400
RUNS = 4  # of which the first finds nothing in memory
FORM = {"form": "portfolio", "strategies": ["momentum"], "rebalance": "month"}
INIT = "from airflow.utils.db import initdb; initdb()"
RUN = f"""
import sys
from airflow.dag_processing.dagbag import DagBag
dag = DagBag(dag_folder=sys.argv[1]).dags["{DAG}"]
print("state", dag.test(run_conf={FORM} | {{"cash": float(sys.argv[2])}}).state)
"""
# From the trigger until the scheduler has seen the last task's end.
TOOK = """
SELECT state, extract(epoch FROM end_date - queued_at) AS seconds FROM dag_run
WHERE dag_id = %(dag)s AND run_id = %(run)s
"""


def portfolio_dag() -> Iterator[Measure]:
    """397 symbols x 5,400 sessions, monthly rebalancing: each way under 15 s."""
    with tempfile.TemporaryDirectory() as folder:
        bars = panel(SYMBOLS, SESSIONS)[["symbol", "date", "open", "high", "low", "close", "volume"]]
        bars.to_parquet(f"{folder}/bars.parquet", index=False)
        yield Measure("portfolio_dag", median(_triggered(Path(folder))), 15.0, 1.0)
        yield Measure("portfolio_dag_test", median(_tested(Path(folder))), 15.0, 1.0)


def _load(uri: str, folder: Path) -> None:
    run_stage(uri, sample_settings(folder, source="files", files=f"{folder}/bars.parquet"), "data_ingestion")


def _triggered(folder: Path) -> list[float]:
    """Seconds in an Airflow that runs, from the trigger to the run's end."""
    with running_home(folder / "home", {"SOURCE": "files", "FILES": f"{folder}/bars.parquet"}) as services:
        home = services.home
        _load(home.uri("quant_writer"), folder)
        wait_for("the DAG", lambda: DAG in AirflowApi(home).dag_ids())

        def seconds(cash: int) -> float:
            run = AirflowApi(home).trigger(DAG, {**FORM, "cash": cash})

            def ended() -> dict[str, object]:
                (row,) = query(home.uri("airflow", "airflow"), TOOK, {"dag": DAG, "run": run})
                return row if row["state"] in {"success", "failed"} else {}

            row = wait_for("the run", ended)
            assert row["state"] == "success", f"see {home.logs}"
            return float(row["seconds"])

        return [seconds(100_000 + n) for n in range(RUNS)][1:]  # other cash is another run: the same would be held


def _tested(folder: Path) -> list[float]:
    """Seconds of a process of its own, from its start to its end."""
    with embedded_postgres(folder / "postgres") as server:
        prepare_database(server)
        uri = server.uri("quant_writer", "quant_data")
        _load(uri, folder)
        environment = {
            **os.environ, "PYTHONPATH": str(ROOT), "AIRFLOW_HOME": str(folder), "ALMANAC_HOME": str(folder),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
            "AIRFLOW_CONN_QUANT_DATA": uri.replace("postgresql", "postgres", 1),
        }  # fmt: skip
        _process(environment, INIT)
        return [_timed(environment, 100_000 + n) for n in range(RUNS)][1:]


def _timed(environment: dict[str, str], cash: int) -> float:
    began = time.perf_counter()
    said = _process(environment, RUN, str(ROOT / "dags" / "strategy_assessment.py"), str(cash))
    assert "state success" in said, said[-2000:]
    return time.perf_counter() - began


def _process(environment: dict[str, str], code: str, *arguments: str) -> str:
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


BENCHMARKS = (portfolio_dag,)
ONLY_BY_NAME = {"portfolio_dag"}  # minutes, and all of Airflow's services
