"""What a home was started with: kept for its services and its next start; one kind of market data only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from data_layer.runtime.files import write_atomically
from data_layer.settings import REMEMBERED, ROOT, Settings, given_values, load_settings, remembered_values
from models.errors import ConfigError


def remember(home: Path, environ: Mapping[str, str] | None = None) -> Settings:
    """Check the settings given now against the home's, keep them, and return them all.

    Raises:
        ConfigError: when a value is wrong, or the home holds other market data; nothing is kept then.
    """
    settings = load_settings(environ)
    refuse_other_source(home, environ)
    values = {**remembered_values(home), **given_values(environ), "SOURCE": settings.source}
    if settings.files:  # tasks run in another folder than the user does
        values["FILES"] = str((ROOT / Path(settings.files).expanduser()).resolve())
    if values != remembered_values(home):
        write_atomically(home / "settings.json", json.dumps(values, indent=2, sort_keys=True) + "\n")
    return settings


def refuse_other_source(home: Path, environ: Mapping[str, str] | None = None) -> None:
    """Raise ConfigError when the source asked for is not the one whose data the home holds."""
    kept = remembered_values(home).get("SOURCE", "")
    asked = given_values(environ).get("SOURCE", "") or kept
    if kept and asked != kept:
        raise ConfigError(
            f"this home holds market data of {kept}",
            stage="run",
            key="SOURCE",
            value=asked,
            remedy=f"run `ALMANAC_HOME=.almanac-{asked} make run SOURCE={asked} ...` to give it a "
            "home of its own",
        )


def remembered_or_default(home: Path) -> dict[str, str]:
    """Return every remembered setting, empty where the default holds, so that .env cannot interfere."""
    kept = remembered_values(home)
    return {name: kept.get(name, "") for name in REMEMBERED} if kept else {}
