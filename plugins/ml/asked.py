"""What a training is asked for: the DAG's form or the variables of `make train`, checked as far as it can be."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from data_layer.settings import parse_date, validate_symbol
from models.errors import ConfigError
from plugins.backtest.request import as_value, pairs
from plugins.ml.material import family_class

NAMES = (
    "MODEL",
    "PARAMETERS",
    "SYMBOLS",
    "START",
    "END",
    "TRAIN_MONTHS",
    "TEST_MONTHS",
    "FOLDS",
    "MODE",
    "SEED",
)
MODES = ("rolling", "expanding")
HIGHEST = {"train_months": 600, "test_months": 120, "folds": 1000, "seed": 2**31 - 1}


@dataclass(frozen=True)
class Asked:
    """One training; the defaults are those of models.ml.walk_forward."""

    family: str
    run_key: str  # the same key is the same run
    by: str  # who asks
    parameters: Mapping[str, float | str]
    symbols: tuple[str, ...] = ()  # empty: all held
    start: dt.date | None = None  # None: the first bar held
    end: dt.date | None = None  # None: the last
    train_months: int = 12
    test_months: int = 1
    folds: int = 12
    expanding: bool = False
    embargo: int = 1
    seed: int = 0

    def shape(self) -> dict[str, Any]:
        """Return what the walk-forward is laid by."""
        return {"train_months": self.train_months, "test_months": self.test_months, "count": self.folds,
                "expanding": self.expanding, "embargo": self.embargo}  # fmt: skip


def read_asked(given: Mapping[str, Any], run_key: str, by: str) -> Asked:
    """Turn names and texts into what is asked for; an empty text means the default.

    Args:
        given: MODEL, PARAMETERS and so on; a list of symbols may be one.
        run_key: names the run.
        by: who asks.

    Raises:
        ConfigError: unknown family, with the nearest names; an unknown or refused parameter, a number out of its
            range, a word that is none; START after END.
    """
    texts = {name: str(given.get(name) if given.get(name) is not None else "").strip() for name in NAMES}
    trainer = family_class(texts["MODEL"])
    parameters = {key: as_value(value) for key, value in pairs(texts["PARAMETERS"], "PARAMETERS")}
    trainer.from_parameters(parameters)
    symbols = given.get("SYMBOLS") or ()
    listed = symbols.replace(",", " ").split() if isinstance(symbols, str) else list(symbols)
    start, end = (
        parse_date(texts[key], key=key, stage="training") if texts[key] else None for key in ("START", "END")
    )
    if start and end and start > end:
        raise ConfigError("START lies after END", stage="training", key="START", value=f"{start} > {end}",
                          remedy="swap them")  # fmt: skip
    mode = texts["MODE"] or MODES[0]
    if mode not in MODES:
        raise ConfigError("unknown mode", stage="training", key="MODE", value=mode,
                          remedy=f"use one of {', '.join(MODES)}")  # fmt: skip
    counts = {name: _whole(name, texts[name.upper()]) for name in HIGHEST if texts[name.upper()]}
    return Asked(
        texts["MODEL"], run_key, by, parameters, tuple(validate_symbol(s, stage="training") for s in listed),
        start, end, expanding=mode == "expanding", **counts,
    )  # fmt: skip


def _whole(name: str, text: str) -> int:
    low = 0 if name == "seed" else 1
    if not (text.isascii() and text.isdigit() and low <= int(text) <= HIGHEST[name]):
        raise ConfigError("not a whole number in range", stage="training", key=name.upper(), value=text,
                          remedy=f"set it between {low} and {HIGHEST[name]}")  # fmt: skip
    return int(text)
