"""What a feature is: one decorated function declares its columns; the catalogue follows from that."""

from __future__ import annotations

import difflib
import functools
import hashlib
import importlib
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_layer.features.layout import STAGE, FloatArray
from data_layer.features.panel import INPUTS, Panel
from models.errors import ConfigError

# The power of split_factor that brings a value computed on split-adjusted data into its own session's basis.
UNITS = {
    "price": -1, "volume": 1, "price^2 per share": -3, "USD": 0, "ratio": 0, "fraction": 0, "fraction per year": 0,
    "fraction per million USD": 0, "points": 0, "log": 0, "count": 0,
}  # fmt: skip

# Raise it when kernels sum or round in another way: every set is then computed anew, as a new version.
ARITHMETIC = 2

Output = FloatArray | Callable[[], FloatArray]
Formula = Callable[[Panel, int], FloatArray | tuple[Output, ...]]
Range = tuple[float | None, float | None]
WarmUp = Callable[[int], int]


@dataclass(frozen=True)
class FeatureDefinition:
    """One column of a feature set, as the catalogue shows it."""

    name: str
    feature_set: str
    version: int  # of this column: raise it when its values change
    position: int  # from 1, the index in the set's float4[] of Postgres
    formula: str
    inputs: tuple[str, ...]
    window: int  # rows in its longest window or smoothing length
    warm_up: int  # leading rows of a symbol that are NaN
    unit: str
    value_range: Range  # inclusive; None is unbounded
    equals: str  # the library function whose values these are; empty: none has it


@dataclass(frozen=True)
class Column:
    """A definition and where its values come from."""

    definition: FeatureDefinition
    function: Formula
    output: int  # which of the function's arrays
    order: int


_columns: dict[tuple[str, str], Column] = {}


def indicator(
    *names: str, formula: str | tuple[str, ...], inputs: tuple[str, ...] | tuple[tuple[str, ...], ...],
    windows: tuple[int, ...], warm_up: WarmUp | tuple[WarmUp, ...], unit: str | tuple[str, ...],
    equals: str | tuple[str, ...] = "",
    value_range: Range | tuple[Range, ...] = (None, None), feature_set: str = "technical", version: int = 1,
) -> Callable[[Formula], Formula]:  # fmt: skip
    """Declare the columns a function computes; this is all there is to adding an indicator.

    The function takes the panel and one window and returns one float64 array [sessions, lanes] (a lane is a
    symbol, see `Panel`), or a tuple of them in the order of `names`, in which a function without arguments stands
    for an array that is worked out only when its column is asked for. It works on adjusted data and leaves units,
    rounding and infinities to `compute`.

    Args:
        names: column names, with `{window}` in them when there are several windows.
        formula: in words, one for all names or a tuple with one each (as for the other fields); `{window}` is
            filled in.
        inputs: which fields of the panel it reads.
        windows: one set of columns for each.
        warm_up: leading NaN rows of a symbol, from the window.
        unit: a key of `UNITS`.
        equals: the library function with the same values, `{window}` filled in; empty when none has it.
        value_range: inclusive bounds, None for unbounded.
        feature_set: the set the columns belong to.
        version: raise it when the values change.

    Raises:
        ConfigError: at import, when a name is taken or the declaration contradicts itself.
    """
    fields = [_each(names, field) for field in (formula, warm_up, unit, equals)]
    fields += [
        field if isinstance(field[0], tuple) else (field,) * len(names) for field in (value_range, inputs)
    ]
    wrong_lengths = any(len(field) != len(names) for field in fields)
    if (
        wrong_lengths
        or not set(fields[2]) <= set(UNITS)
        or not set().union(*fields[5]) <= set(INPUTS)
        or not names
    ):
        raise ConfigError(
            "bad declaration of an indicator", stage=STAGE, key=" ".join(names), value=(unit, inputs, formula),
            remedy=f"units are {sorted(UNITS)}, inputs {INPUTS}, formulas one or as many as names",
        )  # fmt: skip

    def register(function: Formula) -> Formula:
        for window in windows:
            for output, (name, words, rows, measure, library, bounds, reads) in enumerate(
                zip(names, *fields, strict=True)
            ):
                definition = FeatureDefinition(
                    name=name.format(window=window), feature_set=feature_set, version=version, position=0,
                    formula=words.format(window=window), inputs=reads, window=window, warm_up=rows(window),
                    unit=measure, value_range=bounds, equals=library.format(window=window),
                )  # fmt: skip
                _add(Column(definition, function, output, len(_columns)))
        return function

    return register


def _each(names: tuple[str, ...], field: Any) -> tuple[Any, ...]:
    return field if isinstance(field, tuple) else (field,) * len(names)


def _add(column: Column) -> None:
    key = (column.definition.feature_set, column.definition.name)
    if key in _columns:
        other = _columns[key].function
        raise ConfigError(
            f"feature {key[1]} is declared twice", stage=STAGE, key="feature", value=key[1],
            remedy=f"rename one of {other.__module__} and {column.function.__module__}",
        )  # fmt: skip
    _columns[key] = column


@functools.cache
def _load_families() -> None:
    """Import every module beside this one, so that a new file's indicators need no list to stand in."""
    package = __name__.rpartition(".")[0]
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        importlib.import_module(f"{package}.{module.name}")


def feature_sets() -> list[str]:
    """Names of the feature sets there are."""
    _load_families()
    return sorted({feature_set for feature_set, _ in _columns})


def _of_set(feature_set: str) -> list[Column]:
    if feature_set not in (known := feature_sets()):
        raise ConfigError(
            "unknown feature set", stage=STAGE, key="feature_set", value=feature_set,
            remedy=f"choose one of {', '.join(known)}",
        )  # fmt: skip
    columns = [column for column in _columns.values() if column.definition.feature_set == feature_set]
    # By file, then as written in it: the same whoever imported which file first.
    return sorted(columns, key=lambda column: (column.function.__module__, column.order))


def catalogue(feature_set: str = "technical") -> list[FeatureDefinition]:
    """The set's columns in their stored order, positions from 1.

    Raises:
        ConfigError: for an unknown set.
    """
    return [
        FeatureDefinition(**{**vars(column.definition), "position": position})
        for position, column in enumerate(_of_set(feature_set), start=1)
    ]


def set_version(feature_set: str = "technical") -> str:
    """Twelve hex digits that change with `ARITHMETIC` and when a column is added, removed, moved or newly versioned."""
    columns = [(item.name, item.version) for item in catalogue(feature_set)]
    return hashlib.sha256(repr((ARITHMETIC, columns)).encode()).hexdigest()[:12]


def select(names: Iterable[str] | str | None, feature_set: str) -> list[Column]:
    """The columns asked for, in the order asked; all of the set for None.

    Raises:
        ConfigError: for an unknown name (the nearest ones are suggested), one asked twice, an unknown set.
    """
    columns = {column.definition.name: column for column in _of_set(feature_set)}
    wanted = list(columns) if names is None else [names] if isinstance(names, str) else list(names)
    for name in wanted:
        if name not in columns:
            near = difflib.get_close_matches(name, columns, n=3, cutoff=0.5) or sorted(columns)
            raise ConfigError(
                f"unknown {feature_set} feature", stage=STAGE, key="feature", value=name,
                remedy=f"did you mean {' or '.join(near)}?",
            )  # fmt: skip
    if len(set(wanted)) < len(wanted):
        twice = next(name for name in wanted if wanted.count(name) > 1)
        raise ConfigError("feature asked for twice", stage=STAGE, key="feature", value=twice)
    return [columns[name] for name in wanted]
