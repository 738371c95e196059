"""What a user can set about vendors: keys, addresses, how often they may be called. Read by settings.py only.

The variables are those that the sources declare, see Source in data_layer/sources/base.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from urllib.parse import urlsplit

from data_layer.source_catalogue import declared_sources
from models.errors import ConfigError

LOCAL = {"127.0.0.1", "localhost"}


def key_variables() -> dict[str, str]:
    """Return the variables that hold keys, empty each."""
    return {variable: "" for one in declared_sources().values() for variable in one.keys}


def address_variables() -> dict[str, str]:
    """Return the variables that hold addresses, each with the vendor's own."""
    return dict(one.address for one in declared_sources().values() if one.address)


def limit_variables() -> dict[str, int]:
    """Return the variables that hold calls per minute, each with its default."""
    return dict(one.limit for one in declared_sources().values() if one.limit)


@dataclass(frozen=True)
class VendorSettings:
    """Values by variable; a key never shows when this is printed."""

    keys: Mapping[str, str] = field(default_factory=key_variables, repr=False)
    addresses: Mapping[str, str] = field(default_factory=address_variables)
    limits: Mapping[str, int] = field(default_factory=limit_variables)  # calls per minute


def parse_vendors(text: Callable[[str], str], number: Callable[[str, str, str], Decimal]) -> VendorSettings:
    """Return the vendors' settings.

    Args:
        text: returns a variable's text, empty when it is not set.
        number: returns a variable's value, or its default's, between two bounds.

    Raises:
        ConfigError: names the variable; the value too unless it is a key.
    """
    limits = {}
    for name in limit_variables():
        calls = number(name, "1", "100000")
        if calls != int(calls):
            raise ConfigError(
                "not whole calls",
                stage="settings",
                key=name,
                value=text(name),
                remedy="set a whole number of calls a minute",
            )
        limits[name] = int(calls)
    return VendorSettings(
        keys={name: _key(name, text(name)) for name in key_variables()},
        addresses={
            name: _address(name, text(name) or official, official)
            for name, official in address_variables().items()
        },
        limits=limits,
    )


def _key(name: str, text: str) -> str:
    # Anything else could end the header line that carries it.
    if text and not re.fullmatch(r"[A-Za-z0-9_\-+/=.]{1,200}", text):
        raise ConfigError(
            "not a key",
            stage="settings",
            key=name,
            value="(hidden)",
            remedy="copy it again: letters, digits and _-+/=. without blanks or quotes",
        )
    return text


def _address(name: str, text: str, official: str) -> str:
    """Keys go to this address: the vendor's own, or a stub on this machine."""
    try:
        parts = urlsplit(text)
        local = parts.scheme in {"http", "https"} and parts.hostname in LOCAL and parts.port is not None
    except ValueError:
        parts, local = urlsplit(""), False
    bare = not (parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc)
    if text.rstrip("/") == official or (local and bare):
        return text.rstrip("/")
    raise ConfigError(
        "not an address that the vendor's keys may be sent to",
        stage="settings",
        key=name,
        value=re.sub(r"//[^/]*@", "//(hidden)@", text),
        remedy=f"leave it out for {official}, or name a port of 127.0.0.1",
    )
