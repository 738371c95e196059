"""numba's decorators, with a cache on disk that forgets a kernel when anything it was made from has changed.

numba keeps what it compiled in __pycache__ beside the kernel's file (or where NUMBA_CACHE_DIR says) and compiles anew
when that file is another. But a kernel's machine code holds the kernels it calls and the constants it names as well,
wherever they stand: so here the file counts together with all of ours that it imports, directly or not.
"""

from __future__ import annotations

import functools
import hashlib
import re
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from numba import njit, prange
from numba.core import caching, environment
from numba.core.runtime.nrt import rtsys

__all__ = ["njit", "prange", "sources", "stamp"]

# A test sees that files with kernels import in no other way.
_IMPORT = re.compile(rb"^from ((?:models|data_layer)\.[\w.]+) import", re.MULTILINE)


def sources(path: str) -> list[str]:
    """Return a file of kernels and every file of ours that it imports, directly or not, in order of their names."""
    found, waiting = set(), [path]
    while waiting:
        found.add(path := waiting.pop())
        for module in _IMPORT.findall(_content(path)):
            spec = find_spec(module.decode())
            if spec and spec.origin and spec.origin not in found:
                waiting.append(spec.origin)
    return sorted(found)


@functools.cache
def stamp(path: str) -> str:
    """Return hex digits that change with the content of any of a file's sources."""
    return hashlib.sha256(b"".join(hashlib.sha256(_content(source)).digest() for source in sources(path))).hexdigest()


@functools.cache
def _content(path: str) -> bytes:
    return Path(path).read_bytes()


class _Stamped:
    """Takes the place of a locator's own look at the kernel's file."""

    _py_file: str

    def get_source_stamp(self) -> str:
        return stamp(self._py_file)


def _stamped(kind: Any) -> Any:
    """Return numba's way to a cache, with our stamp where it is one of files."""
    is_of_files = issubclass(kind, caching._SourceFileBackedLocatorMixin)
    return type(kind.__name__, (_Stamped, kind), {}) if is_of_files else kind


caching.CacheImpl._locator_classes = [_stamped(kind) for kind in caching.CacheImpl._locator_classes]


def _load_overload(self: Any, signature: Any, context: Any) -> Any:
    """Load a kernel from the cache without what only compiling one needs, scipy among it: a third of a second.

    numba's own way refreshes the whole context first; compiling does so itself.
    """
    rtsys.initialize(context)  # what arrays of kernels are kept with
    with self._guard_against_spurious_io_errors():
        return self._load_overload(signature, context)


caching.Cache.load_overload = _load_overload  # type: ignore[method-assign]


def _rebuild_environment(module: str, constants: list[Any], name: str) -> Any:
    """Return the environment of a kernel from the cache, or of one of numba's that it calls, by its name.

    numba's own way imports the module it was compiled from, and that of np.max imports scipy. Its globals are read in
    object mode only, which njit never is: whoever is not imported is only named.
    """
    found: Any = environment.Environment._memo.get(name)
    if found is None:
        known = sys.modules.get(module)
        found = environment.Environment(vars(known) if known else {"__name__": module})
        found.consts[:] = constants
        found.env_name = name
        environment.Environment._memo[name] = found
    return found


environment._rebuild_env = _rebuild_environment
