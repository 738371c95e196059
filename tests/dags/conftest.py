"""Airflow's first import makes files in its home: let that be a temporary one, and tell nobody else."""

from __future__ import annotations

import importlib

import pytest


@pytest.fixture(scope="session", autouse=True)
def airflow(tmp_path_factory):
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow_home")))
        importlib.import_module("airflow.sdk")
        importlib.import_module("plugins.operators.stage_step")
