"""Vendors' keys from Airflow's connections, for those that neither the environment nor .env names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from data_layer.broker_settings import CONNECTION
from data_layer.settings import Settings
from data_layer.source_catalogue import declared_sources
from plugins.execution.broker import with_broker_keys


def with_connections(
    settings: Settings, sources: Sequence[str] = (), find: Callable[[str], Mapping[str, str]] | None = None
) -> Settings:
    """Return the settings with the keys of the sources in use; asked for only where one is missing.

    A source's connection has the source's name; its class says which field holds which key: `polygon` holds its key
    as password, `alpaca` its key as login and the secret as password.

    Args:
        settings: what environment, .env and home say.
        sources: those in use; none for all of SOURCES.
        find: returns login and password of a connection, or nothing; by default as Airflow's tasks do.
    """
    keys, declared = dict(settings.vendors.keys), declared_sources()
    for source in sources or settings.sources:
        fields = declared[source].keys if source in declared else {}
        if not all(keys.get(variable) for variable in fields):
            found = (find or _connection)(source)
            keys |= {variable: keys.get(variable) or found.get(of, "") for variable, of in fields.items()}
    broker = settings.broker
    if broker.wanted != "simulated" and not (broker.key and broker.secret):
        settings = with_broker_keys(settings, (find or _connection)(CONNECTION))
    if keys == settings.vendors.keys:
        return settings
    return replace(settings, vendors=replace(settings.vendors, keys=keys))


def _connection(name: str) -> dict[str, str]:
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        connection = BaseHook.get_connection(name)
    except AirflowNotFoundException:
        return {}
    return {"login": connection.login or "", "password": connection.password or ""}
