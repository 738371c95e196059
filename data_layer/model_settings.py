"""Settings of trained models: where their artifacts lie, and where their training runs are tracked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
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
        _, at, host = urlsplit(value).netloc.rpartition("@")
        if at:
            raise ConfigError("no user or password in a URL", stage="settings", key=name, value=host,
                              remedy="give them as the store's own variables do, such as AWS_SECRET_ACCESS_KEY "
                              "or MLFLOW_TRACKING_PASSWORD")  # fmt: skip
    return ModelSettings(given["ALMANAC_ARTIFACTS"], given["MLFLOW_TRACKING_URI"])


def tracking_folder(home: Path) -> Path:
    """Return where a home keeps what MLflow tracks."""
    return home / "mlflow"


def tracking_uri(models: ModelSettings, home: Path) -> str:
    """Return where training runs are tracked: the server named, else a database in the home."""
    return models.tracking or f"sqlite:///{tracking_folder(home) / 'mlflow.db'}"
