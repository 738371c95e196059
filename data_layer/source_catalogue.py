"""What each source declares of itself, read from its file without importing it.

Settings and DAG files need to know which sources there are, and importing one brings pandas and maybe a vendor's
library with it: half a second for every file that Airflow parses. So what they need is written as literals in the
class body, and taken from there.
"""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from models.errors import ConfigError

ROOT_CLASS = "Source"
READ = ("name", "is_static", "keys", "address", "limit")


@dataclass(frozen=True)
class Declared:
    """A source's declarations, see Source in data_layer/sources/base.py."""

    name: str
    is_static: bool
    keys: Mapping[str, str]
    address: tuple[str, str] | None
    limit: tuple[str, int] | None


@dataclass(frozen=True)
class _Class:
    bases: tuple[str, ...]
    stated: Mapping[str, Any]


def declared_sources() -> dict[str, Declared]:
    """Return what every source declares, by its name.

    Raises:
        ConfigError: names the file and what stands there when a declaration is no literal.
    """
    classes: dict[str, _Class] = {}
    for path in _files():
        classes |= _classes(path, path.stat().st_mtime_ns)
    found = {}
    for name in classes:
        names = _lineage(classes, name)
        if ROOT_CLASS not in names:
            continue
        lineage = [classes[one] for one in names]
        stated = {what: _first(lineage, what) for what in READ}
        if stated["name"] is not None:
            found[stated["name"]] = Declared(
                stated["name"],
                bool(stated["is_static"]),
                stated["keys"] or {},
                stated["address"],
                stated["limit"],
            )
    return dict(sorted(found.items()))


def live_sources() -> tuple[str, ...]:
    """Return the names of the sources that new sessions come from, in alphabetical order."""
    return tuple(one.name for one in declared_sources().values() if not one.is_static)


def is_finished(name: str) -> bool:
    """Return whether a source is finished history; one that does not exist is refused when it is opened."""
    declared = declared_sources()
    return name in declared and declared[name].is_static


def asked_sources(one: str, several: str) -> tuple[str, ...]:
    """Return the sources to ask, in order: SOURCE=x is short for SOURCES=x, and finished history mixes with nothing.

    Raises:
        ConfigError: for a source named twice, or two settings that contradict one another.
    """
    names = tuple(name for name in several.replace(",", " ").split(" ") if name) or (one or "sample",)
    problem = ""
    if one and one != names[0]:
        problem = f"SOURCE is {one} and SOURCES begins with {names[0]}"
    elif len(set(names)) < len(names):
        problem = "a source is named twice"
    elif len(names) > 1 and any(map(is_finished, names)):
        problem = "finished history does not mix with other sources"
    if problem:
        raise ConfigError(problem, stage="settings", key="SOURCES", value=",".join(names),
                          remedy="name each vendor once, in the order to ask them")  # fmt: skip
    return names


def _files() -> list[Path]:
    # Finding the package does not run it.
    spec = importlib.util.find_spec("data_layer.sources")
    folders = (spec and spec.submodule_search_locations) or []
    return [path for folder in folders for path in sorted(Path(folder).glob("*.py"))]


@lru_cache(maxsize=500)
def _classes(path: Path, _changed: int) -> dict[str, _Class]:
    code = path.read_bytes()
    # A subclass of Source names one: the other files need not be parsed, which takes ten times as long.
    tree = ast.parse(code if ROOT_CLASS.encode() in code else b"", filename=str(path))
    return {
        node.name: _Class(tuple(_names(node.bases)), dict(_stated(path, node)))
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }


def _stated(path: Path, node: ast.ClassDef) -> Iterator[tuple[str, Any]]:
    for line in node.body:
        targets = line.targets if isinstance(line, ast.Assign) else [getattr(line, "target", None)]
        value = getattr(line, "value", None)
        for target in targets:
            if isinstance(target, ast.Name) and target.id in READ and value is not None:
                try:
                    yield target.id, ast.literal_eval(value)
                except ValueError:
                    raise ConfigError(
                        "a declaration that must be read before anything runs is no literal",
                        stage="settings",
                        key=f"{node.name}.{target.id}",
                        value=ast.unparse(value),
                        remedy=f"write the value itself into {path}",
                    ) from None


def _names(bases: list[ast.expr]) -> Iterator[str]:
    for base in bases:
        if isinstance(base, ast.Name | ast.Attribute):
            yield base.id if isinstance(base, ast.Name) else base.attr


def _lineage(classes: Mapping[str, _Class], name: str) -> list[str]:
    """Return a class and its bases among those read, the nearest first."""
    if name not in classes:
        return []
    return [name, *(above for base in classes[name].bases for above in _lineage(classes, base))]


def _first(lineage: list[_Class], what: str) -> Any:
    return next((one.stated[what] for one in lineage if what in one.stated), None)
