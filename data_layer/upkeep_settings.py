"""What a user can set about keeping and handing on what is stored. Read by settings.py only."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from models.errors import ConfigError

REMEMBERED = ("KAFKA_BROKERS", "RETENTION_DAYS", "RETENTION_REMOVES")
FEWEST_DAYS, MOST_DAYS = 30, 36500  # the database refuses fewer, too
BROKER = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?:[0-9]{1,5}")


@dataclass(frozen=True)
class UpkeepSettings:
    """Values by name."""

    kafka_brokers: str = ""  # host:port,host:port; empty: events are not relayed
    retention_days: int = 400  # a year can still be looked back on when the next report about it is due
    retention_removes: bool = False  # the DAG's scheduled runs only report


def parse_upkeep(text: Callable[[str], str]) -> UpkeepSettings:
    """Return the checked settings.

    Raises:
        ConfigError: when a value is none; a broker is host:port, without a user or password.
    """
    brokers = [one.strip() for one in text("KAFKA_BROKERS").split(",") if one.strip()]
    for one in brokers:
        if not BROKER.fullmatch(one):
            raise ConfigError("not a broker", stage="settings", key="KAFKA_BROKERS", value=one,
                              remedy="write host:port, several separated by commas")  # fmt: skip
    days, removes = text("RETENTION_DAYS") or "400", (text("RETENTION_REMOVES") or "false").lower()
    if not (days.isascii() and days.isdigit() and FEWEST_DAYS <= int(days) <= MOST_DAYS):
        raise ConfigError("not a number of days", stage="settings", key="RETENTION_DAYS", value=days,
                          remedy=f"set a whole number from {FEWEST_DAYS} to {MOST_DAYS}")  # fmt: skip
    if removes not in {"true", "false"}:
        raise ConfigError("not a yes or no", stage="settings", key="RETENTION_REMOVES", value=removes,
                          remedy="set true or false")  # fmt: skip
    return UpkeepSettings(",".join(brokers), int(days), removes == "true")
