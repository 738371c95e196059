"""What the scheduler's tasks have in common, imported once in the process that they are forked from.

It saves each task some two seconds, and the one that validates three more. Libraries only, and the exchange
calendar that one of them keeps once it is built: nothing of ours, so that a changed strategy or stage counts
with the next task.
"""

import importlib
import logging

import adbc_driver_postgresql.dbapi
import airflow.executors.local_executor
import airflow.sdk.execution_time.supervisor
import airflow.sdk.execution_time.task_runner
import exchange_calendars
import numba
import pandas as pd
import psycopg
import pyarrow

__all__ = ["adbc_driver_postgresql", "airflow", "numba", "psycopg", "pyarrow"]

# Asked for as data_layer.sessions does (a test compares them), or it would be built again.
exchange_calendars.get_calendar("XNYS", start=pd.Timestamp("1962-01-02"))
# It tells at length what it registers, in the log of whatever task imports it.
logging.getLogger("great_expectations").setLevel(logging.WARNING)
importlib.import_module("great_expectations")
