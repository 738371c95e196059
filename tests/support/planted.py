"""Rows put straight into tables with only what a test is about; the rest of a row is anything its columns take."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

ANY = {
    "text": "x", "date": "2026-11-20", "integer": 1, "bigint": 1, "numeric": 1, "double precision": 0.5, "jsonb": "{}",
    "timestamp with time zone": "2026-11-20 22:00+00", "boolean": False, "ARRAY": "{}",
}  # fmt: skip
COLUMNS = """
SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s
AND is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO' AND is_generated = 'NEVER'
"""


def plant(owner: str, *rows: tuple[str, dict[str, Any]]) -> None:
    """Insert rows, given as table and values; neither triggers nor foreign keys look at them, CHECKs do."""
    with psycopg.connect(owner, row_factory=tuple_row) as connection:
        connection.execute("SET session_replication_role = replica")
        for table, values in rows:
            row = {name: ANY[kind] for name, kind in connection.execute(COLUMNS, (table,))} | values
            names = sql.SQL(", ").join(map(sql.Identifier, row))
            places = sql.SQL(", ").join(sql.Placeholder() * len(row))
            statement = sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES ({})")
            connection.execute(statement.format(sql.Identifier(table), names, places), list(row.values()))
