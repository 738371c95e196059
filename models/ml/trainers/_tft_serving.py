"""Runs an exported TFT by onnxruntime; nothing of torch is needed or imported."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from models.errors import DataQualityError
from models.ml.trainers._tft_windows import Singles, Whole


@lru_cache(maxsize=2)
def session(content: bytes) -> Any:
    """Open an exported network, on one thread: with more, sums would depend on how work is split.

    Raises:
        DataQualityError: when the bytes are no network onnxruntime can read.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own errors have no common root
        raise DataQualityError(
            f"not a network onnxruntime can read: {error}", stage="models", key="artifact",
            value=f"{len(content)} bytes", remedy="roll back to another version, or train again",
        ) from error  # fmt: skip


def run(content: bytes, categories: Whole, numbers: Singles) -> Singles:
    """Return quantiles [W, steps, 3] of windows, in units of risk; each window is a call of its own."""
    network = session(content)
    said = np.empty((len(categories), *network.get_outputs()[0].shape[1:]), dtype=np.float32)
    for at in range(len(categories)):
        window = {"categories": categories[at : at + 1], "numbers": numbers[at : at + 1]}
        said[at] = network.run(None, window)[0][0]
    return said
