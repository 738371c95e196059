"""A copy of models/strategies to add broken and new files to, read instead of the repository's own."""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import models.strategies
from models.strategies import discovery

# Not strategies; _state is compiled, which takes a second in every new folder.
KEPT = {f"models.strategies.{name}" for name in ("base", "discovery", "_parameters", "_state")}
ALWAYS_LONG = """
from dataclasses import dataclass
import numpy as np
from models.strategies.base import BaseStrategy, Panel, Scores, parameter

@dataclass(frozen=True)
class Newcomer(BaseStrategy):
    name = "newcomer"
    features = ("{feature}",)
    level: float = parameter(0.5, low=0.0, high=1.0)

    def score(self, panel: Panel) -> Scores:
        {body}
        return Scores(np.where(np.isnan(panel["{feature}"]), np.nan, self.level))
"""


class StrategyFolder:
    """What discovery and imports read; every change is seen at once, as in a new process."""

    def __init__(self, path: Path):
        self.path = path

    def write(self, name: str, text: str) -> None:
        """Write a file below the folder."""
        (self.path / name).parent.mkdir(exist_ok=True)
        (self.path / name).write_text(text)
        forget()

    def newcomer(self, *, feature: str = "sma_10", body: str = "pass") -> None:
        """Write a strategy that is long wherever its feature has a value; ``body`` runs first."""
        self.write("trend/newcomer.py", ALWAYS_LONG.format(feature=feature, body=body))

    def remove(self, name: str) -> None:
        """Delete a file."""
        (self.path / name).unlink()
        forget()


def forget() -> dict[str, object]:
    """Make Python import all strategies anew; returns the modules it knew."""
    known = {n: m for n, m in sys.modules.items() if n.startswith("models.strategies.") and n not in KEPT}
    for name in known:
        del sys.modules[name]
    importlib.invalidate_caches()
    return known


@pytest.fixture
def strategies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StrategyFolder]:
    """The shipped strategies in a folder of the test's own."""
    path = tmp_path / "strategies"
    shutil.copytree(discovery.FOLDER, path, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(discovery, "FOLDER", path)
    monkeypatch.setattr(models.strategies, "__path__", [str(path)])
    monkeypatch.setattr(
        sys, "dont_write_bytecode", True
    )  # two versions within a second look alike to a cache
    known = forget()
    yield StrategyFolder(path)
    forget()
    sys.modules.update(known)  # type: ignore[arg-type]
