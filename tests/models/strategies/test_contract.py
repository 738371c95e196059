"""What every strategy keeps, whoever wrote it: runs for each one discovery finds."""

from dataclasses import fields
from functools import cache

import numpy as np
import pandas as pd
import pytest

from data_layer.features.compute import compute
from data_layer.features.registry import catalogue, feature_sets
from models.backtest.rules import Rules, checked_rules
from models.errors import ConfigError
from models.strategies.base import CATEGORIES, PREDICTION, Panel, signals_frame
from models.strategies.discovery import class_path, discover_strategies, load_strategy
from tests.support.models import armed

FOUND = discover_strategies()
ARRAYS = ("score", "confidence", "expected_return", "position_size", "stop_loss")
WARM_UPS = {d.name: d.warm_up for name in feature_sets() for d in catalogue(name)}
SETS = {d.name: name for name in feature_sets() for d in catalogue(name)}
T, N = 520, 4


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


def inputs(strategy, bars):
    """The strategy's features, and predictions where it reads them: two models, each with gaps of its own."""
    frame = compute(bars, strategy.features, SETS[strategy.features[0]])
    if strategy.predictions:
        past = compute(bars, ("return_5", "return_20"))
        by_day = past.groupby("date")
        for name, column in (("reversal", "return_5"), ("trend", "return_20")):
            place = 2.0 * (by_day[column].rank() - 0.5) / by_day[column].transform("count") - 1.0
            frame[PREDICTION + name] = -place if name == "reversal" else place
    return frame


@cache
def holey(strategy):
    """Inputs of which some rows lack a value."""
    frame = inputs(strategy, make_bars())
    for column, name in enumerate(strategy.features):
        share = min(0.02, 0.3 / len(strategy.features))  # or no row of many features would be whole
        frame.loc[np.random.default_rng(column).random(len(frame)) < share, name] = np.nan
    return frame


def settings():
    """Each strategy at its defaults, and with all numbers at their lowest and highest."""
    for name, cls in FOUND.classes.items():
        yield pytest.param(armed(cls(), make_bars), id=name)
        for end in ("low", "high"):
            extreme = {f.name: f.metadata[end] for f in fields(cls) if end in f.metadata}
            if extreme:
                yield pytest.param(armed(cls.from_parameters(extreme), make_bars), id=f"{name}-{end}")


EVERY_SETTING = list(settings())


@pytest.fixture
def bars():
    return make_bars()


@pytest.fixture
def frame(strategy):
    return holey(strategy).copy()


@pytest.fixture(params=list(FOUND.classes))
def strategy(request):
    return armed(load_strategy(class_path(FOUND.classes[request.param]), {}), make_bars)


def panel_of(frame, **axes):
    return Panel.from_frame(frame, [c for c in frame.columns if c not in {"symbol", "date"}], **axes)


def scored(strategy, frame):
    panel = panel_of(frame)
    return panel, strategy.score(panel)


def told(strategy, panel):
    """All a strategy says: its scores' arrays, the target and the trailing distance."""
    scores = strategy.score(panel)
    found = {name: getattr(scores, name) for name in ARRAYS}
    found["target"] = strategy.target(panel, scores)
    if (trail := strategy.trail(panel)) is not None:
        found["trail"] = trail
    if (weights := strategy.account_weights(found["target"], panel.symbols)) is not None:
        found["account_weights"] = weights
    assert {a.shape for a in found.values()} == {panel.shape}
    return found


def head(found, rows):
    return b"".join(np.ascontiguousarray(a[:rows]).tobytes() for a in found.values())


def test_no_strategy_file_is_broken():
    assert FOUND.failures == {}


def test_deterministic_and_leaves_its_input_alone(strategy, frame):
    before = frame.copy(deep=True)
    assert strategy.generate_signals(frame) == strategy.generate_signals(frame)
    panel = panel_of(frame)
    assert head(told(strategy, panel), T) == head(told(strategy, panel), T)
    pd.testing.assert_frame_equal(frame, before)
    assert head(panel.values, T) == head(panel_of(before).values, T)


@pytest.mark.parametrize("strategy", EVERY_SETTING)
def test_scores_and_targets_in_range(strategy, frame):
    found = told(strategy, panel_of(frame))
    score, target = found["score"], found["target"]
    known = score[~np.isnan(score)]
    assert (np.abs(known) <= 1).all()
    if strategy.category != "allocation" and strategy == type(strategy)():
        assert len(np.unique(known)) > 1
    assert not np.isinf(target).any()
    assert not np.nan_to_num(target[np.isnan(score) | (score == 0)]).any()
    assert np.nan_to_num(target * score).min() >= 0  # never against the score
    assert strategy.rules().get("buys_amounts") or np.nanmax(np.abs(target)) <= 3.0
    assert np.nanmin(found.get("trail", 1.0)) > 0


