"""How far each stage is, from the tables."""

from __future__ import annotations

import datetime as dt
from typing import Any

import psycopg

from data_layer.runtime.home import Home
from models.errors import ConfigError

# The daily chain in its order; a stage's name is its DAG's id.
STAGES = ("data_ingestion", "feature_engineering", "model_execution", "risk_execution", "performance_testing")


def read(home: Home, statement: str) -> list[tuple[Any, ...]]:
    """Return a query's rows as role quant_reader.

    Raises:
        ConfigError: when the database cannot be reached.
    """
    try:
        with psycopg.connect(home.uri("quant_reader"), connect_timeout=10) as connection:
            return connection.execute(statement.encode()).fetchall()
    except psycopg.OperationalError as error:
        raise ConfigError(
            f"no connection to the database: {str(error).strip()}",
            stage="run",
            key="ALMANAC_HOME",
            value=str(home.path),
            remedy="start it with `make run`",
        ) from error


def completed(home: Home) -> dict[str, tuple[int, dt.date]]:
    """Return how many sessions each stage completed, and the last one; a stage without any is left out."""
    rows = read(
        home,
        "SELECT stage, count(*), max(session_date) FROM stage_runs "
        "WHERE model = '' AND status = 'completed' GROUP BY stage",
    )
    return {stage: (sessions, last) for stage, sessions, last in rows}


def behind(home: Home, session: dt.date) -> list[str]:
    """Return the stages that have not completed the session yet, in the chain's order.

    Sessions are completed in order, so a stage that is further has completed this one too.
    """
    done = completed(home)
    return [stage for stage in STAGES if stage not in done or done[stage][1] < session]
