"""What is made of a network's output, with a network made by hand: no torch, and quantiles that cross."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from models.ml.trainers import _tft_serving
from models.ml.trainers._tft_windows import Encoders, Windows
from models.ml.trainers.tft import VOLATILITY, Tft
from tests.support.tft import SYMBOLS, hand_made, sample_dataset, with_values

TEST = (360, 420)


@pytest.fixture(scope="module")
def data():
    return sample_dataset()


@pytest.fixture(scope="module")
def artifact(data):
    return hand_made(data)


def raw(artifact, data, rows):
    """The network's own output, asked directly."""
    encoders = Encoders.from_metadata(artifact.metadata["encoders"])
    cut = Windows.cut(data, encoders.features, rows, artifact.metadata["encoder"], 5)
    at, who = data.session[rows], data.symbol[rows]
    return _tft_serving.run(
        artifact.content, *cut.inputs(encoders, encoders.numbers(SYMBOLS), at, who, cut.past(at, who)[0])
    )


def test_crossing_quantiles_are_sorted_and_said_as_returns(data, artifact):
    rows = data.rows_between(*TEST)
    network = raw(artifact, data, rows)
    assert (network[:, 4, 0] > network[:, 4, 2]).mean() > 0.2
    said = Tft.predict(artifact, data, rows)
    volatility = data.features[rows, Tft.features.index(VOLATILITY)].astype(np.float64)
    for horizon, three in said.quantiles.items():
        expected = np.sort(network[:, horizon - 1], axis=1) * (volatility * np.sqrt(horizon / 252))[:, None]
        np.testing.assert_allclose(np.stack(three, axis=1), expected, rtol=1e-12)
    assert np.all((said.confidence >= 0) & (said.confidence <= 1))


def test_no_volatility_is_no_opinion(data, artifact):
    rows = data.rows_between(*TEST)
    still = with_values(data, rows[::3], 0.0, Tft.features.index(VOLATILITY))
    assert np.isnan(Tft.predict(artifact, still, rows).score).tolist() == [
        i % 3 == 0 for i in range(len(rows))
    ]


def test_an_interval_of_no_width_is_no_opinion(data, artifact):
    outputs = _tft_serving.session(artifact.content).get_outputs
    flat = SimpleNamespace(
        get_outputs=outputs, run=lambda names, inputs: [np.full((1, 5, 3), 0.5, np.float32)]
    )
    rows = data.rows_between(*TEST)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(_tft_serving, "session", lambda content: flat)
        said = Tft.predict(artifact, data, rows)
    assert np.isnan(said.score).all() and np.isnan(said.confidence).all()


def test_nothing_asked_for_is_nothing_said(data, artifact):
    said = Tft.predict(artifact, data, np.empty(0, dtype=np.intp))
    assert len(said.score) == 0 and list(said.quantiles) == [1, 5]


def test_many_rows_go_in_parts(data, artifact, monkeypatch):
    rows = data.rows_between(*TEST)
    whole = Tft.predict(artifact, data, rows).score
    monkeypatch.setattr("models.ml.trainers.tft.AT_ONCE", 7)
    assert Tft.predict(artifact, data, rows).score.tobytes() == whole.tobytes()


def test_a_sector_nobody_states_is_one_of_its_own(data):
    plain = hand_made(replace(data, sectors=()))
    encoders = Encoders.from_metadata(plain.metadata["encoders"])
    assert encoders.numbers(("GOOG", "NEW")).tolist() == [[1, 0], [-1, -1]]


def test_every_silence_has_its_reason(data, artifact):
    rows = data.rows_between(*TEST)
    volatility = Tft.features.index(VOLATILITY)
    first, alone = rows[data.symbol[rows] == 0], int(rows[data.symbol[rows] == 3][5])
    spoilt = with_values(data, np.flatnonzero((data.symbol == 2) & (data.session < 400)), np.nan)
    spoilt = with_values(spoilt, first[:1], np.nan, volatility)
    spoilt = with_values(spoilt, np.array([alone]), 0.0, volatility)
    spoilt = replace(spoilt, symbols=("AAPL", "NEW", "IBM", "MSFT"))
    silent = rows[np.isnan(Tft.predict(artifact, spoilt, rows).score)]
    told = dict(zip(silent.tolist(), Tft.why_silent(artifact, spoilt, silent), strict=True))
    of = {int(r): (int(data.symbol[r]), int(data.session[r])) for r in silent}
    assert told[int(first[0])] == f"no value of {VOLATILITY}"
    assert told[alone] == "no volatility to say a return in"
    for row, (symbol, session) in of.items():
        if symbol == 1:
            assert told[row] == "the version has not been trained on the symbol"
        if symbol == 2:
            missing = f"no value of {Tft.features[0]} and {len(Tft.features) - 1} more features"
            assert told[row] == (missing if session < 400 else "more than a quarter of its window lacks a feature")
    assert {s for s, _ in of.values()} == {0, 1, 2, 3}
