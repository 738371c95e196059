"""Stored features as frames and as bits, for tests that compare them."""

from __future__ import annotations

import numpy as np

from data_layer.storage.database import read_frame
from tests.support.files_home import LAST, D


def stored(uri, version=1, feature_set="technical", until=LAST):
    statement = (
        "SELECT symbol, date, values FROM feature_values WHERE feature_set = %(set)s "
        "AND version = %(version)s::integer AND date <= %(until)s::date ORDER BY symbol, date"
    )
    return read_frame(uri, statement, {"set": feature_set, "version": version, "until": D(until)})


def bits(matrix):
    return np.ascontiguousarray(np.vstack(list(matrix)).astype(np.float32)).view(np.uint32)
