"""`make verify`: every table is there, how many rows it has, and no invariant is violated."""

from __future__ import annotations

import os
import re
from pathlib import Path

import psycopg
from psycopg import sql

from data_layer.runtime.console import ends, say
from data_layer.runtime.home import Home
from data_layer.settings import home_path
from data_layer.storage.migrate import DB_INIT, migration_files
from models.errors import ConfigError

SHOWN = 3  # rows of a violation that are printed; the view named beside them gives all
# The tables that a check view reads, through its rewrite rule.
READS = """
SELECT DISTINCT t.relname FROM pg_class v
JOIN pg_rewrite r ON r.ev_class = v.oid
JOIN pg_depend d ON d.objid = r.oid AND d.classid = 'pg_rewrite'::regclass
    AND d.refclassid = 'pg_class'::regclass
JOIN pg_class t ON t.oid = d.refobjid AND t.oid <> v.oid
WHERE v.relname = %s AND v.relnamespace = 'public'::regnamespace
"""


def declared_tables(migrations: Path) -> list[str]:
    """Return the tables that the migrations make and do not drop again, in their order."""
    tables: dict[str, None] = {}
    for path in migration_files(migrations):
        for verb, name in re.findall(
            r"^(CREATE|DROP) TABLE (?:IF (?:NOT )?EXISTS )?(\w+)", path.read_text(), re.M
        ):
            if verb == "CREATE":
                tables[name] = None
            else:
                tables.pop(name, None)
    return list(tables)


def verify(connection: psycopg.Connection, declared: list[str], wanted: list[str]) -> list[str]:
    """Check the tables, print a line for each, and return what is wrong.

    Args:
        connection: to `quant_data`; any role that may read.
        declared: every table that must be there.
        wanted: the tables asked for; empty for all.

    Raises:
        ConfigError: for a table that nobody declared.
    """
    for name in wanted:
        if name not in declared:
            raise ConfigError(
                "no such table",
                stage="verify",
                key="TABLES",
                value=name,
                remedy="name some of: " + ", ".join(sorted(declared)),
            )
    names = wanted or declared
    wrong = []
    for name in names:
        if connection.execute("SELECT to_regclass(%s)", (f"public.{name}",)).fetchone() == (None,):
            say(f"  {name:28} MISSING")
            wrong.append(f"{name} is missing")
        else:
            row = connection.execute(
                sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name))
            ).fetchone()
            say(f"  {name:28} {row[0] if row else 0:>12,} rows")
    checks = connection.execute(
        "SELECT viewname FROM pg_views "
        "WHERE schemaname = 'public' AND starts_with(viewname, 'check_') ORDER BY viewname"
    ).fetchall()
    for (check,) in checks:
        read = {name for (name,) in connection.execute(READS, (check,))}
        if read & set(names):
            wrong += _check(connection, check)
    return wrong


def _check(connection: psycopg.Connection, check: str) -> list[str]:
    rows = connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(check))).fetchall()
    if not rows:
        say(f"  {check:28}           ok")
        return []
    say(f"  {check:28} {len(rows):>12,} VIOLATIONS")
    for row in rows[:SHOWN]:
        say(f"      {row}")
    return [f"{check}: {len(rows)} rows"]


def main() -> int:
    """Verify the home's tables (those named by TABLES, or all); return 0 when nothing is wrong."""
    home = Home(home_path())
    wanted = [name for name in re.split(r"[\s,]+", os.environ.get("TABLES", "")) if name]
    try:
        with psycopg.connect(home.uri("quant_reader"), connect_timeout=10) as connection:
            wrong = verify(connection, declared_tables(DB_INIT / "migrations"), wanted)
    except psycopg.OperationalError as error:
        raise ConfigError(
            f"no connection to the database: {str(error).strip()}",
            stage="verify",
            key="ALMANAC_HOME",
            value=str(home.path),
            remedy="start it with `make run`",
        ) from error
    say("nothing wrong" if not wrong else "wrong: " + "; ".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    ends(main)
