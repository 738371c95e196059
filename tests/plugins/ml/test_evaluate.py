"""The command that holds a model against plain rules: on bars in which a rule is right."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from data_layer.sessions import sessions_between
from models.errors import ConfigError
from plugins.ml.evaluate import DEFAULTS, asked, compare, show
from tests.support.models import QUICK

SYMBOLS = [f"S{i:02d}" for i in range(12)]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """Three years of walks that take back a part of the last five sessions' move, each one's own."""
    days = sessions_between(dt.date(2014, 1, 2), dt.date(2016, 12, 30))
    rng = np.random.default_rng(2)
    moves = rng.normal(0, 0.02, (len(days), 12))
    for t in range(5, len(days)):
        moves[t] -= 0.15 * moves[t - 5 : t].sum(axis=0)
    close = 50 * np.exp(np.cumsum(moves, axis=0))
    frame = pd.DataFrame({
        "symbol": np.repeat(SYMBOLS, len(days)), "date": np.tile(np.array(days, dtype="datetime64[s]"), 12),
        "open": np.vstack([close[:1], close[:-1]]).T.ravel() * 1.001, "close": close.T.ravel(),
        "volume": rng.integers(10**5, 10**6, 12 * len(days)),
    })  # fmt: skip
    frame["high"] = frame[["open", "close"]].max(axis=1) * 1.002
    frame["low"] = frame[["open", "close"]].min(axis=1) * 0.998
    file = tmp_path_factory.mktemp("bars") / "bars.parquet"
    frame.to_parquet(file, index=False)
    return str(file)


def given(path, **changes):
    quick = " ".join(f"{k}={v}" for k, v in QUICK.items())
    return {**DEFAULTS, "FILES": path, "START": "2014-06-02", "SPLIT": "2015-12-31", "END": "2016-12-30",
            "PARAMETERS": quick, **changes}  # fmt: skip


def test_a_model_finds_the_rule_and_the_table_says_so(path, capsys):
    market, trainer, start, split, seed = asked(given(path))
    compared = compare(market, trainer, start, split, seed, top=3)
    show(compared, trainer.family)
    out = capsys.readouterr().out
    assert "learns from 2014-06-02 to 2015-12-28, is judged from 2016-01-04 to 2016-12-28" in out
    assert compared.artifact.metadata["trained_to"] == "2015-12-28"
    measured = {name: e.rank_ic for name, e in compared.found.items()}
    assert measured["alpha158_lightgbm"] > 0.1 and measured["reversal_5"] > 0.1
    assert abs(measured["momentum_12_1"]) < 0.1
    for line in (
        "alpha158_lightgbm - reversal_5",
        "alpha158_lightgbm - momentum_12_1",
        "Sharpe before costs",
    ):
        assert line in out
    free = compared.before_costs
    assert all(free[name] > e.sharpe for name, e in compared.found.items())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"FILES": ""}, "no bars named.*FILES"),
        ({"SEED": "x"}, "not a whole number.*SEED"),
        ({"MODEL": "nothing"}, "no such model family"),
        ({"PARAMETERS": "rounds=0"}, "parameter refused.*rounds"),
        ({"SPLIT": "31.12."}, "SPLIT"),
    ],
)
def test_what_cannot_be_read_is_named(path, changes, message):
    with pytest.raises(ConfigError, match=message):
        asked(given(path, **changes))


def test_a_split_outside_the_bars_and_a_longer_label_are_refused(path):
    market, trainer, start, _, seed = asked(given(path))
    for split in (dt.date(2013, 1, 1), dt.date(2016, 12, 29)):
        with pytest.raises(ConfigError, match="no bars on both sides of SPLIT"):
            compare(market, trainer, start, split, seed)
    longer = asked(given(path, PARAMETERS="horizon=5"))[1]
    with pytest.raises(ConfigError, match="labels of one session"):
        compare(market, longer, start, dt.date(2015, 12, 31), seed)
