"""The catalogue: follows from the declarations, says the truth about each column, refuses contradictions."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from data_layer.features import registry
from data_layer.features.compute import compute
from data_layer.features.registry import UNITS, catalogue, indicator, select, set_version
from models.errors import ConfigError

ROOT = Path(__file__).resolve().parents[3]
NAMES = [item.name for item in catalogue()]
PROMISED = [
    "sma_10", "sma_20", "sma_50", "sma_200", "ema_12", "ema_26", "rsi_14", "macd", "macd_signal", "macd_hist",
    "bb_upper", "bb_middle", "bb_lower", "atr_14", "volume_ratio_20", "return_1", "return_5", "return_20",
    "volatility_20",
]  # fmt: skip
DECLARED = {
    "formula": "close", "inputs": ("close",), "windows": (1,), "warm_up": lambda window: 0, "unit": "price",
}  # fmt: skip


@pytest.fixture
def scratch(monkeypatch):
    """Declarations made in a test are gone after it."""
    registry.feature_sets()
    monkeypatch.setattr(registry, "_columns", dict(registry._columns))


def test_the_promised_columns_are_there_and_positions_count_from_one():
    assert set(PROMISED) <= set(NAMES)
    assert [item.position for item in catalogue()] == list(range(1, len(NAMES) + 1))
    for item in catalogue():
        assert item.formula and "{" not in item.formula + item.equals + item.name
        assert item.unit in UNITS and item.window >= 1 and item.feature_set == "technical"


def test_the_order_does_not_depend_on_who_imported_what_first():
    code = (
        "import data_layer.features.volume, data_layer.features.momentum\n"
        "from data_layer.features.registry import catalogue\n"
        "print(' '.join(item.name for item in catalogue()))"
    )
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert out.stdout.split() == NAMES


def test_declared_warm_up_is_where_values_begin(walk):
    values = compute(walk(300))
    for item in catalogue():
        begins = int(values[item.name].notna().to_numpy().argmax())
        assert begins == item.warm_up, item.name
        assert values[item.name].iloc[begins:].notna().all(), item.name


def test_declared_range_holds_on_real_bars(sample):
    values = compute(sample.assign(market_return=0.01 * np.sin(np.arange(len(sample)))))
    for item in catalogue():
        if "factors" in item.inputs:
            continue  # the sample is as if nothing ever went ex
        low, high = item.value_range
        assert low is None or values[item.name].min() >= low, item.name
        assert high is None or values[item.name].max() <= high, item.name


def test_declared_inputs_are_all_that_is_read(walk):
    """Changing one field of the bars moves the columns that declare it, and no other."""
    bars = walk(300)
    before = compute(bars)
    for field in ("open", "high", "low", "close", "volume", "return_factor", "market_return", "vwap"):
        changed = bars.assign(**{field: bars[field] * np.linspace(1, 2, len(bars)) ** 2})
        if field != "return_factor":
            changed.loc[290, field] = np.nan  # a rare pattern may be nowhere, before and after
        after = compute(changed)
        reads = {"total_return_" + name for name in ("open", "high", "low", "close", "volume")} | {"factors"}
        reads = reads if field == "return_factor" else {field, "total_return_" + field}
        for item in catalogue():
            same = before[item.name].to_numpy().tobytes() == after[item.name].to_numpy().tobytes()
            assert same != bool(reads & set(item.inputs)), (item.name, field)


def test_an_indicator_is_one_function(scratch, walk):
    @indicator("gap_{window}", **DECLARED | {"windows": (1, 2), "feature_set": "scratch"})
    def gap(panel, window):
        return panel.close * window

    assert [item.name for item in catalogue("scratch")] == ["gap_1", "gap_2"]
    bars = walk(3)
    out = compute(bars, feature_set="scratch", dtype="float64")
    assert out["gap_2"].tolist() == (bars["close"] * 2).tolist()


def test_a_new_file_is_found_without_any_list(tmp_path):
    shutil.copytree(ROOT / "data_layer" / "features", tmp_path / "data_layer" / "features")
    (tmp_path / "models").mkdir()
    for name in ("errors.py", "compiled.py"):
        shutil.copy(ROOT / "models" / name, tmp_path / "models")
    (tmp_path / "data_layer" / "features" / "mine.py").write_text(
        "from data_layer.features.registry import indicator\n"
        "@indicator('typical', formula='mean of high, low and close', inputs=('high', 'low', 'close'),\n"
        "           windows=(1,), warm_up=lambda window: 0, unit='price')\n"
        "def typical(panel, window):\n"
        "    return (panel.high + panel.low + panel.close) / 3\n"
    )
    code = "from data_layer.features.registry import *; print([c.name for c in catalogue()], set_version())"
    out = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True,
        env={"PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert "'typical'" in out.stdout and set_version() not in out.stdout


def test_a_name_is_declared_once(scratch):
    with pytest.raises(ConfigError, match="feature sma_20 is declared twice"):
        indicator("sma_{window}", **DECLARED | {"windows": (20,)})(lambda panel, window: panel.close)


@pytest.mark.parametrize(
    "wrong", [{"unit": "furlongs"}, {"inputs": ("adjusted_close",)}, {"formula": ("one", "two")}]
)
def test_a_contradictory_declaration_is_refused(scratch, wrong):
    with pytest.raises(ConfigError, match="bad declaration of an indicator"):
        indicator("x", **DECLARED | wrong)


def test_the_sets_version_follows_its_columns(scratch):
    before = set_version()
    assert before == set_version()
    indicator("x", **DECLARED)(lambda panel, window: panel.close)
    with_x = set_version()
    key = ("technical", "x")
    column = registry._columns.pop(key)
    assert set_version() == before != with_x
    indicator("x", version=2, **DECLARED)(column.function)
    assert set_version() not in {before, with_x}


def test_unknown_names_and_sets_are_refused_with_the_nearest():
    with pytest.raises(
        ConfigError, match=r"unknown technical feature .*'rsi_41'.*did you mean rsi_21 or rsi_14"
    ):
        select(["sma_20", "rsi_41"], "technical")
    with pytest.raises(ConfigError, match=r"'zzzzzz'.*did you mean .*sma_20"):
        select("zzzzzz", "technical")
    with pytest.raises(ConfigError, match=r"feature asked for twice .*'sma_20'"):
        select(["sma_20", "rsi_14", "sma_20"], "technical")
    with pytest.raises(ConfigError, match=r"unknown feature set .*'alpha9000'.*technical"):
        catalogue("alpha9000")
