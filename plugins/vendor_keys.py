"""Vendors' keys from Airflow's connections, for those that neither the environment nor .env names."""

from __future__ import annotations

from dataclasses import replace

from data_layer.settings import Settings
from data_layer.source_catalogue import declared_sources


def with_connections(settings: Settings) -> Settings:
    """Return the settings with the keys of the sources in use; asked for only where one is missing.

    A source's connection has the source's name; its class says which field holds which key: `polygon` holds its key
    as password, `alpaca` its key as login and the secret as password.
    """
    keys, declared = dict(settings.vendors.keys), declared_sources()
    for source in settings.sources:
        fields = declared[source].keys if source in declared else {}
        if not all(keys.get(variable) for variable in fields):
            found = _connection(source)
            keys |= {variable: keys.get(variable) or found.get(of, "") for variable, of in fields.items()}
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
