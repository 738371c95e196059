"""Settings of trained models: where their artifacts lie, and where their training runs are tracked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from models.errors import ConfigError


@dataclass(frozen=True)
class ModelSettings:
    """As given; empty means a place in the home."""

    artifacts: str = ""  # ALMANAC_ARTIFACTS: a folder, or any URL fsspec knows, for workers on other machines
    tracking: str = ""  # MLFLOW_TRACKING_URI: a server; else a database and a folder in the home


def model_variables() -> tuple[str, ...]:
    """Return the names of the variables."""
    return ("ALMANAC_ARTIFACTS", "MLFLOW_TRACKING_URI")


def parse_models(text: Callable[[str], str]) -> ModelSettings:
    """Turn texts into settings.

    Raises:
        ConfigError: when a URL holds a user or a password: it would stand in tables, logs and pages.
    """
    given = {name: text(name).strip() for name in model_variables()}
    for name, value in given.items():
        if "@" in urlsplit(value).netloc:
            raise ConfigError("no user or password in a URL", stage="settings", key=name, value="(not shown)",
                              remedy="give them as the store's own variables do, such as AWS_SECRET_ACCESS_KEY "
                              "or MLFLOW_TRACKING_PASSWORD")  # fmt: skip
    return ModelSettings(given["ALMANAC_ARTIFACTS"], given["MLFLOW_TRACKING_URI"])
