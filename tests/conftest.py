"""One real Postgres per test process, and cheap copies of prepared databases in it."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import psycopg
import pytest
from psycopg import sql

from data_layer.runtime.postgres import PostgresServer, embedded_postgres
from data_layer.settings import Settings
from data_layer.storage.migrate import prepare_database
from tests.support.chain import run_chain, sample_settings

# The same code gives the same verdict each time; HYPOTHESIS=explore looks for cases nobody has met yet.
hypothesis.settings.register_profile("settled", derandomize=True)
hypothesis.settings.register_profile("explore")
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS", "settled"))

# Two splits, dividends, two symbols with all of history and one that enters in the middle.
SMALL = {"symbols": "AAPL MSFT GOOG", "start": "2004-01-02", "end": "2005-12-30"}


@dataclass(frozen=True)
class Database:
    """One database of the test server."""

    server: PostgresServer
    name: str

    @property
    def writer(self) -> str:
        return self.server.uri("quant_writer", self.name)

    @property
    def reader(self) -> str:
        return self.server.uri("quant_reader", self.name)

    @property
    def trainer(self) -> str:
        return self.server.uri("quant_trainer", self.name)

    @property
    def owner(self) -> str:
        return self.server.uri("postgres", self.name)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A server of this test process's own, with the schema in quant_data."""
    with embedded_postgres(tmp_path_factory.mktemp("postgres")) as running:
        prepare_database(running)
        yield running


@pytest.fixture(scope="session")
def copy_database(server: PostgresServer) -> Callable[[str], Database]:
    """Returns a function that copies a database nobody is connected to."""
    numbers = itertools.count(1)

    def copy(template: str) -> Database:
        name = f"copy_{next(numbers)}"
        with psycopg.connect(server.uri("postgres", "postgres"), autocommit=True) as connection:
            for statement in (
                "CREATE DATABASE {} TEMPLATE {} OWNER quant_owner",
                "REVOKE ALL ON DATABASE {} FROM PUBLIC",
                "GRANT CONNECT, TEMPORARY ON DATABASE {} TO quant_writer, quant_trainer",
                "GRANT CONNECT ON DATABASE {} TO quant_reader",
            ):
                connection.execute(sql.SQL(statement).format(sql.Identifier(name), sql.Identifier(template)))
        return Database(server, name)

    return copy


@pytest.fixture
def database(copy_database: Callable[[str], Database]) -> Database:
    """An empty database with the schema."""
    return copy_database("quant_data")


@pytest.fixture(scope="session")
def small_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of the small piece of the sample."""
    return sample_settings(tmp_path_factory.mktemp("home"), **SMALL)


@pytest.fixture(scope="session")
def small_chain(copy_database: Callable[[str], Database], small_settings: Settings) -> Database:
    """Two years of three symbols, through all five stages; for reading only."""
    prepared = copy_database("quant_data")
    run_chain(prepared.writer, small_settings)
    return prepared


@pytest.fixture
def chained(small_chain: Database, copy_database: Callable[[str], Database]) -> Database:
    """A copy of small_chain to change."""
    return copy_database(small_chain.name)


@pytest.fixture(scope="session")
def shared_market() -> Path:
    """The real bars kept beside the repository, where they are."""
    path = Path(__file__).resolve().parents[2] / "shared" / "market" / "sp500_daily.parquet"
    if not path.exists():
        pytest.skip(f"no real bars at {path}")
    return path
