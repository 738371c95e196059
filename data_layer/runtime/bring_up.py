"""The steps that `make run` and `bin/airflow` share: from a folder to a running, current database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping

from data_layer.runtime.airflow_db import prepare_metadata
from data_layer.runtime.home import Home
from data_layer.runtime.remember import refuse_other_source, remember
from data_layer.runtime.services import Services
from data_layer.sessions import last_closed
from data_layer.settings import Settings
from data_layer.storage.migrate import prepare_database
from models.errors import ConfigError


def check_source(home: Home, settings: Settings) -> list[dt.date]:
    """Make sure that the source asked for can be read and fits the home, then keep the settings.

    Returns:
        The source's sessions, ascending; a live one's up to the last that has closed and can be had.

    Raises:
        ConfigError: when the home holds another source's data, or the source cannot be read or is empty;
            nothing is kept then.
    """
    from data_layer.sources import open_sources
    from data_layer.sources.universe import asked_for, read_universe

    source = open_sources(asked_for(settings, read_universe(settings)))
    refuse_other_source(home.path)
    sessions = source.sessions()
    if settings.is_static and not sessions:
        raise ConfigError(
            "no session between START and END",
            stage="run",
            key="SOURCE",
            value=settings.source,
            remedy="widen START..END",
        )
    remember(home.path)
    if settings.is_static:
        return sessions
    last = last_closed(dt.datetime.now(dt.UTC) - source.delay)
    return [session for session in sessions if session <= last]


def bring_up_database(
    home: Home, services: Services, progress: Callable[[str], None], ports: Mapping[str, int]
) -> None:
    """Start Postgres unless it runs, and bring `quant_data` and Airflow's metadata to the current schema.

    Args:
        home: where all of it lives.
        services: the home's services.
        progress: receives a line per step done.
        ports: ports asked for on purpose, see environment.given_ports.

    Raises:
        ConfigError: when a port is busy, Postgres does not start, or a migration fails.
    """
    home.keep_database()
    if home.ports:
        services.clear_away()
    for line in home.settle_ports(ports, services.are_up):
        progress(line)
    services.start_postgres()
    host, port = home.server
    progress(f"Postgres runs at {host}:{port}" if home.elsewhere.database else f"Postgres runs at port {port}")
    if applied := prepare_database(home):
        progress(f"schema: {len(applied)} migrations applied, last {applied[-1]}")
    if prepare_metadata(home):
        progress("Airflow's metadata is ready")
