"""Homes fed from a small file of real bars, half way and all the way through."""

from __future__ import annotations

import pytest

from tests.support.bars import real_bars
from tests.support.chain import run_chain, run_stage
from tests.support.files_home import FIRST, HALF, LAST, open_home
from tests.support.prepared import prepared

__all__ = ["prepared"]


@pytest.fixture(scope="session")
def market():
    return real_bars("AAPL IBM MSFT", FIRST, LAST)


@pytest.fixture(scope="session")
def half_done(copy_database, tmp_path_factory, market):
    """A home whose five stages are done up to HALF."""
    database = copy_database("quant_data", keep=True)
    home = open_home(database, tmp_path_factory.mktemp("half"), market)
    run_chain(home.uri, home.settings, end=HALF)
    return database


@pytest.fixture(scope="session")
def all_done(copy_database, tmp_path_factory, market, half_done):
    """The same home, undisturbed, with all of the file ingested."""
    database = copy_database(half_done.name, keep=True)
    open_home(database, tmp_path_factory.mktemp("all"), market).ingest()
    return database


@pytest.fixture
def home(copy_database, half_done, tmp_path, market):
    return open_home(copy_database(half_done.name), tmp_path, market)


@pytest.fixture
def done_home(copy_database, all_done, tmp_path, market):
    return open_home(copy_database(all_done.name), tmp_path, market)


@pytest.fixture
def featured(done_home):
    """All sessions ingested and featured."""
    run_stage(done_home.uri, done_home.settings, "feature_engineering")
    return done_home
