"""One real Postgres per test process, and cheap copies of prepared databases in it."""

from __future__ import annotations

import gc
import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import psycopg
import pytest
from psycopg import sql
from xdist.scheduler import LoadFileScheduling

from data_layer.runtime.postgres import PostgresServer, embedded_postgres
from data_layer.settings import Settings
from data_layer.storage.migrate import prepare_database
from data_layer.storage.roles import LAYERS
from tests.support.chain import run_chain, sample_settings
from tests.support.skipped import NO_BARS, pytest_make_collect_report, pytest_runtest_makereport

__all__ = ["pytest_make_collect_report", "pytest_runtest_makereport"]

# The same code gives the same verdict each time; HYPOTHESIS=explore looks for cases nobody has met yet.
# On a machine that does much at once a draw may stand still for seconds; that says nothing of what is tested.
hypothesis.settings.register_profile(
    "settled", derandomize=True, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.register_profile("explore")
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS", "settled"))

# Two splits, dividends, two symbols with all of history and one that enters in the middle.
SMALL = {"symbols": "AAPL MSFT GOOG", "start": "2004-01-02", "end": "2005-12-30"}


# What takes longest and mostly waits comes first, the others run beside it; what is many tests that share nothing comes
# last, one at a time, so that all processes end together.
FIRST = (
    "tests/e2e/", "tests/faults/test_outages.py", "tests/faults/test_kill.py", "tests/faults/test_books.py",
    "tests/faults/test_celery.py", "tests/faults/test_stalls.py", "tests/faults/test_approval.py",
)  # fmt: skip
LAST = ("tests/faults/test_broker_days.py", "tests/faults/test_vendors.py")


class OneInstallation(LoadFileScheduling):
    """A test file stays in one process; all that look at the same running installation stay in one, too."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(LAST):
            return nodeid
        return "tests/e2e" if nodeid.startswith("tests/e2e/") else str(super()._split_scope(nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> OneInstallation:
    """Spread the tests over processes; see OneInstallation."""
    return OneInstallation(config, log)


def pytest_collection_finish() -> None:
    """Set aside what is imported and collected: to look through it for garbage took a tenth of the run."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files in the order of FIRST, all others, LAST."""
    first = dict(zip(FIRST, range(-len(FIRST), 0), strict=True))

    def place(item: pytest.Item) -> int:
        return next((n for start, n in first.items() if item.nodeid.startswith(start)), 0) or int(
            item.nodeid.startswith(LAST)
        )

    items.sort(key=place)


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


_copies: list[Database] = []  # those that end with the test file that runs


@pytest.fixture(scope="session")
def copy_database(server: PostgresServer) -> Callable[..., Database]:
    """Returns a function that copies a database nobody is connected to; it ends with the test file unless kept."""
    numbers = itertools.count(1)

    def copy(template: str, keep: bool = False) -> Database:
        name = f"copy_{next(numbers)}"
        with psycopg.connect(server.uri("postgres", "postgres"), autocommit=True) as connection:
            for statement in (
                "CREATE DATABASE {} TEMPLATE {} OWNER quant_owner STRATEGY file_copy",
                "REVOKE ALL ON DATABASE {} FROM PUBLIC",
                "GRANT CONNECT, TEMPORARY ON DATABASE {} TO quant_writer, quant_trainer",
                "GRANT CONNECT ON DATABASE {} TO quant_reader",
                f"GRANT TEMPORARY ON DATABASE {{}} TO {', '.join(LAYERS.values())}",
                "GRANT CREATE, TEMPORARY ON DATABASE {} TO quant_replayer",
            ):
                connection.execute(sql.SQL(statement).format(sql.Identifier(name), sql.Identifier(template)))
        made = Database(server, name)
        if not keep:
            _copies.append(made)
        return made

    return copy


@pytest.fixture(scope="module", autouse=True)
def copies_end_with_their_file() -> Iterator[None]:
    """Hundreds of copies would fill the disk of a small machine."""
    yield
    while _copies:
        copy = _copies.pop()
        with psycopg.connect(copy.server.uri("postgres", "postgres"), autocommit=True) as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(copy.name))
            )


@pytest.fixture
def database(copy_database: Callable[..., Database]) -> Database:
    """An empty database with the schema."""
    return copy_database("quant_data")


@pytest.fixture(scope="session")
def small_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of the small piece of the sample."""
    return sample_settings(tmp_path_factory.mktemp("home"), **SMALL)


@pytest.fixture(scope="session")
def small_chain(copy_database: Callable[..., Database], small_settings: Settings) -> Database:
    """Two years of three symbols, through all five stages; for reading only."""
    prepared = copy_database("quant_data", keep=True)
    run_chain(prepared.writer, small_settings)
    return prepared


@pytest.fixture
def chained(small_chain: Database, copy_database: Callable[..., Database]) -> Database:
    """A copy of small_chain to change."""
    return copy_database(small_chain.name)


@pytest.fixture(scope="session")
def shared_market() -> Path:
    """The real bars kept beside the repository, where they are."""
    path = Path(__file__).resolve().parents[2] / "shared" / "market" / "sp500_daily.parquet"
    if not path.exists():
        pytest.skip(f"{NO_BARS} {path}")
    return path
