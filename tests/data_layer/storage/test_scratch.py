"""The schema of a replay: its own locks and tables, gone at the end, also when its user was killed."""

from __future__ import annotations

import datetime as dt
import signal
import subprocess
import sys

import pytest

from data_layer.settings import ROOT
from data_layer.storage.database import take_lock, transaction
from data_layer.storage.scratch import WRITTEN, scratch_schema
from models.errors import ConfigError
from tests.support.chain import query

DAY = dt.date(2005, 12, 1)
SCHEMAS = "SELECT nspname AS n FROM pg_namespace WHERE nspname LIKE 'replay%'"
STAYS = """
import datetime, sys, time
from data_layer.storage.scratch import scratch_schema
with scratch_schema(sys.argv[1], datetime.date(2005, 12, 1)) as scratch:
    print(scratch.schema, flush=True)
    time.sleep(600)
"""


def test_tables_are_the_schemas_own_and_features_continue_the_stored_ones(small_chain):
    with scratch_schema(small_chain.writer, DAY) as scratch, transaction(scratch.uri) as connection:
        own = connection.execute("SELECT tablename AS t FROM pg_tables WHERE schemaname = %s", [scratch.schema])
        assert {row["t"] for row in own} == {*WRITTEN, "feature_values"}
        (row,) = connection.execute("SELECT count(*) AS n, max(date) AS d FROM features_technical").fetchall()
        assert row["n"] > 1000 and row["d"] < DAY
        connection.execute("INSERT INTO feature_values (symbol, date, feature_set, version, values) "
                           "SELECT symbol, date, feature_set, version, values FROM public.feature_values "
                           "WHERE date = %s", [DAY])  # fmt: skip
        (row,) = connection.execute("SELECT max(date) AS d FROM features_technical").fetchall()
        assert row["d"] == DAY
    assert query(small_chain.reader, SCHEMAS) == []


def test_a_replay_waits_for_no_stage_and_no_stage_for_it(small_chain):
    with (
        scratch_schema(small_chain.writer, DAY) as scratch,
        transaction(small_chain.writer) as stage,
        transaction(scratch.uri) as own,
    ):
        for connection in (stage, own):
            connection.execute("SET LOCAL statement_timeout = '5s'")
            take_lock(connection, "risk_execution")


def test_what_a_killed_replay_left_goes_with_the_next_one_and_what_is_in_use_stays(small_chain):
    command = [sys.executable, "-c", STAYS, small_chain.writer]
    with subprocess.Popen(command, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True) as other:
        try:
            left = other.stdout.readline().strip()
            with scratch_schema(small_chain.writer, DAY) as scratch:
                assert {r["n"] for r in query(small_chain.reader, SCHEMAS)} == {left, scratch.schema}
        finally:
            other.send_signal(signal.SIGKILL)
    ended = "SELECT count(*) AS n FROM pg_locks l WHERE locktype = 'advisory'"
    while query(small_chain.reader, ended)[0]["n"]:
        pass
    assert [r["n"] for r in query(small_chain.reader, SCHEMAS)] == [left]
    with scratch_schema(small_chain.writer, DAY):
        pass
    assert query(small_chain.reader, SCHEMAS) == []


def test_a_login_that_may_not_become_the_role_is_told_what_to_do(small_chain):
    with pytest.raises(ConfigError, match="cannot work as quant_replayer"), scratch_schema(small_chain.reader, DAY):
        pass
