"""A schema of its own for a replay: tables like the real ones, a role that cannot write to those, gone at the end."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, LiteralString, cast

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from data_layer.storage.database import Connection, column_types, load_sql, transaction
from data_layer.storage.roles import as_role
from models.errors import ConfigError

ROLE = "quant_replayer"  # may read what quant_reader may, and make schemas; see db-init/00_roles_and_databases.sql
PREFIX = "replay_"
# Written by the stages from feature_engineering to risk_execution when sessions are computed again.
WRITTEN = (
    "pending_signals", "pending_model_runs", "pending_predictions", "run_versions", "alerts", "risk_limits",
    "predictions", "prediction_gaps", "model_runs", "signals", "ensemble_signals", "target_positions",
    "risk_decisions", "orders", "fills", "ledger_entries", "positions", "account_snapshots", "risk_snapshots",
)  # fmt: skip
FIRST_ID = 2**40  # beyond any key of a real row: rows copied from there refer to those
LIKE = (
    "CREATE UNLOGGED TABLE {} (LIKE public.{} INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING IDENTITY "
    "INCLUDING INDEXES)"
)


@dataclass(frozen=True)
class Scratch:
    """A schema that exists while a replay runs.

    Attributes:
        schema: its name.
        uri: connects as ROLE; a table's name means the schema's table where there is one, else the real one.
        recorded: connects as ROLE; a table's name means the real one.
    """

    schema: str
    uri: str
    recorded: str

    def copy(self, table: str, rows: sql.Composable, parameters: Mapping[str, Any]) -> None:
        """Copy rows of the real table that stages look back on; surrogate keys are given anew.

        Args:
            table: one of WRITTEN.
            rows: what follows SELECT columns FROM: the real table under the name t, and conditions.
            parameters: of these.
        """
        with transaction(self.uri) as connection:
            names = [name for name in column_types(connection, f"public.{table}") if name != "id"]
            statement = sql.SQL("INSERT INTO {table} ({columns}) SELECT {columns} FROM (SELECT t.* FROM {rows}) c")
            columns = sql.SQL(", ").join(map(sql.Identifier, names))
            connection.execute(
                statement.format(table=sql.Identifier(self.schema, table), columns=columns, rows=rows), parameters
            )

    def move_knowledge(self, cutoffs: Mapping[dt.date, dt.datetime], stages: Sequence[str]) -> None:
        """Let the stages know, at these sessions, what was known at other instants than those recorded."""
        with transaction(self.uri) as connection:
            own = sql.Identifier(self.schema, "stage_runs")
            connection.execute(sql.SQL(LIKE).format(own, sql.Identifier("stage_runs")))
            connection.execute(sql.SQL("INSERT INTO {} SELECT * FROM public.stage_runs").format(own))
            moved = {"stages": list(stages), "sessions": list(cutoffs), "cutoffs": list(cutoffs.values())}
            connection.execute(load_sql("stage_runs/update_replayed"), moved)
            connection.execute(sql.SQL("ANALYZE {}").format(own))


@contextmanager
def scratch_schema(uri: str, first: dt.date) -> Iterator[Scratch]:
    """Make a schema for the block, and take it away after it; what a killed replay has left is taken away first.

    A lock on the schema's name lasts as long as its user.

    Args:
        uri: of a login that may become ROLE; of an existing database's owner or of quant_writer.
        first: session from which on features are those of the schema; before it they are the stored ones.

    Raises:
        ConfigError: when the login may not become ROLE, or the role may not make a schema.
    """
    recorded = as_role(uri, ROLE, "public")
    try:
        keeper = psycopg.connect(recorded, row_factory=dict_row, autocommit=True, application_name="almanac")
    except psycopg.OperationalError as error:
        raise ConfigError(f"cannot work as {ROLE}: {error}", stage="replay", key="database", value=ROLE,
                          remedy="run db-init/00_*.sql as a superuser") from error  # fmt: skip
    with keeper:
        for row in keeper.execute(load_sql("catalogue/select_scratch"), {"prefix": PREFIX}).fetchall():
            _drop_unused(keeper, row["name"])
        schema = PREFIX + secrets.token_hex(8)
        _try_lock(keeper, schema)
        scratch = Scratch(schema, as_role(uri, ROLE, f"{schema},public"), recorded)
        try:
            with transaction(recorded) as connection:
                _fill(connection, scratch, first)
            yield scratch
        finally:
            keeper.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))


def _try_lock(keeper: Connection, schema: str) -> bool:
    row = keeper.execute(load_sql("catalogue/select_scratch_lock"), {"schema": schema}).fetchone()
    return bool(row and row["taken"])


def _drop_unused(keeper: Connection, schema: str) -> None:
    if _try_lock(keeper, schema):  # its user is gone
        keeper.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))


def _fill(connection: Connection, scratch: Scratch, first: dt.date) -> None:
    """Make the tables, and views of features that continue the stored ones with the schema's own."""

    def name(table: str) -> sql.Identifier:
        return sql.Identifier(scratch.schema, table)

    connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(scratch.schema)))
    for table in WRITTEN:
        connection.execute(sql.SQL(LIKE).format(name(table), sql.Identifier(table)))
    for row in connection.execute(load_sql("catalogue/select_identities"), {"schema": scratch.schema}).fetchall():
        begin = sql.SQL("ALTER TABLE {} ALTER COLUMN {} RESTART WITH {}")
        connection.execute(begin.format(name(row["name"]), sql.Identifier(row["column_name"]), sql.Literal(FIRST_ID)))
    views = connection.execute(load_sql("catalogue/select_feature_views")).fetchall()
    # Views are bound to what a name means when they are made: first the name means the stored features up to the
    # first session and the replayed ones from then on, at the end the table that replayed ones are written to.
    own = name("features_replayed")
    connection.execute(sql.SQL(LIKE).format(own, sql.Identifier("feature_values")))
    connection.execute(
        sql.SQL(
            "CREATE VIEW {} AS SELECT * FROM {} UNION ALL SELECT * FROM public.feature_values WHERE date < {}"
        ).format(name("feature_values"), own, sql.Literal(first))
    )
    connection.execute(sql.SQL("SET LOCAL search_path = {}, public").format(sql.Identifier(scratch.schema)))
    for view in views:
        words = cast(LiteralString, view["definition"])  # Postgres' own
        connection.execute(sql.SQL("CREATE VIEW {} AS ").format(name(view["name"])) + sql.SQL(words))
    rename = sql.SQL("ALTER TABLE {} RENAME TO {}")  # views are renamed by it, too
    connection.execute(rename.format(name("feature_values"), sql.Identifier("features_known")))
    connection.execute(rename.format(own, sql.Identifier("feature_values")))
