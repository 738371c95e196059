"""The documents' blocks of commands that change a home or bring it back, as typed, in the order of a bad week."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from data_layer.runtime.postgres import PostgresServer, embedded_postgres
from data_layer.storage.migrate import prepare_database
from models.errors import DataQualityError
from tests.e2e.conftest import Installation, checkout
from tests.support.bars import files_settings, real_bars, write_bars
from tests.support.chain import query, run_chain, run_stage

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.faults
SYMBOLS, START, END = "AAPL IBM MSFT", "2012-06-01", "2012-12-31"
DAY = "2012-10-31"
ORDERS = "SELECT count(*) AS n, max(id) AS last FROM orders"


def block(page: str, command: str) -> str:
    """Return the page's one block without a language that holds a command."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    (held,) = (lines for language, lines in found if not language and command in lines)
    return held


def typed(installation: Installation, lines: str) -> str:
    """Type lines one after the other, all of which succeed, and return what they say."""
    done = installation.run(f"set -e\n{lines}")
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def installation(tmp_path_factory) -> Installation:
    """A checkout."""
    return Installation(checkout(tmp_path_factory.mktemp("documented")))


@pytest.fixture(scope="module")
def home(installation) -> Iterator[PostgresServer]:
    """Its home, whose data_ingestion waits for a person: of two shares there are two prints each of one bar."""
    rows = real_bars(SYMBOLS, START, END)
    torn = rows[rows["symbol"].isin(["IBM", "MSFT"]) & (rows["date"].astype(str) == DAY)]
    write_bars(installation.tree / "own.csv", pd.concat([rows, torn.assign(close=torn["low"])]))
    write_bars(installation.tree / "bars.parquet", rows.assign(adjusted_close=rows["close"]))
    with embedded_postgres(installation.tree / ".almanac") as server:
        prepare_database(server)
        yield server


def test_what_is_put_aside_is_decided_and_the_history_goes_on(installation, home):
    writer = home.uri("quant_writer")
    settings = files_settings(home.home.path, installation.tree / "own.csv", symbols=SYMBOLS, start=START, end=END)
    with pytest.raises(DataQualityError, match="quarantine"):
        run_stage(writer, settings, "data_ingestion")
    first = "SELECT min(id) AS id FROM quarantine WHERE symbol = %(symbol)s"
    torn = {symbol: query(writer, first, {"symbol": symbol})[0]["id"] for symbol in ("IBM", "MSFT")}
    lines = block("docs/operations.md", "RELEASE=")
    typed(installation, lines.replace("=17", f"={torn['IBM']}").replace("=18", f"={torn['MSFT']}"))
    assert "2 rows in quarantine undecided, 1 released, 1 rejected" in typed(installation, "make quarantine")
    run_chain(writer, settings)
    held = "SELECT symbol FROM market_data WHERE date = %(d)s ORDER BY 1"
    assert [row["symbol"] for row in query(writer, held, {"d": DAY})] == ["AAPL", "IBM"]


def test_limits_and_the_kill_switch(installation, home):
    typed(installation, block("docs/risk.md", "make limits"))
    limits = "SELECT threshold::float AS t FROM risk_limits WHERE name = 'max_position' ORDER BY symbol NULLS FIRST"
    assert [row["t"] for row in query(home.uri("quant_reader"), limits)] == [0.04, 0.03]
    assert "the vendor has mended them" in typed(installation, block("docs/risk.md", "make kill"))


def test_down_to_older_tables_and_back_from_a_backup(installation, home):
    before = query(home.uri("quant_reader"), ORDERS)
    assert before[0]["n"] > 0
    typed(installation, "make backup OUT=folder")
    home.stop()
    assert "taken back: 0043" in typed(installation, block("docs/operations.md", "make downgrade"))
    *lines, last = block("docs/operations.md", "make restore").splitlines()
    assert last == "make run"  # what that does is seen elsewhere
    typed(installation, "\n".join(lines))
    home.start()
    assert query(home.uri("quant_reader"), ORDERS) == before
