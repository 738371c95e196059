"""What sessions were decided on: the same hashes as the first release made, and no slower the longer the history."""

from __future__ import annotations

from pathlib import Path

from data_layer.storage.database import transaction
from tests.conftest import Database
from tests.support.chain import query

MIGRATIONS = Path(__file__).resolve().parents[3] / "db-init" / "migrations"
SPANS = (("2004-01-02", "2005-12-30"), ("2004-06-01", "2004-06-30"), ("2005-02-28", "2005-02-28"))
# A first load as the planner sees it: nothing of it has been counted yet.
LOADED = """
ALTER TABLE market_data SET (autovacuum_enabled = off);
ALTER TABLE stage_runs SET (autovacuum_enabled = off);
INSERT INTO ingestion_batches (kind, source, run_id, start_date, end_date, symbols, received, accepted, duplicates,
    quarantined) VALUES ('bars', 'test', 'test', '2000-01-03', '2010-01-01', '{ALL}', 1, 1, 0, 0);
INSERT INTO stage_runs (stage, model, session_date, status, known_at, run_id)
    SELECT 'data_ingestion', '', '2000-01-03'::date + n, 'completed', '2020-01-01', 'test'
    FROM generate_series(1, 1500) n;
INSERT INTO market_data (symbol, date, open, high, low, close, volume, source, batch_id, known_at, backfilled)
    SELECT 'S' || s, '2000-01-03'::date + n, 1, 1, 1, 1, 1, 'test', 1, '2010-01-01', true
    FROM generate_series(1, 40) s, generate_series(1, 1500) n
"""


def test_the_hashes_are_those_of_the_first_release(chained: Database) -> None:
    released = (MIGRATIONS / "0054_facts_decided_on.sql").read_text().replace("facts_decided_on", "facts_as_released")
    with transaction(chained.owner) as connection:
        connection.execute(released)
        for first, last in SPANS:
            told = [
                connection.execute(f"SELECT * FROM {name}(%s, %s)", [first, last]).fetchall()
                for name in ("facts_decided_on", "facts_as_released")
            ]
            assert told[0] == told[1]
            assert told[0] and all(row["bars"] != "none" for row in told[0])
        assert any(row["actions"] != "none" for row in connection.execute(
            "SELECT * FROM facts_decided_on('2004-01-02', '2005-12-30')"))  # fmt: skip


def test_a_long_history_that_was_just_loaded_is_read_once(database: Database) -> None:
    with transaction(database.owner) as connection:
        connection.execute(LOADED)
    with transaction(database.writer) as connection:
        connection.execute("SET LOCAL statement_timeout = '3s'")  # not enough to read every bar for every session
        found = connection.execute("SELECT count(*) AS n FROM facts_decided_on('2000-01-04', '2010-01-01')").fetchone()
    assert found["n"] == 1500
    assert query(database.writer, "SELECT count(*) AS n FROM market_data")[0]["n"] == 60_000
