"""Settings of who watches: metrics, notifications, the hour a session has to be done. Read by settings.py only."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from models.errors import ConfigError

REMEMBERED = ("METRICS_TO", "NOTIFY_EMAIL", "SESSION_DEADLINE")
# Secrets, or URLs that hold one: no place for them in a home's file.
NOT_REMEMBERED = ("METRICS_TOKEN", "NOTIFY_WEBHOOK", "NOTIFY_TELEGRAM")
# The chain takes minutes from 07:00 New York on; a quarter of an hour is left before the open to do something.
DEADLINE = dt.time(9, 15)


@dataclass(frozen=True)
class WatchSettings:
    """Values by name; a secret never shows when this is printed."""

    metrics_token: str = field(
        default="", repr=False
    )  # what Prometheus logs in with; none: only users may read
    metrics_to: str = (
        ""  # OpenTelemetry collector (http, https) or StatsD server that gets Airflow's own metrics; none: nobody
    )
    email: tuple[str, ...] = ()  # who gets mail; the server is Airflow's connection smtp_default
    webhook: str = field(default="", repr=False)  # takes {"text": ...}, as Slack, Mattermost and others do
    telegram: str = field(
        default="", repr=False
    )  # https://api.telegram.org/bot<token>/sendMessage?chat_id=<id>
    deadline: dt.time = DEADLINE  # New York, on the morning after a session

    @property
    def notifies(self) -> bool:
        """Whether anybody is told anything."""
        return bool(self.email or self.webhook or self.telegram)


def parse_watch(text: Callable[[str], str]) -> WatchSettings:
    """Return the settings.

    Args:
        text: returns a variable's text, empty when it is not set.

    Raises:
        ConfigError: names the variable; the value too unless it holds a secret.
    """
    mails = tuple(text("NOTIFY_EMAIL").replace(",", " ").split())
    for mail in mails:
        if not re.fullmatch(r"[^@\s<>]{1,64}@[^@\s<>]{1,190}", mail):
            raise ConfigError("not an address", stage="settings", key="NOTIFY_EMAIL", value=mail,
                              remedy="write name@example.com, several separated by blanks")  # fmt: skip
    token = text("METRICS_TOKEN")
    if token and not re.fullmatch(r"[A-Za-z0-9_\-]{32,200}", token, re.ASCII):
        raise _hidden("METRICS_TOKEN", "set 32 letters, digits, _ and - or more, made by a generator")
    telegram = _address("NOTIFY_TELEGRAM", text("NOTIFY_TELEGRAM"))
    if telegram and list(parse_qs(urlsplit(telegram).query)) != ["chat_id"]:
        raise _hidden("NOTIFY_TELEGRAM", "write https://api.telegram.org/bot<token>/sendMessage?chat_id=<id>")
    collector = text("METRICS_TO")
    if collector and not re.fullmatch(r"(https?|statsd)://[A-Za-z0-9.\-]{1,253}:[1-9][0-9]{0,4}", collector, re.ASCII):
        raise ConfigError("not a collector's address", stage="settings", key="METRICS_TO",
                          value=collector.rpartition("@")[2],
                          remedy="write http://host:port or statsd://host:port, no path, user or password")  # fmt: skip
    deadline = text("SESSION_DEADLINE") or f"{DEADLINE:%H:%M}"
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", deadline, re.ASCII):
        raise ConfigError("not a time of day", stage="settings", key="SESSION_DEADLINE", value=deadline,
                          remedy=f"write HH:MM, New York time, such as {DEADLINE:%H:%M}")  # fmt: skip
    return WatchSettings(token, collector, mails, _address("NOTIFY_WEBHOOK", text("NOTIFY_WEBHOOK")), telegram,
                         dt.time.fromisoformat(deadline))  # fmt: skip


def _address(name: str, text: str) -> str:
    """Return a URL that is posted to: https, or http to this machine."""
    parts = urlsplit(text)
    local = parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost"}
    if text and not ((parts.scheme == "https" and parts.hostname) or local):
        raise _hidden(name, "write the whole address, beginning with https://")
    return text


def _hidden(name: str, remedy: str) -> ConfigError:
    return ConfigError("not usable", stage="settings", key=name, value="(hidden)", remedy=remedy)
