"""Databases in which one stage has work to do: those before it are done up to END, the others to MIDDLE."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from psycopg import sql

from data_layer.settings import Settings
from data_layer.storage.database import transaction
from data_layer.storage.hashes import table_hashes
from plugins.stages.context import CHAIN
from tests.support.chain import run_chain, run_stage

# AAPL splits 2:1 on 2005-02-28, in the middle of the nine sessions that are due.
MIDDLE, SPLIT, END = "2005-02-18", "2005-02-28", "2005-03-04"
DUE = (
    "2005-02-22",
    "2005-02-23",
    "2005-02-24",
    "2005-02-25",
    SPLIT,
    "2005-03-01",
    "2005-03-02",
    "2005-03-03",
    END,
)
# By default nothing is held while the market goes sideways: here every vote counts, whatever the regime.
EAGER = """
UPDATE ensemble_settings SET publish_threshold = 0.1, factor_sideways = 1, factor_bear = 1;
ALTER TABLE portfolio_settings ALTER min_change SET DEFAULT 0;
INSERT INTO risk_limits (name, threshold, unit, description) VALUES ('min_confidence', 0.1, 'confidence', 'eager')
ON CONFLICT (name, symbol) DO UPDATE SET threshold = excluded.threshold
"""
ENDS = dict.fromkeys(CHAIN, None) | {"data_ingestion": END}  # where a catch-up of the stage stops

_made: dict[tuple[int, str], dict[str, Any]] = {}  # once per process, however many test files ask


# Models that state stops of 5, 3 and 2 % vote instead of those that state none.
STOPPING = (
    EAGER
    + """;
DELETE FROM ensemble_members;
INSERT INTO ensemble_members (model_name, weight, by_confidence) VALUES
    ('golden_cross', 1, false), ('rsi_reversion', 1, false), ('enhanced_momentum', 1, false);
INSERT INTO models (model_name, model_version, strategy_class) VALUES
    ('golden_cross', '0', 'models.strategies.trend.golden_cross.GoldenCross'),
    ('rsi_reversion', '0', 'models.strategies.mean_reversion.rsi_reversion.RsiReversion'),
    ('enhanced_momentum', '0', 'models.strategies.momentum.enhanced_momentum.EnhancedMomentum')
"""
)


@pytest.fixture(scope="session")
def prepared(copy_database: Callable[..., Any], small_settings: Settings) -> Callable[[str], Any]:
    """Returns a function that makes a copy of the database prepared for a stage; "" for one with all done."""
    return _preparing(EAGER, copy_database, small_settings)


@pytest.fixture(scope="session")
def stopping(copy_database: Callable[..., Any], small_settings: Settings) -> Callable[[str], Any]:
    """As prepared, with models that state stops."""
    return _preparing(STOPPING, copy_database, small_settings)


def _preparing(
    statement: str, copy_database: Callable[..., Any], settings: Settings
) -> Callable[[str], Any]:
    made = _made.setdefault((id(copy_database), statement), {})

    def prepare() -> None:
        newest = copy_database("quant_data", keep=True)
        change(newest, statement)
        run_chain(newest.writer, settings, end=MIDDLE)
        made[CHAIN[0]] = newest
        for stage, following in zip(CHAIN, [*CHAIN[1:], ""], strict=True):
            newest = copy_database(newest.name, keep=True)
            run_stage(newest.writer, settings, stage, end=ENDS[stage])
            made[following] = newest

    def copy(stage: str) -> Any:
        if not made:
            prepare()
        return copy_database(made[stage].name)

    return copy


def hashes(uri: str, *tables: str) -> dict[str, str]:
    """Return the hashes of the tables, of all when none is named."""
    with transaction(uri) as connection:
        return table_hashes(connection, tables)


def change(database: Any, statement: str, parameters: Any = None) -> int:
    """Run a statement as the tables' owner; returns the number of rows."""
    with transaction(database.owner) as connection:
        return connection.execute(statement, parameters).rowcount


def failed_checks(uri: str) -> list[str]:
    """Return the names of the check views that hold a row."""
    with transaction(uri) as connection:  # one for all of them: there are dozens of views, and a crash suite asks often
        views = connection.execute(
            "SELECT viewname AS v FROM pg_views WHERE schemaname = 'public' AND starts_with(viewname, 'check_')"
        ).fetchall()
        return [
            row["v"]
            for row in views
            if connection.execute(sql.SQL("SELECT FROM {} LIMIT 1").format(sql.Identifier(row["v"]))).rowcount
        ]
