"""What a run is known by: any bar, sector or line of code that decides its numbers makes it another one."""

from __future__ import annotations

import ast
import dataclasses
import shutil

import pandas as pd
import pytest

from data_layer import code_version as versions
from data_layer.code_version import code_version
from data_layer.settings import ROOT
from plugins.backtest.assessment_store import CODE
from plugins.backtest.market import market_from_file

BEGINS = ("models/strategies", "data_layer/features", "plugins/backtest")
# What they import besides: it reads the bars, and those are in data_version.
READS = {"plugins/stages/context.py", "plugins/stages/runs.py", "plugins/stages/window.py"}


def imported(path):
    """The files of ours that a file imports, wherever in it."""
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module, *(f"{node.module}.{name}" for name in names)]
        for name in names:
            if (ROOT / (file := name.replace(".", "/") + ".py")).is_file():
                yield file


def all_imported():
    waiting = [str(path.relative_to(ROOT)) for part in BEGINS for path in (ROOT / part).rglob("*.py")]
    found = set()
    while waiting:
        if (path := waiting.pop()) not in found:
            found.add(path)
            waiting.extend(imported(path))
    return found


def test_a_changed_byte_in_any_file_that_decides_makes_another_version(tmp_path, monkeypatch):
    for part in CODE:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        (tmp_path / part).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / part, tmp_path / part)
    monkeypatch.setattr(versions, "ROOT", tmp_path)
    before = code_version(CODE)
    read = {path for path in all_imported() if path.startswith("data_layer/") and path.split("/")[1] != "features"}
    decides = all_imported() - read - READS
    assert {"plugins/backtest/bars.py", "plugins/backtest/stress.py", "plugins/stages/voices.py", "models/panel.py",
            "models/ml/strategy.py", "models/backtest/kernel.py"} <= decides  # fmt: skip
    for path in sorted(decides):
        text = (tmp_path / path).read_bytes()
        (tmp_path / path).write_bytes(text + b"#")
        assert code_version(CODE) != before, path
        (tmp_path / path).write_bytes(text)
    assert code_version(CODE) == before


def test_a_listed_file_that_has_gone_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(versions, "ROOT", tmp_path)
    with pytest.raises(FileNotFoundError, match="voices"):
        code_version(["plugins/stages/voices.py"])


@pytest.fixture
def market_with(tmp_path):
    """Read A from a file in which B closes somewhere last."""

    def read(last, benchmark=""):
        days = pd.bdate_range("2015-01-05", periods=10)
        parts = [
            pd.DataFrame({"symbol": name, "date": days.date, "open": 10.0, "high": 20.0, "low": 5.0,
                          "close": [10.0] * 9 + [close], "volume": 1000, "sector": "Energy"})
            for name, close in (("A", 11.0), ("B", last))
        ]  # fmt: skip
        pd.concat(parts).to_parquet(tmp_path / "bars.parquet")
        return market_from_file(tmp_path / "bars.parquet", ["A"], benchmark=benchmark)

    return read


def test_the_benchmarks_bars_are_data_of_a_run_in_other_symbols(market_with):
    assert market_with(12.0).data_version == market_with(12.0).data_version != market_with(13.0).data_version
    alone = market_with(12.0, "A").data_version
    assert alone == market_with(13.0, "A").data_version != market_with(12.0).data_version


def test_the_sectors_that_stresses_go_by_are_data(market_with):
    market = market_with(12.0)
    assert market.sectors == {"A": "Energy"}
    assert dataclasses.replace(market, sectors={"A": "Utilities"}).data_version != market.data_version
