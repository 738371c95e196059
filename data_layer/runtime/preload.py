"""What the scheduler's tasks have in common, imported once in the process that they are forked from.

It saves each task some two seconds, and the one that validates three more. Libraries only and nothing of ours, so
that a changed strategy or stage counts with the next task.
"""

import gc
import importlib
import logging

import adbc_driver_postgresql.dbapi
import airflow.executors.local_executor
import airflow.sdk.execution_time.supervisor
import airflow.sdk.execution_time.task_runner
import pandas
import psycopg
import pyarrow
from numba.core.registry import cpu_target

__all__ = ["adbc_driver_postgresql", "airflow", "pandas", "psycopg", "pyarrow"]

# What numba imports before the first kernel is loaded, among it scipy: half of the time that loading all of ours takes.
cpu_target.target_context.refresh()
# It tells at length what it registers, in the log of whatever task imports it.
logging.getLogger("great_expectations").setLevel(logging.WARNING)
importlib.import_module("great_expectations")
# Else each task's first full collection walks over all of this and copies the pages of it: half a second.
gc.collect()
gc.freeze()
