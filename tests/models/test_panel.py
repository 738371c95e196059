import datetime as dt

import numpy as np
import pandas as pd
import pytest

from models.errors import ConfigError, DataQualityError
from models.panel import Panel

D = [dt.date(2024, 7, day) for day in (1, 2, 3, 5)]


def frame():
    return pd.DataFrame({
        "symbol": ["B", "A", "A", "B"],
        "date": [D[0], D[0], D[2], D[1]],
        "x": [1.0, 2.0, 3.0, None],
        "y": [10, 20, 30, 40],
    })  # fmt: skip


def test_rows_land_in_their_cells_whatever_their_order():
    for order in ([0, 1, 2, 3], [3, 1, 0, 2]):
        panel = Panel.from_frame(frame().iloc[order], ("x", "y"))
        assert panel.symbols == ("A", "B")
        assert list(panel.sessions) == [np.datetime64(d) for d in D[:3]]
        np.testing.assert_array_equal(panel["x"], [[2, 1], [np.nan, np.nan], [3, np.nan]])
        np.testing.assert_array_equal(panel["y"], [[20, 10], [np.nan, 40], [30, np.nan]])


@pytest.mark.parametrize("kind", ["object", "datetime64[s]", "datetime64[ns]"])
def test_dates_may_be_objects_or_timestamps(kind):
    given = frame().astype({"date": kind})
    assert list(Panel.from_frame(given, ("y",)).sessions) == [np.datetime64(d) for d in D[:3]]


def test_given_axes_hold_sessions_without_rows_and_leave_others_out():
    panel = Panel.from_frame(frame(), ("y",), sessions=[D[1], D[2], D[3]], symbols=["C", "A"])
    np.testing.assert_array_equal(panel["y"], [[np.nan, np.nan], [np.nan, 30], [np.nan, np.nan]])


def test_empty_frame():
    panel = Panel.from_frame(frame().iloc[:0], ("x",))
    assert panel.shape == (0, 0)
    assert panel["x"].shape == (0, 0)


def test_matrices_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        Panel.from_frame(frame(), ("x",))["x"][0, 0] = 1.0


def test_refusals_name_the_matter():
    with pytest.raises(DataQualityError, match="two rows for A on 2024-07-01"):
        Panel.from_frame(pd.concat([frame(), frame().iloc[[1]]]), ("x",))
    with pytest.raises(ConfigError, match=r"lacks columns.*'z'"):
        Panel.from_frame(frame(), ("z",))
    with pytest.raises(ConfigError, match=r"no such feature.*'z'"):
        Panel.from_frame(frame(), ("x",))["z"]
    with pytest.raises(DataQualityError, match="ascend"):
        Panel.from_frame(frame(), ("x",), sessions=[D[1], D[0]])
