import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from models.errors import ConfigError
from models.strategies.discovery import class_path, discover_strategies, load_strategy
from tests.support.models import TRAINED

ROOT = Path(__file__).resolve().parents[3]
GOOD = """
from dataclasses import dataclass
import numpy as np
from models.strategies.base import BaseStrategy, Panel, Scores, parameter

@dataclass(frozen=True)
class {cls}(BaseStrategy):
    name = "{name}"
    features = ("sma_10",)
    level: float = parameter(1.0, low=0.0, high=2.0)

    def score(self, panel: Panel) -> Scores:
        return Scores(np.sign(panel["sma_10"]))
"""
SHIPPED = {
    "balanced_portfolio", "buy_and_hold", "dollar_cost_averaging", "dual_momentum", "ema_cross_alpha",
    "enhanced_momentum", "golden_cross", "macd_alpha", "mean_reversion", "ml_ensemble", "momentum", "rsi_alpha",
    "rsi_reversion", "trend_following", "volatility_targeting", *TRAINED,
}  # fmt: skip


def discover_in_copy(tmp_path, files):
    shutil.copytree(ROOT / "models", tmp_path / "models", ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in files.items():
        path = tmp_path / "models/strategies" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    code = (
        "import json; from models.strategies.discovery import *; d = discover_strategies();"
        "print(json.dumps([{k: class_path(v) for k, v in d.classes.items()}, d.failures]))"
    )
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    return json.loads(run.stdout.splitlines()[-1])


def test_a_new_file_in_any_family_is_found(tmp_path):
    files = {"my_family/deep/newcomer.py": GOOD.format(cls="Newcomer", name="newcomer"),
             "on_top.py": GOOD.format(cls="OnTop", name="on_top"),
             "trend/_helper.py": "raise RuntimeError"}  # fmt: skip
    classes, failures = discover_in_copy(tmp_path, files)
    assert failures == {}
    assert classes.keys() == SHIPPED | {"newcomer", "on_top"}
    assert classes["newcomer"] == "models.strategies.my_family.deep.newcomer.Newcomer"
    assert classes["on_top"] == "models.strategies.on_top.OnTop"


BROKEN = {
    "trend/syntax.py": ("def (", "SyntaxError"),
    "trend/imports.py": ("import no_such_package_anywhere", "no_such_package_anywhere"),
    "trend/leaves.py": ("raise SystemExit(3)", "SystemExit"),
    "trend/nothing.py": ("x = 1", "exactly one strategy"),
    "trend/two.py": (
        GOOD.format(cls="A", name="two") + GOOD.format(cls="B", name="two"), "exactly one strategy"),
    "trend/other_name.py": (GOOD.format(cls="A", name="something"), "not named as its strategy"),
    "trend/No_Snake.py": (GOOD.format(cls="A", name="No_Snake"), "snake_case"),
    "trend/no_decorator.py": (
        GOOD.format(cls="A", name="no_decorator").replace("@dataclass(frozen=True)", ""), "put @dataclass"),
    "trend/no_features.py": (
        GOOD.format(cls="A", name="no_features").replace('features = ("sma_10",)', ""), "no features"),
    "trend/text_features.py": (
        GOOD.format(cls="A", name="text_features").replace('("sma_10",)', '"sma_10"'), "no features"),
    "trend/no_score.py": (
        GOOD.format(cls="A", name="no_score").replace("def score", "def skore"), "no score"),
    "trend/bad_default.py": (
        GOOD.format(cls="A", name="bad_default").replace("parameter(1.0", "parameter(9.0"), "level"),
}  # fmt: skip


def test_broken_files_fail_by_name_and_hide_no_other(tmp_path):
    classes, failures = discover_in_copy(tmp_path, {name: text for name, (text, _) in BROKEN.items()})
    assert classes.keys() == SHIPPED
    assert failures.keys() == BROKEN.keys()
    for name, (_, reason) in BROKEN.items():
        assert reason in failures[name], name


def test_a_name_taken_twice_fails_in_both_files(tmp_path):
    text = GOOD.format(cls="A", name="golden_cross")
    classes, failures = discover_in_copy(tmp_path, {"momentum/golden_cross.py": text})
    assert classes.keys() == SHIPPED - {"golden_cross"}
    assert failures.keys() == {"momentum/golden_cross.py", "trend/golden_cross.py"}
    assert "also in trend/golden_cross.py" in failures["momentum/golden_cross.py"]


def test_of_names_no_other_file_is_looked_at():
    found = discover_strategies(("golden_cross", "gone"))
    assert found.classes.keys() == {"golden_cross"} and not found.failures


def test_load_strategy_round_trip():
    cls = discover_strategies().classes["rsi_reversion"]
    strategy = load_strategy(class_path(cls), {"oversold": 25})
    assert strategy == cls(oversold=25.0)


def test_a_parameter_a_strategy_had_once_hinders_no_row_that_still_names_it():
    path = "models.strategies.allocation.balanced_portfolio.BalancedPortfolio"
    assert load_strategy(path, {"cash_return": 0.02, "drift_band": 0.1}) == load_strategy(path, {"drift_band": 0.1})
    with pytest.raises(ConfigError, match="no such parameter"):
        load_strategy(path, {"cash_returns": 0.02})


@pytest.mark.parametrize(
    "path",
    ["os.system", "models.errors.ConfigError", "models.strategies.trend.golden_cross.Missing",
     "models.strategies.trend.gone.Gone", "models.strategies.base.BaseStrategy.score", "", "golden_cross",
     "models.strategies.trend.golden_cross.BaseStrategy", "models.strategies..golden_cross.GoldenCross",
     "models.strategies.trend.golden_cross.GoldenCross\n", "models.strategies.trend.golden_cross.np"],
)  # fmt: skip
def test_unknown_class_names_the_remedy(path):
    with pytest.raises(ConfigError, match=r"is_active|write models\.strategies"):
        load_strategy(path, {})


def test_nothing_outside_the_strategies_is_imported():
    sys.modules.pop("antigravity", None)
    for path in ("antigravity.X", "models.strategies.antigravity.X"):
        with pytest.raises(ConfigError):
            load_strategy(path, {})
    assert "antigravity" not in sys.modules
