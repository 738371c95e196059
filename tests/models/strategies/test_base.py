import datetime as dt
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ConfigError
from models.strategies.base import BaseStrategy, Panel, Scores, parameter, signals_frame

NAN = float("nan")


def panel_of(sessions, symbols):
    days = np.datetime64("2024-01-01") + np.arange(sessions)
    return Panel(days, tuple(f"S{i}" for i in range(symbols)), {})


def sides(column):
    panel = panel_of(len(column), 1)
    rows = signals_frame(panel, Scores(np.array([column]).T))
    days = rows["session_date"].to_numpy().astype("datetime64[D]")
    return dict(zip(np.searchsorted(panel.sessions, days).tolist(), rows["side"], strict=True))


def test_a_row_where_the_score_is_not_zero_or_turns_zero():
    found = sides([NAN, 0, 0, 0.5, 0, 0, -1, -0.5, 0])
    assert found == {3: "long", 4: "flat", 6: "short", 7: "short", 8: "flat"}


def test_no_opinion_gives_no_row_and_the_next_zero_is_flat_once():
    assert sides([1, NAN, NAN, 0, 0]) == {0: "long", 3: "flat"}
    assert sides([1, NAN, 0.1, NAN, 0, NAN, 0]) == {0: "long", 2: "long", 4: "flat"}


def test_signals_state_the_exits_of_rules_and_trail_where_a_position_is_wanted():
    class Stopped(BaseStrategy):
        name = "stopped"

        def score(self, panel):
            score = np.array([[1.0], [0.0], [NAN], [-0.5]])
            return Scores(score, stop_loss=np.array([[0.01], [NAN], [NAN], [NAN]]))

        def rules(self):
            return {"stop_loss": 0.03, "take_profit": 0.2, "band": 0.1}

        def trail(self, panel):
            return np.array([[2.0], [3.0], [4.0], [NAN]])

    panel = panel_of(4, 1)
    rows = signals_frame(panel, Stopped().signals(panel))
    found = rows[["side", "stop_loss", "take_profit", "trailing_stop_usd"]].astype(object)
    assert found.where(found.notna(), None).to_numpy().tolist() == [
        ["long", 0.01, 0.2, 2.0], ["flat", None, None, None], ["short", 0.03, 0.2, None],
    ]  # fmt: skip


PAIRS = st.lists(st.sampled_from([NAN, 0.0, 0.5, -1.0]), min_size=2, max_size=2)


@given(st.lists(PAIRS, min_size=2, max_size=12), st.data())
def test_a_run_over_parts_writes_the_rows_of_one_over_all(rows, data):
    score = np.array(rows)
    panel = panel_of(*score.shape)
    whole = signals_frame(panel, Scores(score)).to_dict("records")
    cut = data.draw(st.integers(1, len(rows) - 1))
    first = signals_frame(Panel(panel.sessions[:cut], panel.symbols, {}), Scores(score[:cut]))
    previous = dict(zip(first["symbol"], first["score"], strict=True))  # the last row of each symbol stands
    rest = Panel(panel.sessions[cut:], panel.symbols, {})
    second = signals_frame(rest, Scores(score[cut:]), previous).to_dict("records")
    assert repr(first.to_dict("records") + second) == repr(whole)


def test_rows_come_in_session_order_with_their_own_values():
    score = np.array([[0.5, -1.0], [0.0, NAN]])
    rows = signals_frame(panel_of(2, 2), Scores(score))
    assert rows[["symbol", "side", "score", "confidence", "position_size"]].to_numpy().tolist() == [
        ["S0", "long", 0.5, 0.5, 0.025], ["S1", "short", -1.0, 1.0, 0.05], ["S0", "flat", 0.0, 0.0, 0.0],
    ]  # fmt: skip
    assert rows["expected_return"].isna().all() and rows["stop_loss"].isna().all()
    with pytest.raises(ConfigError, match="do not fit the panel"):
        signals_frame(panel_of(3, 2), Scores(score))


@pytest.mark.parametrize(
    ("name", "value"),
    [("score", 1.1), ("score", -np.inf), ("confidence", 1.1), ("position_size", -0.1), ("stop_loss", 2.0),
     ("expected_return", 20.0), ("confidence", NAN)],
)  # fmt: skip
def test_values_out_of_range_are_refused(name, value):
    arrays = {"score": np.array([[0.5]]), name: np.array([[value]])}
    with pytest.raises(ConfigError, match=name):
        Scores(**arrays)


def test_shapes_must_agree():
    with pytest.raises(ConfigError, match="another shape"):
        Scores(np.zeros((2, 2)), confidence=np.zeros((2, 1)))


@dataclass(frozen=True)
class Sample(BaseStrategy):
    name = "sample"
    features = ("x",)
    window: int = parameter(10, low=2, high=20)
    level: float = parameter(0.5, low=0, high=1)
    free: float = 3.0

    def score(self, panel):
        return Scores(np.sign(panel["x"]))


def test_parameters_are_typed():
    strategy = Sample.from_parameters({"window": 12.0, "level": 1})
    assert repr(strategy.parameters()) == "{'window': 12, 'level': 1.0, 'free': 3.0}"
    with pytest.raises(ConfigError, match="whole number from 2 to 20"):
        Sample(window=2.5)
    with pytest.raises(ConfigError, match="free"):
        Sample(free="much")


def test_generate_signals_speaks_of_the_last_session_only():
    import pandas as pd

    days = [dt.date(2024, 7, 1), dt.date(2024, 7, 2)]
    frame = pd.DataFrame({"symbol": ["A", "B", "A"], "date": [*days[:1] * 2, days[1]], "x": [1.0, 1.0, -1.0]})
    (signal,) = Sample().generate_signals(frame)
    assert (signal.symbol, signal.session_date, signal.side, signal.score) == ("A", days[1], "short", -1.0)
    assert signal.expected_return is None and signal.stop_loss is None and signal.position_size == 0.05
