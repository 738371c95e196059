"""A small real dataset from the sample's bars, and the TFT in its smallest form."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
from onnx import TensorProto, helper, numpy_helper

from data_layer.features.compute import compute
from data_layer.labels import next_session_return
from data_layer.sources.sample import COMPANIES
from models.ml.base import Artifact, Dataset
from models.ml.dataset import assemble
from models.ml.trainers import _tft_network
from models.ml.trainers._tft_windows import KNOWN, Encoders, fit_scalers
from models.ml.trainers.tft import Tft

SMALLEST = Tft(encoder=8, hidden=4, heads=1, epochs=1, dropout=0.0)
SYMBOLS = ("AAPL", "GOOG", "IBM", "MSFT")


@cache
def sample_dataset(start: str = "2005-01-03", end: str = "2006-12-29") -> Dataset:
    """Features and labels of four of the sample's symbols; split-adjusted by the vendor's own close."""
    from bokeh_sampledata import stocks

    parts = [pd.DataFrame(getattr(stocks, s)).assign(symbol=s) for s in SYMBOLS]
    bars = pd.concat(parts, ignore_index=True)
    bars["date"] = pd.to_datetime(bars["date"]).astype("datetime64[s]")
    bars = bars[(bars["date"] >= start) & (bars["date"] <= end)].sort_values(
        ["symbol", "date"], ignore_index=True
    )
    bars["return_factor"] = bars["adj_close"] / bars["close"]
    bars["split_factor"] = 1.0
    values = compute(bars, Tft.features)
    sessions, session = np.unique(bars["date"].to_numpy().astype("datetime64[D]"), return_inverse=True)
    symbol = pd.Index(SYMBOLS).get_indexer(bars["symbol"])
    matrix = np.stack([values[n].to_numpy(np.float32) for n in Tft.features])
    label = next_session_return(bars, "open", 1, session)["label"].to_numpy()
    return assemble(
        Tft.features, matrix, label, session, symbol.astype(np.int64), sessions, SYMBOLS,
        sectors=tuple(COMPANIES[s][1] or "" for s in SYMBOLS),
    )  # fmt: skip


@cache
def trained_with_network() -> tuple[Artifact, tuple[Any, Any]]:
    """The smallest form, trained on sessions 60 to 349 of the sample; and its network and shape, as in torch."""
    seen: list[tuple[Any, Any]] = []
    data, export = sample_dataset(), _tft_network.export

    def noted(network: Any, shape: Any) -> bytes:
        seen.append((network, shape))
        return export(network, shape)

    with patch.object(_tft_network, "export", noted):
        artifact = SMALLEST.fit(data, data.rows_between(60, 349), 7)
    return artifact, seen[0]


def trained() -> Artifact:
    """The same without its network; trained once in a process."""
    return trained_with_network()[0]


def hand_made(data: Dataset, encoder: int = 8, seed: int = 0) -> Artifact:
    """An artifact whose network is a mean over the window and one matrix: quick, for tests of what is around it."""
    steps, inputs = 5, len(Tft.features) + len(KNOWN)
    weights = np.random.default_rng(seed).normal(0.0, 1.0, (inputs, steps * 3)).astype(np.float32)
    nodes = [
        helper.make_node("ReduceMean", ["numbers"], ["mean"], axes=[1], keepdims=0),
        helper.make_node("MatMul", ["mean", "weights"], ["flat"]),
        helper.make_node("Reshape", ["flat", "shape"], ["quantiles"]),
    ]
    length = encoder + steps
    graph = helper.make_graph(
        nodes, "hand_made",
        [helper.make_tensor_value_info("categories", TensorProto.INT64, [1, length, 4]),
         helper.make_tensor_value_info("numbers", TensorProto.FLOAT, [1, length, inputs])],
        [helper.make_tensor_value_info("quantiles", TensorProto.FLOAT, [1, steps, 3])],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(np.array([1, steps, 3]), "shape")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    encoders = Encoders(Tft.features, *fit_scalers(data.features, Tft.features), tuple(sorted(data.symbols)), ("",),
                        dict.fromkeys(data.symbols, ""))  # fmt: skip
    metadata = {
        "family": "tft", "features": list(Tft.features), "feature_set": "technical", "price": "open", "horizon": 1,
        "horizons": [1, steps], "encoder": encoder, "encoders": encoders.metadata(),
        "parameters": Tft(encoder=encoder).parameters(),
    }  # fmt: skip
    return Artifact("onnx", model.SerializeToString(), metadata)


def with_values(data: Dataset, rows: np.ndarray, values: float, column: int | slice = slice(None)) -> Dataset:
    """The dataset with some features overwritten."""
    features = data.features.copy()
    features[rows, column] = values
    return replace(data, features=features)
