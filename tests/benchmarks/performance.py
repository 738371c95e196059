"""The daily performance stage: one session of 15 models on 397 symbols after 5,400, tear sheets and all."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd

from data_layer.runtime.postgres import embedded_postgres
from data_layer.settings import Settings
from data_layer.storage.database import copy_in, transaction
from data_layer.storage.migrate import prepare_database
from tests.benchmarks.bars import panel
from tests.benchmarks.measure import Measure
from tests.support.chain import STEPS, open_stage, sample_settings, take_step

MODELS, SYMBOLS, SESSIONS, RAN = 15, 397, 5_400, 90
SECONDS = 3.0  # of task time; there is no peer that does the same
STAGE = "performance_testing"
# What the stages before it leave behind: every bar, and the last RAN sessions done with their signals.
LEFT_BEHIND = (
    """INSERT INTO ingestion_batches (kind, source, run_id, start_date, end_date, symbols, received, accepted,
        duplicates, quarantined) VALUES ('bars', 'bench', 'bench', '2000-01-03', '2025-01-01', '{ALL}', 1, 1, 0, 0)""",
    """INSERT INTO market_data (symbol, date, open, high, low, close, volume, source, batch_id, known_at, backfilled)
        SELECT symbol, date, open, greatest(open, high, close), least(open, low, close), close, volume, 'bench', 1,
               date + interval '21 hours', true FROM bench_bars""",
    """INSERT INTO trading_universe (symbol, name, active_from, source, known_at)
        SELECT DISTINCT symbol, symbol, '1990-01-02'::date, 'bench', '1990-01-01'::timestamptz FROM bench_bars""",
    """INSERT INTO models (model_name, model_version, strategy_class)
        SELECT 'model_' || n, '1', 'bench' FROM generate_series(1, %(models)s) n""",
    """CREATE TEMP TABLE ran AS SELECT DISTINCT date AS d FROM bench_bars ORDER BY 1 DESC LIMIT %(ran)s""",
    """INSERT INTO stage_runs (stage, model, session_date, status, known_at, run_id)
        SELECT s, '', d, 'completed', d + interval '21 hours', 'bench' FROM ran,
             unnest('{data_ingestion,feature_engineering,model_execution,risk_execution}'::text[]) s""",
    """INSERT INTO stage_runs (stage, model, session_date, status, known_at, run_id)
        SELECT 'model_execution', m.model_name, d, 'completed', d + interval '21 hours', 'bench' FROM ran, models m""",
    """INSERT INTO model_runs (model_id, session_date, model_version, parameters, symbols_scored, signals_long,
        signals_short, signals_flat) SELECT m.id, d, '1', '{}', 0, 0, 0, 0 FROM ran, models m""",
    """INSERT INTO signals (model_id, model_run_id, symbol, session_date, side, score, confidence, position_size)
        SELECT r.model_id, r.id, b.symbol, r.session_date, CASE WHEN s > 0 THEN 'long' ELSE 'short' END, s, abs(s), 0.01
        FROM model_runs r JOIN bench_bars b ON b.date = r.session_date,
             LATERAL (SELECT (abs(hashtext(b.symbol || r.id)) %% 1999 + 1) / 1000.0 - 1.0005 AS s) scored""",
    "ANALYZE",
)


# Signals of all of history would be 32 million rows that a session does not read. What they leave behind, and it does
# read, is a session's figures each: as if the models had traded from the first one on.
TRADED = """
UPDATE model_sessions SET net_return = r, gross_return = r, turnover = 0.1, cost = 0.0001, gross_exposure = 0.9,
    net_exposure = 0.1, benchmark_return = coalesce(benchmark_return, r / 2)
FROM (SELECT model_id AS m, session_date AS d, (abs(hashtext(model_id || session_date::text)) % 2001 - 1000) / 1e5 AS r
      FROM model_sessions) drawn
WHERE model_id = m AND session_date = d AND net_return IS NULL
"""


def performance_stage() -> Iterator[Measure]:
    """All steps of the newest session, after one from the beginning and one that goes on from it."""
    with tempfile.TemporaryDirectory() as folder, embedded_postgres(Path(folder) / "home", durable=True) as server:
        prepare_database(server)
        bars = panel(SYMBOLS, SESSIONS)[["symbol", "date", "open", "high", "low", "close", "volume"]]
        days = sorted(pd.to_datetime(bars["date"]).dt.date.unique())
        with transaction(server.uri("postgres", "quant_data")) as connection:
            connection.execute(
                "CREATE TABLE bench_bars (symbol text, date date, open float8, high float8, low float8, close float8, "
                "volume float8)"
            )
            copy_in(connection, "bench_bars", bars)
            for statement in LEFT_BEHIND:
                connection.execute(statement, {"models": MODELS, "ran": RAN} if "%" in statement else None)
        writer = server.uri("quant_writer", "quant_data")
        settings = replace(sample_settings(Path(folder) / "settings"), reports=str(Path(folder) / "sheets"))
        _run(writer, settings, days[-3])
        with transaction(server.uri("postgres", "quant_data")) as connection:
            connection.execute(TRADED)
        _run(writer, settings, days[-2])  # and what is compiled or imported once is
        took = _run(writer, settings, days[-1])
        print("#", *(f"{step} {seconds:.2f} s" for step, seconds in took.items()))
        yield Measure("performance_stage", sum(took.values()), SECONDS, 1)


def _run(uri: str, settings: Settings, day: object) -> dict[str, float]:
    """Take a session through the stage; return the seconds of its steps."""
    took = {}
    began = time.perf_counter()
    stage = open_stage(uri, settings, STAGE, end=str(day))
    for step in STEPS[STAGE]:
        take_step(stage, step)
        now = time.perf_counter()
        took[step], began = now - began, now
    return took


BENCHMARKS = (performance_stage,)
