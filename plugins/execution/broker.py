"""The broker that orders go to, opened from the settings."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from data_layer.broker_settings import CONNECTION, KEYS
from data_layer.brokers.base import Broker
from data_layer.runtime.airflow_connections import read_connection
from data_layer.runtime.home import Home
from data_layer.settings import Settings
from models.errors import ConfigError
from models.records import Order

REAL_BROKER = "alpaca"  # accounts.broker
REAL_ACCOUNT = "alpaca"  # accounts.id of the account at Alpaca
NOT_SENT = {"state", "payload_hash", "is_approved", "broker_order_id"}
log = logging.getLogger("almanac")


def open_broker(settings: Settings) -> Broker | None:
    """Return the real broker, None while orders go to the simulated one; says so when that was not wanted.

    Raises:
        ConfigError: when some of what the real broker needs is set and some is not: somebody means it.
    """
    wanted = settings.broker
    if wanted.is_half:
        raise ConfigError(f"BROKER={wanted.wanted} is set up in part", stage="settings",
                          key=", ".join(wanted.missing), value="", remedy="set it, or BROKER=simulated")  # fmt: skip
    if wanted.name == "simulated":
        if wanted.missing:
            log.warning(
                "BROKER=%s lacks %s: the simulated broker is used", wanted.wanted, ", ".join(wanted.missing)
            )
        return None
    from data_layer.brokers.alpaca import AlpacaBroker
    from data_layer.brokers.alpaca_client import PaperClient

    return AlpacaBroker(PaperClient(wanted.key, wanted.secret, wanted.address), wanted.account_id)


def with_home_keys(settings: Settings, home: Home) -> Settings:
    """Return the settings for a command, with the keys of the home's Airflow where nothing else names them."""
    if settings.broker.wanted == "simulated" or (settings.broker.key and settings.broker.secret):
        return settings
    return with_broker_keys(settings, read_connection(home, CONNECTION))


def with_broker_keys(settings: Settings, found: Mapping[str, str]) -> Settings:
    """Return the settings with the keys of Airflow's connection `alpaca_paper`, where environment and .env name none.

    Args:
        settings: as read.
        found: login and password of the connection; nothing when there is none.
    """
    key, secret = (found.get(field, "") for field in KEYS.values())
    broker = replace(settings.broker, key=settings.broker.key or key, secret=settings.broker.secret or secret)
    return replace(settings, broker=broker)


def order_of(row: Mapping[str, Any]) -> Order:
    """Return a row of orders as the order it is."""
    return Order(**{k: v for k, v in row.items() if k not in NOT_SENT})
