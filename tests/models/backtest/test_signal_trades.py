"""Rows of signals as matrices, what an order costs, and what is refused."""

import datetime as dt
import math

import numpy as np
import pandas as pd
import pytest

from models.backtest.signal_trades import cost_per_side, signal_matrices, signal_trades
from models.errors import ConfigError, DataQualityError

NAN = math.nan


def test_cost_per_side():
    opens = np.array([[10.0, 1.0, NAN]])
    cost = cost_per_side(opens, slippage_bps=5, commission_per_share=0.005, commission_minimum=1.0,
                         order_usd=5000.0)  # fmt: skip
    np.testing.assert_allclose(cost, [[0.0005 + 0.0005, 0.0005 + 0.005, NAN]])
    dear = cost_per_side(opens, slippage_bps=0, commission_per_share=0.005, commission_minimum=1.0,
                         order_usd=100.0)  # fmt: skip
    np.testing.assert_allclose(dear, [[0.01, 0.01, NAN]])
    with pytest.raises(ConfigError, match="order_usd"):
        cost_per_side(opens, slippage_bps=0, commission_per_share=0, commission_minimum=1, order_usd=0)


def test_signal_matrices_place_rows_by_session_and_symbol():
    days = [dt.date(2024, 7, d) for d in (1, 2, 3)]
    signals = pd.DataFrame({
        "symbol": ["B", "A", "A", "B"], "session_date": [days[0], days[0], days[2], days[2]],
        "side": ["long", "short", "flat", "long"], "position_size": [0.02, 0.05, 0.0, None],
        "score": [0.3, -0.7, 0.0, 1.0], "confidence": [0.1, 0.9, 0.2, 1.0],
    })  # fmt: skip
    said = signal_matrices(signals, days, ["A", "B"])
    np.testing.assert_array_equal(said.sides, [[-1, 1], [NAN, NAN], [0, 1]])
    np.testing.assert_array_equal(said.weights, [[-0.05, 0.02], [NAN, NAN], [0, NAN]])
    np.testing.assert_array_equal(said.scores, [[-0.7, 0.3], [NAN, NAN], [NAN, 1.0]])
    np.testing.assert_array_equal(said.confidence, [[0.9, 0.1], [NAN, NAN], [0.2, 1.0]])
    with pytest.raises(DataQualityError, match=r"unknown side.*'up'"):
        signal_matrices(signals.assign(side="up"), days, ["A", "B"])


@pytest.mark.parametrize(
    ("error", "opens", "sides", "holding"),
    [
        (DataQualityError, [[0.0]], [[1.0]], 5),
        (DataQualityError, [[math.inf]], [[1.0]], 5),
        (DataQualityError, [[1.0]], [[math.inf]], 5),
        (ConfigError, [[1.0]], [[1.0]], 0),
        (ConfigError, [[1.0]], [[1.0, 1.0]], 5),
    ],
)
def test_refusals(error, opens, sides, holding):
    with pytest.raises(error, match="performance"):
        ones = np.ones(np.shape(opens))
        signal_trades(np.array(opens), ones, np.array(sides), ones * 0.5, holding, ones * 0.0)
