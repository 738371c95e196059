"""One id leads from the vendor's batch to the fill: the lines are what Airflow's own set-up writes for a task."""

from __future__ import annotations

import json

import pytest

from data_layer.runtime.logs import FIELDS, find
from data_layer.settings import ROOT
from plugins.stages.context import CHAIN
from tests.dags.test_stage_step import Run, connect
from tests.support.alloy import collected, parse
from tests.support.chain import STEPS, query
from tests.support.prepared import DUE, prepared

__all__ = ["connect", "prepared"]
FIRST, SECOND = DUE[0], DUE[1]
ALLOY = ROOT / "deploy" / "observability" / "alloy" / "config.alloy"


@pytest.fixture
def logged(tmp_path):
    """Returns a function that runs a stage as tasks of a run do, each with a log file of its own."""
    import structlog
    from airflow.sdk.log import configure_logging

    def run(stage: str, run_id: str, end: str) -> None:
        run = Run(stage, run_id=run_id, end=end)
        folder = tmp_path / f"dag_id={stage}" / f"run_id={run_id}" / "task_id=all"
        folder.mkdir(parents=True)
        with (folder / "attempt=1.log").open("wb") as file, structlog.contextvars.bound_contextvars(run_id=run_id):
            configure_logging.__wrapped__(json_output=True, output=file, cache_logger_on_first_use=False)
            run.take_all()
        structlog.contextvars.unbind_contextvars(
            "stage", "session", "first_session", "correlation_id", "correlation_ids"
        )

    yield run
    structlog.reset_defaults()
    configure_logging.__wrapped__()


def test_one_id_leads_from_the_vendors_batch_to_the_fill(prepared, connect, logged, tmp_path):
    database = prepared(CHAIN[0])
    connect(database.writer)
    for number, session in enumerate((FIRST, SECOND), 1):
        for stage in CHAIN:
            logged(stage, f"{stage}_{number}", session)
    fill = query(
        database.reader,
        f"SELECT o.client_order_id, b.run_id FROM fills f JOIN orders o ON o.id = f.order_id "
        f"JOIN market_data m ON m.symbol = o.symbol AND m.date = o.session_date "
        f"JOIN ingestion_batches b ON b.id = m.batch_id "
        f"WHERE f.session_date = '{SECOND}' AND o.session_date = '{FIRST}'",
    )[0]
    assert fill["run_id"] == "data_ingestion_1"
    lines = list(find(tmp_path, id=fill["run_id"]))
    assert {line["stage"] for line in lines} == set(CHAIN)
    assert any("fetched" in line["event"] for line in lines)
    filled = [line for line in lines if f"fill of order {fill['client_order_id']}" in line["event"]]
    assert [(line["session"], line["run_id"]) for line in filled] == [(SECOND, "risk_execution_2")]
    of_next_run = [line["event"] for line in lines if line["run_id"] == "risk_execution_2"]
    assert all(event.startswith("fill of order") for event in of_next_run)
    of_order = list(find(tmp_path, id=fill["client_order_id"]))
    assert [line["run_id"] for line in of_order] == ["risk_execution_1", "risk_execution_2"]
    about = list(find(tmp_path, session=SECOND, stage="risk_execution"))
    assert {line["session"] for line in about} == {SECOND}
    assert all(set(FIELDS) <= set(line) for line in about)
    assert len(STEPS["risk_execution"]) <= len(about)


def test_a_run_over_several_sessions_is_found_by_each(tmp_path):
    folder = tmp_path / "dag_id=x" / "run_id=r" / "task_id=t"
    folder.mkdir(parents=True)
    line = {"timestamp": "1", "stage": "x", "first_session": "2012-05-30", "session": "2012-06-04", "run_id": "r",
            "correlation_id": "c1", "correlation_ids": ["c1", "c0"], "event": "done"}  # fmt: skip
    other = {"timestamp": "2", "stage": "x", "session": "2012-06-05", "run_id": "r2", "event": "order ABC: buy"}
    (folder / "attempt=1.log").write_text(f"{json.dumps(line)}\nnot json\n[]\n{json.dumps(other)}\n")

    def count(**asked):
        return len(list(find(tmp_path, **asked)))

    assert count() == 2
    assert [count(session=s) for s in ("2012-05-29", "2012-05-30", "2012-06-01", "2012-06-05")] == [0, 1, 1, 1]
    assert [count(id=i) for i in ("c0", "c1", "r", "r2", "ABC", "AB", "c")] == [1, 1, 1, 1, 1, 0, 0]
    assert [count(stage=s) for s in ("x", "y")] == [2, 0]


def test_loki_gets_the_same_fields():
    """As labels of what a stage wrote; of anything else, which has runs without end, beside each line."""
    (process,) = [block for block in parse(ALLOY.read_text()) if block.name == "loki.process"]
    file = {"filename": "/state/airflow/logs/dag_id=x/a.log"}
    of_stage = {"level": "info", "stage": "risk_execution", "session": SECOND, "run_id": "r", "correlation_id": "c"}
    assert set(FIELDS) < set(of_stage)
    line = collected(process.blocks, json.dumps({**of_stage, "timestamp": "1", "event": "done"}), file)
    assert (line.labels, line.metadata) == ({"service_name": "almanac", **of_stage}, {})
    other = {"level": "info", "run_id": "r", "correlation_id": "c", "event": "relayed"}
    line = collected(process.blocks, json.dumps(other), file)
    assert line.labels == {"service_name": "almanac", "level": "info"}
    assert line.metadata == {"run_id": "r", "correlation_id": "c"}
    line = collected(process.blocks, "a library's print", file)
    assert (line.labels, line.metadata) == ({"service_name": "almanac"}, {})


@pytest.mark.parametrize("broken", ["a {", "a { b = }", "a { } }", "a b {}", "a { b 'c' }"])
def test_a_configuration_that_is_none_is_refused(broken):
    with pytest.raises(ValueError):
        parse(broken)
