"""What a user can set about vendors: keys, addresses, how often they may be called. Read by settings.py only."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from urllib.parse import urlsplit

from models.errors import ConfigError

SECRETS = ("POLYGON_API_KEY", "ALPACA_API_KEY", "ALPACA_SECRET_KEY")
ADDRESSES = ("POLYGON_URL", "ALPACA_DATA_URL", "YAHOO_URL")
LIMITS = ("POLYGON_CALLS_PER_MINUTE", "ALPACA_CALLS_PER_MINUTE", "YAHOO_CALLS_PER_MINUTE")
LOCAL = {"127.0.0.1", "localhost"}


@dataclass(frozen=True)
class VendorSettings:
    """The field name in upper case is the variable's name; a key never shows when this is printed.

    Polygon's free plan allows 5 calls a minute and Alpaca's 200, of which 180 leave room for a person's own.
    Yahoo states no limit; 60 a minute is what a person clicking through charts might do.
    """

    polygon_api_key: str = field(default="", repr=False)
    alpaca_api_key: str = field(default="", repr=False)
    alpaca_secret_key: str = field(default="", repr=False)
    polygon_url: str = "https://api.polygon.io"
    alpaca_data_url: str = "https://data.alpaca.markets"
    yahoo_url: str = "https://query2.finance.yahoo.com"
    polygon_calls_per_minute: int = 5
    alpaca_calls_per_minute: int = 180
    yahoo_calls_per_minute: int = 60


def parse_vendors(text: Callable[[str], str], number: Callable[[str, str, str], Decimal]) -> VendorSettings:
    """Return the vendors' settings.

    Args:
        text: returns a variable's text, empty when it is not set.
        number: returns a variable's value, or its default's, between two bounds.

    Raises:
        ConfigError: names the variable; the value too unless it is a key.
    """
    values: dict[str, str | int] = {name.lower(): _key(name, text(name)) for name in SECRETS}
    for name in ADDRESSES:
        official = str(getattr(VendorSettings, name.lower()))
        values[name.lower()] = _address(name, text(name) or official, official)
    for name in LIMITS:
        calls = number(name, "1", "100000")
        if calls != int(calls):
            raise ConfigError(
                "not whole calls",
                stage="settings",
                key=name,
                value=text(name),
                remedy="set a whole number of calls a minute",
            )
        values[name.lower()] = int(calls)
    return VendorSettings(**values)  # type: ignore[arg-type]


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
