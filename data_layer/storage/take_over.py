"""Rows of a table as another database has them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from psycopg import sql

from data_layer.storage.database import Connection, column_types


def take_over(
    here: Connection, there: Connection, table: str, *, without: Collection[str] = (),
    of: tuple[str, Any, Any] | None = None,
) -> None:  # fmt: skip
    """Empty a table and fill it with the rows of the table of the same name elsewhere.

    Args:
        here: of the database that is read.
        there: of the one that is written, as the table's owner.
        table: name.
        without: columns that are given anew: surrogate keys.
        of: a column, the value its rows have here, and the one they get there; None for all rows.
    """
    column, value, instead = of or ("", None, None)
    names = [name for name in column_types(there, table) if name not in without]
    chosen = [sql.Literal(instead) if name == column else sql.Identifier(name) for name in names]
    where = sql.SQL("WHERE {} = {}").format(sql.Identifier(column), sql.Literal(value)) if of else sql.SQL("")
    source = sql.Identifier(table)
    read = sql.SQL("COPY (SELECT {} FROM {} {}) TO STDOUT").format(sql.SQL(", ").join(chosen), source, where)
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    there.execute(sql.SQL("TRUNCATE {} CASCADE").format(source))
    write = sql.SQL("COPY {} ({}) FROM STDIN").format(source, columns)
    with here.cursor() as out, there.cursor() as into, out.copy(read) as rows, into.copy(write) as written:
        for piece in rows:
            written.write(piece)
