"""Bars into Postgres and out of it against psycopg2's execute_values and pandas' read_sql, same server, same run."""

from __future__ import annotations

import datetime as dt
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd
import psycopg2
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy
from psycopg2.extras import execute_values

from data_layer.quality.row_checks import check_rows
from data_layer.runtime.postgres import PostgresServer, embedded_postgres
from data_layer.sessions import sessions_between
from data_layer.sources import open_sources
from data_layer.storage.bars import Provenance, store_bars
from data_layer.storage.database import read_frame, transaction
from data_layer.storage.migrate import prepare_database
from tests.benchmarks.bars import MARKET, panel
from tests.benchmarks.features import MARKET_SHAPE, timed
from tests.benchmarks.measure import Measure
from tests.support.chain import NOW, STEPS, open_stage, sample_settings, take_step

COLUMNS = ["symbol", "date", "open", "high", "low", "close", "volume"]
WRITTEN = [*COLUMNS, "source", "batch_id", "known_at", "backfilled"]
REPEATS = 3
READ = f"SELECT {', '.join(COLUMNS)} FROM market_data"
BIG_SYMBOLS, BIG_ROWS = 3_830, 25_000_000
MOST_RESIDENT, MOST_RESIDENT_OF_FILES = 3.0, 2.0  # GB


@contextmanager
def server() -> Iterator[PostgresServer]:
    """A server as every home has it, fsync on, with the schema and an identical table for the peer."""
    with (
        tempfile.TemporaryDirectory(prefix="bench") as folder,
        embedded_postgres(Path(folder) / "home", durable=True) as running,
    ):
        prepare_database(running)
        with transaction(running.uri("postgres")) as connection:
            connection.execute("CREATE TABLE peer_bars (LIKE market_data INCLUDING ALL)")
            connection.execute("GRANT ALL ON peer_bars TO quant_writer")
        yield running


def bars(symbols: int = MARKET_SHAPE[0]) -> pd.DataFrame:
    """Bars, by default 420 thousand, as a source hands them over, on the exchange's sessions."""
    rows = panel(symbols, MARKET_SHAPE[1])[COLUMNS].copy()
    sessions = sessions_between(dt.date(2008, 1, 1), dt.date(2021, 4, 21))[-MARKET_SHAPE[1] :]
    days = pd.Series(pd.to_datetime(pd.Series(sessions)))
    rows["date"] = pd.concat([days] * symbols, ignore_index=True)
    return rows.assign(date_text="")


def empty(uri: str) -> None:
    """Both tables as they were made."""
    with transaction(uri) as connection:
        connection.execute("TRUNCATE market_data, peer_bars")


def ours(uri: str, rows: pd.DataFrame) -> None:
    """What the stage does with an answer: check, compare, write, count."""
    span = (rows["date"].min().date(), rows["date"].max().date())
    provenance = Provenance("bench", "bench", *span, ["ALL"], dt.timedelta(0), NOW, None)
    with transaction(uri) as connection:
        store_bars(connection, check_rows(rows, source="bench", now=NOW), provenance)


def peers_rows(uri: str) -> list[tuple[Any, ...]]:
    """The very rows that ours wrote, as tuples: turning a frame into them is not held against the peer."""
    with transaction(uri) as connection:
        found = connection.execute(f"SELECT {', '.join(WRITTEN)} FROM market_data ORDER BY symbol, date")
        return [tuple(row.values()) for row in found]


def peer(uri: str, rows: list[tuple[Any, ...]]) -> None:
    """An upsert of the same columns."""
    updated = ", ".join(f"{c} = excluded.{c}" for c in WRITTEN[2:])
    statement = (
        f"INSERT INTO peer_bars ({', '.join(WRITTEN)}) VALUES %s "
        f"ON CONFLICT (symbol, date) DO UPDATE SET {updated}"
    )
    connection = psycopg2.connect(uri)
    with connection, connection.cursor() as cursor:
        execute_values(cursor, statement, rows, page_size=10_000)
    connection.close()