def test_missing_input_gives_no_opinion(strategy, frame):
    panel, scores = scored(strategy, frame)
    for name in strategy.features:
        assert np.isnan(scores.score[np.isnan(panel[name])]).all()
    warm_up = max(WARM_UPS[name] for name in strategy.features)
    rows = signals_frame(panel, scores)
    assert len(rows) and rows["session_date"].min() >= panel.sessions[warm_up]
    assert strategy.generate_signals(frame[frame["date"] < panel.sessions[warm_up]]) == []


@pytest.mark.parametrize("strategy", EVERY_SETTING)
@pytest.mark.parametrize("t", [0, 100, 300, T - 2])
def test_later_rows_move_no_earlier_byte(strategy, frame, t):
    panel = panel_of(frame)
    before = head(told(strategy, panel), t + 1)
    later = (frame["date"] > panel.sessions[t]).to_numpy()
    names = list(panel.values)
    for change in (lambda x: x[::-1], lambda x: x * np.nan, np.zeros_like):
        changed = frame.copy()
        changed.loc[later, names] = change(frame.loc[later, names].to_numpy())
        assert head(told(strategy, panel_of(changed)), t + 1) == before
    assert head(told(strategy, panel_of(frame[~later])), t + 1) == before


@pytest.mark.parametrize("t", [300, 470])
def test_later_bars_move_no_earlier_signal(strategy, bars, t):
    day = np.unique(bars["date"])[t]
    other = make_bars(drift=-0.03, noise=0.03, seed=9)
    mixed = pd.concat([bars[bars["date"] <= day], other[other["date"] > day]]).sort_values(["symbol", "date"])

    def said(given):
        return head(told(strategy, panel_of(inputs(strategy, given.reset_index(drop=True)))), t + 1)

    assert said(mixed) == said(bars)


def test_generate_signals_is_the_last_vectorised_row(strategy, frame):
    panel, scores = scored(strategy, frame)
    rows = signals_frame(panel, scores)
    sides = set()
    for end in range(7, T, 19):
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
    assert "long" in sides


def test_stated_lookback_is_enough(strategy, frame):
    if strategy.lookback is None:
        return
    panel = panel_of(frame)
    whole = told(strategy, panel)
    for end in range(strategy.lookback, T, 29):
        sessions = panel.sessions[end - strategy.lookback : end + 1]
        tail = told(strategy, panel_of(frame, sessions=sessions, symbols=panel.symbols))
        for name, values in whole.items():
            assert tail[name][-1].tobytes() == values[end].tobytes(), (name, end)


def test_survives_one_row_constant_prices_and_nothing(strategy, frame, bars):
    assert len(strategy.generate_signals(frame.dropna().iloc[[0]])) <= 1
    assert len(strategy.generate_signals(frame.iloc[[0]])) <= (WARM_UPS[strategy.features[0]] == 0)
    assert strategy.generate_signals(frame.iloc[:0]) == []
    told(strategy, panel_of(frame.iloc[:0]))
    constant = bars.assign(open=50.0, high=50.0, low=50.0, close=50.0, volume=1000.0)
    found = told(strategy, panel_of(inputs(strategy, constant)))
    assert strategy.category == "allocation" or not np.any(found["score"] > 0)


def test_parameters_are_bounded_and_refused_outside(strategy):
    cls = type(strategy)
    for f in fields(strategy):
        refused, allowed = ["x y", "../x", "lower", 1.0, True, None], ["", "BRK.B", "SPY"]
        if "pattern" not in f.metadata:
            low, high = f.metadata["low"], f.metadata["high"]
            assert low <= f.default <= high
            refused = [low - 1, high + 1, float("nan"), float("inf"), "1", True, None]
            allowed = f.metadata.get("choices", (low, high))
            if "choices" in f.metadata:
                refused.append(low + 1)
                assert f.default in allowed and not {low + 1} & set(allowed)
        for value in refused:
            with pytest.raises(ConfigError, match=f.name):
                cls.from_parameters({f.name: value})
        for value in allowed:
            assert cls.from_parameters({f.name: value}).parameters()[f.name] == value
    with pytest.raises(ConfigError, match="no such parameter"):
        cls.from_parameters({"no_such": 1.0})
    assert cls.from_parameters(strategy.parameters()) == strategy


@pytest.mark.parametrize("strategy", EVERY_SETTING)
def test_states_what_platform_and_engine_read(strategy):
    assert isinstance(strategy.version, str) and strategy.version
    assert strategy.features and set(strategy.features) <= WARM_UPS.keys()
    assert strategy.category in CATEGORIES
    assert strategy.category == type(strategy).__module__.split(".")[-2]  # the folder
    rules = Rules()._replace(**strategy.rules())
    assert checked_rules(rules) == rules or np.isnan(rules.band)
