"""Vendors' keys from Airflow's connections, for those that neither the environment nor .env names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from data_layer.settings import Settings

# Source (and connection id): setting by the connection's field.
CONNECTIONS: Mapping[str, Mapping[str, str]] = {
    "polygon": {"polygon_api_key": "password"},
    "alpaca": {"alpaca_api_key": "login", "alpaca_secret_key": "password"},
}


def with_connections(settings: Settings) -> Settings:
    """Return the settings with the keys of the sources in use; asked for only where one is missing.

    The connection `polygon` holds its key as password, `alpaca` its key as login and the secret as password.
    """
    vendors = settings.vendors
    for source, names in CONNECTIONS.items():
        if source in settings.sources and not all(getattr(vendors, name) for name in names):
            found = _connection(source)
            given: dict[str, Any] = {
                name: getattr(vendors, name) or found.get(field, "") for name, field in names.items()
            }
            vendors = replace(vendors, **given)
    return settings if vendors is settings.vendors else replace(settings, vendors=vendors)


def _connection(name: str) -> dict[str, str]:
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        connection = BaseHook.get_connection(name)
    except AirflowNotFoundException:
        return {}
    return {"login": connection.login or "", "password": connection.password or ""}
