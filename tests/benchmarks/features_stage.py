"""All features as a user waits for them: the whole history, and one session in processes of its own."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from data_layer.sessions import previous_session
from tests.benchmarks.bars import MARKET
from tests.benchmarks.loading import server
from tests.benchmarks.measure import Measure
from tests.benchmarks.peers import ROOT
from tests.support.chain import STEPS, open_stage, sample_settings, take_step

LAST = dt.date(2021, 4, 21)  # of the shared bars
CATCH_UP, SESSION = 60.0, 5.0  # seconds
RESIDENT = 4.0  # GB
FEATURE_STEPS = STEPS["feature_engineering"]


def in_processes(home: Path, how: str, *steps: str) -> list[float]:
    """What a process of one_step prints: seconds when forked, gigabytes when bare."""
    command = [sys.executable, "-m", "tests.benchmarks.one_step", str(home), how, *steps]
    environment = {**os.environ, "AIRFLOW_HOME": str(home / "airflow"), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return [float(word) for word in done.stdout.splitlines()[-1].split()]


def features_stage() -> Iterator[Measure]:
    """Both sets over 1.9 million real bars from empty, in time and memory; then a session, bare and forked."""
    if not MARKET.exists():
        return
    with server() as running:
        home = running.home.path
        settings = sample_settings(home, source="files", files=str(MARKET))

        def ingest(end: dt.date) -> None:
            stage = open_stage(running.uri(), settings, "data_ingestion", end=str(end))
            for step in STEPS["data_ingestion"]:
                take_step(stage, step)

        ingest(previous_session(previous_session(LAST)))
        began = time.perf_counter()
        (resident,) = in_processes(home, "bare", FEATURE_STEPS[0])
        yield Measure("features_stage_catch_up", time.perf_counter() - began, CATCH_UP, 1.0)
        yield Measure("features_stage_gigabytes", resident, RESIDENT, 1.0)
        in_processes(home, "bare", *FEATURE_STEPS[1:])
        with psycopg.connect(running.uri("postgres"), autocommit=True) as connection:
            for statement in ("VACUUM ANALYZE", "CHECKPOINT"):  # the server's own work after a load is over by next day
                connection.execute(statement)
        ingest(previous_session(LAST))
        seconds = []
        for step in FEATURE_STEPS:
            began = time.perf_counter()
            in_processes(home, "bare", step)
            seconds.append(time.perf_counter() - began)
        print("# bare:", *(f"{step} {took:.2f} s" for step, took in zip(FEATURE_STEPS, seconds, strict=True)))
        yield Measure("features_stage_session_bare", sum(seconds), SESSION, 1.0)
        ingest(LAST)
        seconds = in_processes(home, "forked", *FEATURE_STEPS)
        print("# forked:", *(f"{step} {took:.2f} s" for step, took in zip(FEATURE_STEPS, seconds, strict=True)))
        yield Measure("features_stage_session_forked", sum(seconds), SESSION, 1.0)


BENCHMARKS = (features_stage,)
