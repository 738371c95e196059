"""The scenarios' file."""

from __future__ import annotations

from data_layer.settings import ROOT
from models.backtest.scenarios import Scenario, parse_scenarios

SCENARIOS_FILE = ROOT / "include" / "scenarios.toml"


def read_scenarios() -> tuple[Scenario, ...]:
    """Return what the scenarios' file states now.

    Raises:
        ConfigError: see models.backtest.scenarios.
    """
    return parse_scenarios(SCENARIOS_FILE.read_text(encoding="utf-8"))
