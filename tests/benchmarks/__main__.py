"""Run the measures: `python -m tests.benchmarks [ONLY=name]`; 1 when one is short, 2 for an unknown name."""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
from collections.abc import Callable, Iterator

import tests.benchmarks
from tests.benchmarks.bars import source
from tests.benchmarks.measure import Measure


def benchmarks() -> dict[str, Callable[[], Iterator[Measure]]]:
    """Every function that a module of this folder lists as BENCHMARKS, by name."""
    found = {}
    for module in pkgutil.iter_modules(tests.benchmarks.__path__):
        if not module.name.startswith(("__", "peer", "test_")):
            listed = getattr(importlib.import_module(f"tests.benchmarks.{module.name}"), "BENCHMARKS", ())
            found.update({function.__name__: function for function in listed})
    return found


def by_name_only() -> set[str]:
    """The measures that take too long to be run unasked."""
    modules = (f"tests.benchmarks.{m.name}" for m in pkgutil.iter_modules(tests.benchmarks.__path__))
    loaded = (sys.modules[name] for name in modules if name in sys.modules)
    return set().union(*(getattr(module, "ONLY_BY_NAME", ()) for module in loaded))


def main(arguments: list[str]) -> int:
    """Print a line a measure and return the exit code."""
    only = next((a.removeprefix("ONLY=") for a in arguments if a), os.environ.get("ONLY", ""))
    known = benchmarks()
    if only and only not in known:
        print(f"unknown measure {only}; there are {', '.join(sorted(known))}", file=sys.stderr)
        return 2
    print(f"# {source()}")
    reached = True
    for name in [only] if only else sorted(set(known) - by_name_only()):
        for measure in known[name]():
            print(measure, flush=True)
            reached = reached and measure.reached
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