@cache
def loads() -> dict[str, float]:
    """Median seconds of first loads and unchanged re-loads of both sides, taken in turns."""
    rows = bars()
    found: dict[str, list[float]] = {name: [] for name in ("load", "reload", "peer_load", "peer_reload")}

    def clock(name: str, work: Callable[[], object]) -> None:
        began = time.perf_counter()
        work()
        found[name].append(time.perf_counter() - began)

    with server() as running:
        writer, owner = running.uri("quant_writer"), running.uri("postgres")
        ours(writer, rows)
        tuples = peers_rows(writer)
        assert len(tuples) == len(rows)
        for _ in range(REPEATS):
            empty(owner)
            clock("load", lambda: ours(writer, rows))
            clock("peer_load", lambda: peer(writer, tuples))
            clock("reload", lambda: ours(writer, rows))
            clock("peer_reload", lambda: peer(writer, tuples))
    return {name: median(seconds) for name, seconds in found.items()}


def load_bars() -> Iterator[Measure]:
    """A first load of 420 thousand bars, provenance, both times and CHECKs on both sides."""
    yield Measure("load_bars", loads()["load"], loads()["peer_load"], 4.0)


def reload_bars() -> Iterator[Measure]:
    """The same bars once more, unchanged."""
    yield Measure("reload_bars", loads()["reload"], loads()["peer_reload"], 9.0)


def read_bars() -> Iterator[Measure]:
    """420 thousand bars to a frame."""
    with server() as running:
        uri = running.uri("quant_writer")
        ours(uri, bars())
        engine = sqlalchemy.create_engine(uri.replace("postgresql://", "postgresql+psycopg2://", 1))
        # In turns, so that whatever else the machine does is held against both.
        pairs = [(timed(lambda: read_frame(uri, READ), 1), timed(lambda: pd.read_sql(READ, engine), 1))
                 for _ in range(2 * REPEATS + 1)]  # fmt: skip
        engine.dispose()
    yield Measure("read_bars", *(median(seconds) for seconds in zip(*pairs, strict=True)), 7.0)


def load_market() -> Iterator[Measure]:
    """The shared file of 1.9 million real bars, through all of ingestion into judged tables, against 20 seconds."""
    if MARKET.exists():
        yield Measure("load_market", _ingested(source="files", files=str(MARKET))[0], 20.0, 1.0)


def load_25m() -> Iterator[Measure]:
    """25 million synthetic bars through all of ingestion at the rate of 1.9 million, in bounded memory."""
    small, few = _ingested(source="synthetic", synthetic_symbols=str(BIG_SYMBOLS * 19 // 250))
    big, many = _ingested(source="synthetic", synthetic_symbols=str(BIG_SYMBOLS))
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    yield Measure("load_25m_rate", big / many * 1e6, small / few * 1e6, 0.8)
    yield Measure("load_25m_gigabytes", resident, MOST_RESIDENT, 1.0)


def load_25m_file() -> Iterator[Measure]:
    """25 million bars from a Parquet file through all of ingestion, in bounded memory."""
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        path = Path(folder) / "bars.parquet"
        _write_synthetic(path)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        seconds, rows = _ingested(source="files", files=str(path))
        print(f"# {rows} rows in {seconds:.0f} s; {before:.2f} GB before")
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    yield Measure("load_25m_file_gigabytes", resident, MOST_RESIDENT_OF_FILES, 1.0)


def _write_synthetic(path: Path) -> None:
    settings = sample_settings(path.parent, source="synthetic", synthetic_symbols=str(BIG_SYMBOLS))
    source = open_sources(settings)
    days = source.sessions()
    writer = None
    for answer in source.bars_in_chunks(None, days[0], days[-1]):
        table = pa.Table.from_pandas(answer.rows[COLUMNS], preserve_index=False)
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer:
        writer.close()


def _ingested(**values: str) -> tuple[float, int]:
    """Seconds that ingestion takes, and the bars that are then held."""
    with server() as running:
        uri = running.uri("quant_writer")
        settings = sample_settings(running.home.path, **values)
        began = time.perf_counter()
        stage = open_stage(uri, settings, "data_ingestion")
        for step in STEPS["data_ingestion"]:
            print(f"# {step} {take_step(stage, step)} {time.perf_counter() - began:.1f} s", flush=True)
        seconds = time.perf_counter() - began
        with transaction(uri) as connection:
            row = connection.execute("SELECT count(*) AS n FROM market_data").fetchone() or {}
    return seconds, row["n"]


BENCHMARKS = (load_bars, reload_bars, read_bars, load_market, load_25m, load_25m_file)
ONLY_BY_NAME = {"load_25m", "load_25m_file"}  # minutes, and gigabytes of disk
