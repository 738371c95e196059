"""What a home uses on other machines: an existing Postgres, a Redis for Celery's workers, the api-server's address."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from dotenv import dotenv_values

from data_layer.settings import ROOT
from models.errors import ConfigError

SUPERUSER = "postgres"


@dataclass(frozen=True)
class Server:
    """An existing Postgres, as its superuser reaches it."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    options: Mapping[str, str]  # sslmode and the like, for every role
    url: str = field(repr=False)


@dataclass(frozen=True)
class Elsewhere:
    """Each is empty where the home's own serves."""

    database: Server | None = None
    redis: str = field(default="", repr=False)  # Celery's broker; with one, tasks run in its workers
    api_server: str = ""  # where services and workers on other machines reach the api-server
    public: str = ""  # where people reach the pages

    @property
    def executor(self) -> str:
        """Airflow's executor."""
        return "CeleryExecutor" if self.redis else "LocalExecutor"


def elsewhere_settings(environ: Mapping[str, str] | None = None, kept: str = "") -> Elsewhere:
    """Read DATABASE_URL, REDIS_URL, API_SERVER_URL and PUBLIC_URL from the environment, else from .env.

    Args:
        environ: default this process's.
        kept: the DATABASE_URL that a home was started with, for when none is given.

    Raises:
        ConfigError: for a URL of another kind; a password in it is never shown.
    """
    env = {**dotenv_values(ROOT / ".env"), **(os.environ if environ is None else environ)}

    def given(name: str, *schemes: str) -> str:
        text = (env.get(name) or "").strip()
        if text:
            _parts(name, text, schemes)
        return text

    database = given("DATABASE_URL", "postgresql", "postgres") or kept
    return Elsewhere(
        database=parse_server(database) if database else None,
        redis=given("REDIS_URL", "redis", "rediss"),
        api_server=given("API_SERVER_URL", "http", "https").rstrip("/"),
        public=given("PUBLIC_URL", "http", "https").rstrip("/"),
    )


def parse_server(url: str) -> Server:
    """Return the server that postgresql://user:password@host:port/database?sslmode=... names.

    Raises:
        ConfigError: when host, user or password is missing.
    """
    parts = _parts("DATABASE_URL", url, ("postgresql", "postgres"))
    if not (parts.username and parts.password):
        raise _wrong("DATABASE_URL", "no user or no password", "name a superuser: postgresql://user:password@host:5432")
    return Server(
        parts.hostname or "", parts.port or 5432, unquote(parts.username), unquote(parts.password),
        dict(parse_qsl(parts.query)), url,
    )  # fmt: skip


def _parts(name: str, text: str, schemes: tuple[str, ...]) -> SplitResult:
    try:
        parts = urlsplit(text)
        if parts.scheme in schemes and parts.hostname and (parts.port is None or parts.port > 0):
            return parts
    except ValueError:  # a port that is no number
        pass
    raise _wrong(name, "not such a URL", f"write {schemes[0]}://host:port")


def _wrong(name: str, value: str, remedy: str) -> ConfigError:
    # The URL itself is not told: it may hold a password.
    return ConfigError("not an address", stage="run", key=name, value=value, remedy=remedy)
