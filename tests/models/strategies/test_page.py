"""The strategies' page tells what the code does."""

import re
from pathlib import Path

from models.strategies.discovery import discover_strategies

PAGE = (Path(__file__).resolve().parents[3] / "docs/strategies.md").read_text()
ROWS = {row[0]: " ".join(row[1:]) for row in (line.strip("| ").split(" | ") for line in PAGE.splitlines()
                                               if line.startswith("| `"))}  # fmt: skip


def test_each_strategy_has_a_row_with_its_parameters_at_their_defaults():
    strategies = {f"`{name}`": cls() for name, cls in discover_strategies().classes.items()}
    assert ROWS.keys() == strategies.keys()
    for name, strategy in strategies.items():
        stated = {key: float(value.replace(",", ""))
                  for key, value in re.findall(r"`(\w+)` ([\d.,]*\d)", ROWS[name])}  # fmt: skip
        defaults = strategy.parameters()
        assert {key: defaults.get(key) for key in stated} == stated, name
        for key, value in strategy.rules().items():
            assert f"`{key}` {value:g}" in ROWS[name] or key in {"band", "cash_rate", "buys_amounts"}, (
                name,
                key,
            )
        assert ("trailing" in ROWS[name]) == (type(strategy).trail is not type(strategy).__mro__[1].trail)
