"""Rows written straight into tables, to see what the schema says."""

from __future__ import annotations

from typing import Any

from psycopg import sql

from data_layer.storage.database import Connection


def insert(connection: Connection, table: str, **values: Any) -> None:
    """Insert one row."""
    names = sql.SQL(", ").join(map(sql.Identifier, values))
    places = sql.SQL(", ").join(sql.Placeholder() * len(values))
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(sql.Identifier(table), names, places)
    connection.execute(statement, list(values.values()))
