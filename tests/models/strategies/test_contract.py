"""What every strategy keeps, whoever wrote it: runs for each one discovery finds."""

from dataclasses import fields

import numpy as np
import pandas as pd
import pytest

from data_layer.features.compute import compute
from data_layer.features.registry import catalogue
from models.errors import ConfigError
from models.strategies.base import Panel, signals_frame
from models.strategies.discovery import class_path, discover_strategies, load_strategy

FOUND = discover_strategies()
ARRAYS = ("score", "confidence", "expected_return", "position_size", "stop_loss")
T, N, WARM_UP = 520, 4, 15  # no shipped rule has an opinion before 15 bars


def make_bars(drift=0.02, noise=0.015, seed=0):
    """Bars of wandering prices that swing enough for every rule to fire and release; some are missing."""
    rng = np.random.default_rng(seed)
    swing = np.sin(np.arange(T)[:, None] / np.array([5.0, 9.0, 30.0, 60.0]))
    close = 50 * np.exp(np.cumsum(drift * swing + rng.normal(0, noise, (T, N)), axis=0))
    prices = {"open": close, "high": close * (1 + noise), "low": close * (1 - noise), "close": close}
    days = np.busday_offset("2020-01-01", np.arange(T), roll="forward").astype("datetime64[s]")
    frame = pd.DataFrame({
        "symbol": np.repeat([f"S{i}" for i in range(N)], T), "date": np.tile(days, N),
        **{name: values.T.ravel() for name, values in prices.items()},
        "volume": np.exp(rng.normal(10, 0.5, T * N)), "split_factor": 1.0, "return_factor": 1.0,
    })  # fmt: skip
    return frame[rng.random(len(frame)) > 0.03].reset_index(drop=True)


def features_of(strategy, bars):
    frame = compute(bars, strategy.features)
    missing = np.random.default_rng(1).random(len(frame)) < 0.03  # rows that lack a value
    frame.loc[missing, strategy.features[0]] = np.nan
    return frame


@pytest.fixture
def bars():
    return make_bars()


@pytest.fixture
def frame(strategy, bars):
    return features_of(strategy, bars)


@pytest.fixture(params=list(FOUND.classes))
def strategy(request):
    return load_strategy(class_path(FOUND.classes[request.param]), {})


def scored(strategy, frame):
    panel = Panel.from_frame(frame, strategy.features)
    return panel, strategy.score(panel)


def same_bytes(a, b):
    return all(getattr(a, name).tobytes() == getattr(b, name).tobytes() for name in ARRAYS)


def head(scores, rows):
    return b"".join(np.ascontiguousarray(getattr(scores, name)[:rows]).tobytes() for name in ARRAYS)


def test_no_strategy_file_is_broken():
    assert FOUND.failures == {}
    assert {"golden_cross", "rsi_reversion", "enhanced_momentum"} <= FOUND.classes.keys()


def test_deterministic_and_leaves_its_input_alone(strategy, frame):
    before = frame.copy(deep=True)
    signals = strategy.generate_signals(frame)
    assert signals == strategy.generate_signals(frame)
    assert same_bytes(scored(strategy, frame)[1], scored(strategy, frame)[1])
    pd.testing.assert_frame_equal(frame, before)


def test_scores_in_range_and_not_all_alike(strategy, frame):
    _, scores = scored(strategy, frame)
    known = scores.score[~np.isnan(scores.score)]
    assert (np.abs(known) <= 1).all()
    assert (known != 0).any() and (known == 0).any()


def test_missing_input_gives_no_opinion(strategy, frame):
    panel, scores = scored(strategy, frame)
    for name in strategy.features:
        assert np.isnan(scores.score[np.isnan(panel[name])]).all()
    rows = signals_frame(panel, scores)
    assert len(rows) and rows["session_date"].min() >= panel.sessions[WARM_UP - 1]
    assert strategy.generate_signals(frame[frame["date"] < panel.sessions[WARM_UP - 1]]) == []


