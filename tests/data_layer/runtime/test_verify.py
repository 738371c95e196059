from __future__ import annotations

import psycopg
import pytest

from data_layer.runtime.verify import declared_tables, verify
from data_layer.storage.migrate import DB_INIT
from models.errors import ConfigError

DECLARED = declared_tables(DB_INIT / "migrations")


@pytest.fixture
def connection(database):
    with psycopg.connect(database.owner) as connection:
        yield connection


def test_declared_tables_are_those_of_the_migrations(tmp_path, connection):
    assert {"market_data", "signals", "orders", "fills", "stage_runs"} <= set(DECLARED)
    (tmp_path / "0001.sql").write_text("CREATE TABLE a (x int);\n-- CREATE TABLE no\nCREATE TABLE b (x int);")
    (tmp_path / "0002.sql").write_text("DROP TABLE a;")
    assert declared_tables(tmp_path) == ["b"]


def test_whole_schema_has_nothing_wrong(connection, capsys):
    assert verify(connection, DECLARED, []) == []
    printed = capsys.readouterr().out
    for name in (*DECLARED, "check_ledger_balanced"):
        assert name in printed


def test_missing_table_is_told(connection):
    connection.execute("DROP TABLE performance_reports CASCADE")
    assert verify(connection, DECLARED, []) == ["performance_reports is missing"]


def test_violation_is_told_with_its_rows(connection, capsys):
    connection.execute(
        "CREATE VIEW check_made_up AS SELECT 17 AS bad, n FROM generate_series(1, 5) n, stage_runs"
    )
    connection.execute(
        "INSERT INTO stage_runs (stage, session_date, status, known_at, run_id) "
        "VALUES ('data_ingestion', '2013-03-01', 'completed', now(), 'r')"
    )
    assert verify(connection, DECLARED, []) == ["check_made_up: 5 rows"]
    assert "(17, 1)" in capsys.readouterr().out


def test_only_the_checks_of_the_tables_asked_for_run(connection, capsys):
    assert verify(connection, DECLARED, ["orders", "risk_decisions"]) == []
    printed = capsys.readouterr().out
    assert "check_orders_approved" in printed
    assert "check_ledger_balanced" not in printed
    assert "market_data" not in printed


def test_unknown_table_is_refused(connection):
    with pytest.raises(ConfigError, match=r"TABLES='fillz'.*fills"):
        verify(connection, DECLARED, ["fillz"])
