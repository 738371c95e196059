"""Sources of bars, found by name: a file here with a Source subclass is all that a new one needs."""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
from typing import TYPE_CHECKING

from data_layer.settings import Settings
from data_layer.sources.base import Source
from models.errors import ConfigError

if TYPE_CHECKING:
    from data_layer.sources.ordered import OrderedSources


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


def open_source(settings: Settings, name: str = "") -> Source:
    """Return a source by its name, the first of SOURCES when none is given.

    Raises:
        ConfigError: for an unknown name, with those that exist.
    """
    sources, name = available_sources(), name or settings.source
    if name not in sources:
        near = difflib.get_close_matches(name, sources, n=1)
        raise ConfigError(
            "unknown source",
            stage="data_ingestion",
            key="SOURCE",
            value=name,
            remedy=f"use one of {', '.join(sorted(sources))}"
            + (f"; did you mean {near[0]}?" if near else ""),
        )
    return sources[name](settings)


def open_sources(settings: Settings) -> OrderedSources:
    """Return all of SOURCES, to be asked in their order."""
    from data_layer.sources.ordered import OrderedSources  # it knows vendors' HTTP, which files do without

    return OrderedSources(
        [open_source(settings, name) for name in settings.sources], cross_check=settings.cross_check
    )
