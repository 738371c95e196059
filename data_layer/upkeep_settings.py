"""What a user can set about keeping and handing on what is stored. Read by settings.py only."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from models.errors import ConfigError

REMEMBERED = ("KAFKA_BROKERS",)
BROKER = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?:[0-9]{1,5}")


@dataclass(frozen=True)
class UpkeepSettings:
    """Values by name."""

    kafka_brokers: str = ""  # host:port,host:port; empty: events are not relayed


def parse_upkeep(text: Callable[[str], str]) -> UpkeepSettings:
    """Return the checked settings.

    Raises:
        ConfigError: when a broker is not host:port; a user or password has no place there.
    """
    brokers = [one.strip() for one in text("KAFKA_BROKERS").split(",") if one.strip()]
    for one in brokers:
        if not BROKER.fullmatch(one):
            raise ConfigError("not a broker", stage="settings", key="KAFKA_BROKERS", value=one,
                              remedy="write host:port, several separated by commas")  # fmt: skip
    return UpkeepSettings(",".join(brokers))
