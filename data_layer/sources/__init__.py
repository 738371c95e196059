"""Sources of bars, found by name: a file here with a Source subclass is all that a new one needs."""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil

from data_layer.settings import Settings
from data_layer.sources.base import Source
from models.errors import ConfigError


def available_sources() -> dict[str, type[Source]]:
    """Return every source class by its name."""
    found: dict[str, type[Source]] = {}
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        for member in vars(module).values():
            if not inspect.isclass(member) or not issubclass(member, Source) or inspect.isabstract(member):
                continue
            if member.__module__ == module.__name__:
                found[member.name] = member
    return found


def open_source(settings: Settings) -> Source:
    """Return the source that SOURCE names.

    Raises:
        ConfigError: for an unknown name, with those that exist.
    """
    sources = available_sources()
    if settings.source not in sources:
        near = difflib.get_close_matches(settings.source, sources, n=1)
        raise ConfigError(
            "unknown source",
            stage="data_ingestion",
            key="SOURCE",
            value=settings.source,
            remedy=f"use one of {', '.join(sorted(sources))}"
            + (f"; did you mean {near[0]}?" if near else ""),
        )
    return sources[settings.source](settings)
