"""Finds the strategies: every file under models/strategies is one, and a broken one hides no other."""

from __future__ import annotations

import importlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, is_dataclass
from pathlib import Path

from models.errors import ConfigError
from models.strategies.base import BaseStrategy

PACKAGE = "models.strategies"
FOLDER = Path(__file__).resolve().parent
INFRASTRUCTURE = {"base.py", "discovery.py"}  # in the top folder: not strategies
CLASS_PATH = re.compile(rf"{re.escape(PACKAGE)}(\.[a-z][a-z0-9_]*)+\.[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Discovery:
    """What was found: classes by strategy name; by file (relative to the folder) why it is no strategy."""

    classes: dict[str, type[BaseStrategy]]
    failures: dict[str, str]


def class_path(cls: type[BaseStrategy]) -> str:
    """Return the full dotted path that ``models.strategy_class`` stores."""
    return f"{cls.__module__}.{cls.__qualname__}"


def discover_strategies(names: Collection[str] = ()) -> Discovery:
    """Import every strategy file, or those of the names (a file is named as its strategy), recursively, in path order.

    Files whose name starts with ``_`` are helpers, not strategies. A file fails when it cannot be
    imported, does not define exactly one strategy, is not named as its strategy, declares none of what
    ``BaseStrategy`` asks for, or shares its strategy's name with another file (then both fail: nothing
    says which one is meant).
    """
    importlib.invalidate_caches()  # a file added while this process runs is found as well
    found: dict[str, list[tuple[str, type[BaseStrategy]]]] = {}
    failures: dict[str, str] = {}
    for path in sorted(FOLDER.rglob("*.py")):
        relative = path.relative_to(FOLDER)
        if path.name.startswith("_") or str(relative) in INFRASTRUCTURE or (names and path.stem not in names):
            continue
        try:
            cls = _load_file(relative)
        except (Exception, SystemExit) as error:  # whatever a user's file does must not hide the others
            failures[str(relative)] = f"{type(error).__name__}: {error}"
        else:
            found.setdefault(cls.name, []).append((str(relative), cls))
    for name, files in found.items():
        if len(files) > 1:
            for file, _ in files:
                others = ", ".join(other for other, _ in files if other != file)
                failures[file] = f"ConfigError: strategy {name} is also in {others}; rename one of them"
    classes = {name: files[0][1] for name, files in sorted(found.items()) if len(files) == 1}
    return Discovery(classes, dict(sorted(failures.items())))


def load_strategy(path: str, parameters: Mapping[str, object]) -> BaseStrategy:
    """Build the strategy a row of ``models`` names.

    Args:
        path: ``models.strategies.<family>.<file>.<Class>``; no other module is ever imported.
        parameters: the row's parameters; those left out keep their defaults, those the class has retired are left out.

    Raises:
        ConfigError: when there is no such class, its file is broken, or a parameter is refused.
    """
    remedy = "restore the strategy's file or set is_active = false in models"
    if not CLASS_PATH.fullmatch(path):
        raise ConfigError("not a strategy's class path", stage="strategies", key="strategy_class", value=path,
                          remedy=f"write {PACKAGE}.<family>.<file>.<Class>")  # fmt: skip
    module_name, _, class_name = path.rpartition(".")
    try:
        cls = getattr(importlib.import_module(module_name), class_name, None)
    except (Exception, SystemExit) as error:
        raise ConfigError(f"cannot import the strategy: {type(error).__name__}: {error}", stage="strategies",
                          key="strategy_class", value=path, remedy=remedy) from error  # fmt: skip
    if not (isinstance(cls, type) and issubclass(cls, BaseStrategy) and cls.__module__ == module_name):
        raise ConfigError("unknown strategy class", stage="strategies", key="strategy_class", value=path,
                          remedy=remedy)  # fmt: skip
    return cls.from_parameters({name: value for name, value in parameters.items() if name not in cls.retired})


def _load_file(relative: Path) -> type[BaseStrategy]:
    module_name = ".".join([PACKAGE, *relative.with_suffix("").parts])
    module = importlib.import_module(module_name)
    own = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, BaseStrategy) and value.__module__ == module_name
    ]
    if len(own) != 1:
        raise ConfigError("a strategy file defines exactly one strategy", stage="strategies", key="classes",
                          value=[c.__name__ for c in own], remedy="one file per strategy")  # fmt: skip
    cls = own[0]
    if not re.fullmatch(r"[a-z][a-z0-9_]*", cls.name) or cls.name != relative.stem:
        raise ConfigError("the file is not named as its strategy", stage="strategies", key="name",
                          value=cls.name, remedy="make both the same snake_case word")  # fmt: skip
    # Without its own decorator a class ignores its parameters silently.
    if not is_dataclass(cls) or "__dataclass_fields__" not in cls.__dict__:
        raise ConfigError("the strategy is not a dataclass", stage="strategies", key="class",
                          value=cls.__name__, remedy="put @dataclass(frozen=True) above it")  # fmt: skip
    if not cls.features or isinstance(cls.features, str):
        raise ConfigError("no features declared", stage="strategies", key="features", value=cls.features,
                          remedy='write features = ("rsi_14",)')  # fmt: skip
    if cls.score is BaseStrategy.score:
        raise ConfigError("no score method", stage="strategies", key="class", value=cls.__name__,
                          remedy="define score(self, panel)")  # fmt: skip
    cls()  # the defaults must lie inside their own bounds
    return cls