@pytest.mark.parametrize("t", [0, WARM_UP, 100, 211, T - 2])
def test_later_rows_move_no_earlier_byte(strategy, frame, t):
    panel, scores = scored(strategy, frame)
    later = (frame["date"] > panel.sessions[t]).to_numpy()
    names = list(strategy.features)
    for change in (lambda x: x[::-1], lambda x: x * np.nan, np.zeros_like):
        changed = frame.copy()
        changed.loc[later, names] = change(frame.loc[later, names].to_numpy())
        assert head(scored(strategy, changed)[1], t + 1) == head(scores, t + 1)
    assert head(scored(strategy, frame[~later])[1], t + 1) == head(scores, t + 1)


@pytest.mark.parametrize("t", [100, 300, 470])
def test_later_bars_move_no_earlier_signal(strategy, bars, t):
    day = np.unique(bars["date"])[t]
    other = make_bars(drift=-0.03, noise=0.03, seed=9)
    mixed = pd.concat([bars[bars["date"] <= day], other[other["date"] > day]]).sort_values(["symbol", "date"])

    def signals(given):
        frame = compute(given.reset_index(drop=True), strategy.features)
        rows = signals_frame(*scored(strategy, frame))
        return rows[rows["session_date"] <= day].to_numpy().tolist()

    assert repr(signals(mixed)) == repr(signals(bars))


def test_generate_signals_is_the_last_vectorised_row(strategy, frame):
    panel, scores = scored(strategy, frame)
    rows = signals_frame(panel, scores)
    sides = set()
    for end in range(WARM_UP, T, 7):
        day = panel.sessions[end]
        expected = rows[rows["session_date"] == day].to_dict("records")
        signals = strategy.generate_signals(frame[frame["date"] <= day])
        assert [s.symbol for s in signals] == [r["symbol"] for r in expected]
        for signal, row in zip(signals, expected, strict=True):
            assert (signal.session_date, signal.side, signal.score) == (day.item(), row["side"], row["score"])
            for name in ("confidence", "expected_return", "position_size", "stop_loss"):
                stated = getattr(signal, name)
                assert np.isnan(row[name]) if stated is None else stated == row[name]
            sides.add(signal.side)
    assert {"long", "flat"} <= sides


def test_stated_lookback_is_enough(strategy, frame):
    panel, scores = scored(strategy, frame)
    if strategy.lookback is None:
        return
    for end in range(WARM_UP, T, 29):
        axis = {"sessions": panel.sessions[end - strategy.lookback : end + 1], "symbols": panel.symbols}
        tail = strategy.score(Panel.from_frame(frame, strategy.features, **axis))
        for name in ARRAYS:
            assert getattr(tail, name)[-1].tobytes() == getattr(scores, name)[end].tobytes()


def test_survives_one_row_constant_prices_and_nothing(strategy, frame, bars):
    assert len(strategy.generate_signals(frame.dropna().iloc[[0]])) <= 1
    assert strategy.generate_signals(frame.iloc[[0]]) == []
    assert strategy.generate_signals(frame.iloc[:0]) == []
    constant = bars.assign(open=50.0, high=50.0, low=50.0, close=50.0, volume=1000.0)
    assert not np.any(scored(strategy, compute(constant, strategy.features))[1].score > 0)


def test_parameters_are_bounded_and_refused_outside(strategy):
    cls = type(strategy)
    for f in fields(strategy):
        low, high = f.metadata["low"], f.metadata["high"]
        assert low <= f.default <= high
        for refused in (low - 1, high + 1, float("nan"), float("inf"), "1", True, None):
            with pytest.raises(ConfigError, match=f.name):
                cls.from_parameters({f.name: refused})
        for allowed in (low, high):
            assert cls.from_parameters({f.name: allowed}).parameters()[f.name] == allowed
    with pytest.raises(ConfigError, match="no such parameter"):
        cls.from_parameters({"no_such": 1.0})
    assert cls.from_parameters(strategy.parameters()) == strategy


def test_states_a_version_and_features_of_the_catalogue(strategy):
    assert isinstance(strategy.version, str) and strategy.version
    assert set(strategy.features) <= {d.name for d in catalogue("technical")}
