"""Who may do what, and that every table says what it holds."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import errors

from data_layer.storage.migrate import prepare_database
from tests.support.chain import query


def stored_names(database):
    rows = query(database.reader, "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'")
    return [row["name"] for row in rows]


def test_every_table_view_and_function_has_a_comment(small_chain):
    bare = query(
        small_chain.reader,
        "SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace "
        "AND relkind IN ('r', 'v') "
        "AND obj_description(oid, 'pg_class') IS NULL AND relname NOT LIKE '%%yoyo%%' "
        "UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace "
        "AND obj_description(oid, 'pg_proc') IS NULL",
    )
    assert bare == []


def test_every_column_of_a_table_has_a_comment(small_chain):
    bare = query(
        small_chain.reader,
        "SELECT c.relname || '.' || a.attname AS name "
        "FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
        "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' "
        "AND a.attnum > 0 AND NOT a.attisdropped "
        "AND c.relname NOT LIKE '%%yoyo%%' AND col_description(c.oid, a.attnum) IS NULL ORDER BY 1",
    )
    assert [row["name"] for row in bare] == []


def test_the_reader_cannot_write(database):
    tables = [
        r["n"]
        for r in query(database.reader, "SELECT tablename n FROM pg_tables WHERE schemaname = 'public'")
    ]
    with psycopg.connect(database.reader, autocommit=True) as connection:
        with pytest.raises(errors.ReadOnlySqlTransaction):
            connection.execute("DELETE FROM market_data")
        connection.execute(
            "SET default_transaction_read_only = off"
        )  # anybody may; the grants must hold alone
        for table in tables:
            for verb in (f"INSERT INTO {table} DEFAULT VALUES", f"DELETE FROM {table}", f"TRUNCATE {table}"):
                with pytest.raises(errors.InsufficientPrivilege):
                    connection.execute(verb)
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("SELECT refresh_feature_views()")
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE mine (x integer)")
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("CREATE TEMP TABLE mine (x integer)")


@pytest.mark.parametrize("table", ["ledger_entries", "fills", "audit_events", "market_data_history"])
def test_the_writer_only_adds_to_books_and_history(chained, table):
    with psycopg.connect(chained.writer, autocommit=True) as connection:
        names = [c.name for c in connection.execute(f"SELECT * FROM {table} LIMIT 0").description or ()]
        verbs = [f"UPDATE {table} SET {name} = DEFAULT" for name in names]
        for verb in (*verbs, f"DELETE FROM {table}", f"TRUNCATE {table}", f"DROP TABLE {table}"):
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(verb)


def test_the_writer_changes_of_an_order_only_how_it_fares(chained):
    with psycopg.connect(chained.writer, autocommit=True) as connection:
        for column in ("quantity", "side", "risk_decision_id", "symbol", "reference_price"):
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(f"UPDATE orders SET {column} = {column}")
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("DELETE FROM orders")


def test_public_has_nothing(database):
    granted = query(
        database.owner,
        "SELECT c.relname AS name FROM pg_class c, aclexplode(c.relacl) a "
        "WHERE c.relnamespace = 'public'::regnamespace AND a.grantee = 0 "
        "UNION ALL SELECT n.nspname FROM pg_namespace n, aclexplode(n.nspacl) a "
        "WHERE n.nspname = 'public' AND a.grantee = 0 "
        "UNION ALL SELECT d.datname FROM pg_database d, "
        "aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a "
        "WHERE d.datname IN ('quant_data', 'airflow') AND a.grantee = 0 "
        # A function that runs as its owner must be granted by name.
        "UNION ALL SELECT p.proname FROM pg_proc p, "
        "aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a "
        "WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef AND a.grantee = 0",
    )
    assert granted == []


def test_functions_do_not_trust_the_callers_search_path(database):
    loose = query(
        database.owner,
        "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prokind <> 'a' "
        "AND prosqlbody IS NULL "  # its names were bound when it was created
        "AND NOT coalesce(array_to_string(proconfig, ',') LIKE '%%search_path=public, pg_temp%%', false)",
    )
    assert loose == []


def test_preparing_a_prepared_server_changes_nothing(server):
    statement = "SELECT migration_id, applied_at_utc FROM _yoyo_migration ORDER BY 1"
    before = query(server.uri("postgres", "quant_data"), statement)
    assert before
    assert prepare_database(server) == []
    assert query(server.uri("postgres", "quant_data"), statement) == before
