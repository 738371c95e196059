"""What a home was started with: kept for its services and its next start; one kind of market data only."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from data_layer.runtime.files import write_atomically
from data_layer.settings import (
    REMEMBERED,
    ROOT,
    Settings,
    given_values,
    load_settings,
    merged_values,
    parse_settings,
    remembered_values,
)
from models.errors import ConfigError


def remember(home: Path, environ: Mapping[str, str] | None = None) -> Settings:
    """Check the settings given now against the home's, keep them, and return them all.

    Raises:
        ConfigError: when a value is wrong, or the home holds other market data; nothing is kept then.
    """
    settings = load_settings(environ)
    refuse_other_source(home, environ)
    values = merged_values(remembered_values(home), given_values(environ))
    values |= {"SOURCE": settings.source, "SOURCES": ",".join(settings.sources)}
    for name in ("FILES", "UNIVERSE", "SYMBOL_CHANGES"):  # tasks run in another folder than the user does
        if values.get(name):
            values[name] = str((ROOT / Path(values[name]).expanduser()).resolve())
    if values != remembered_values(home):
        write_atomically(home / "settings.json", json.dumps(values, indent=2, sort_keys=True) + "\n")
    return settings


def refuse_other_source(home: Path, environ: Mapping[str, str] | None = None) -> None:
    """Raise ConfigError when none of the sources asked for is one whose data the home holds.

    A home holds one market: a further vendor of it may join the list, another list may not.
    """
    remembered = remembered_values(home)
    if not remembered.get("SOURCE"):
        return
    kept, asked = parse_settings(home, remembered).sources, load_settings(environ).sources
    if not set(kept) & set(asked):
        raise _other_source(kept, asked[0])


def home_settings(home: Path, environ: Mapping[str, str] | None = None) -> tuple[Settings, str]:
    """Return the settings of a command that works on what a home holds, and the source it is to ask.

    SOURCE (else the first of SOURCES) picks whom to ask; whose word counts stays the order that the home was
    started with.

    Raises:
        ConfigError: when a value is wrong, or the home was not started with the source asked for.
    """
    remembered = remembered_values(home)
    if not remembered.get("SOURCE"):
        settings = load_settings(environ)
        return settings, settings.source
    order = parse_settings(home, remembered).sources
    named = given_values(environ, ("SOURCE", "SOURCES"))
    asked = [*named.get("SOURCE", "").split(), *named.get("SOURCES", "").replace(",", " ").split(), *order][0]
    if asked not in order:
        raise _other_source(order, asked)
    base = os.environ if environ is None else environ
    return load_settings({**base, "SOURCE": order[0], "SOURCES": ",".join(order)}), asked


def _other_source(kept: Sequence[str], name: str) -> ConfigError:
    return ConfigError(
        f"this home holds market data of {', '.join(kept)}",
        stage="run",
        key="SOURCE",
        value=name,
        remedy=f"run `ALMANAC_HOME=.almanac-{name} make run SOURCE={name} ...` to give it a home of its own, or add "
        f"a further vendor of the same market: make run SOURCES={','.join(kept)},{name}",
    )


def remembered_or_default(home: Path) -> dict[str, str]:
    """Return every remembered setting, empty where the default holds, so that .env cannot interfere."""
    kept = remembered_values(home)
    return {name: kept.get(name, "") for name in REMEMBERED} if kept else {}
