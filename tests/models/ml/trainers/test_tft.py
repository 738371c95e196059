"""The TFT, really trained on a small real set: exact export, exact repeats, and what it says of bad input."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.errors import ConfigError, DataQualityError
from models.ml.base import Artifact, trainer_class
from models.ml.drift import with_reference
from models.ml.trainers import _tft_network, _tft_serving
from models.ml.trainers._tft_windows import Encoders, Windows
from models.ml.trainers.tft import Tft
from tests.support.tft import SMALLEST, SYMBOLS, sample_dataset, trained, trained_with_network, with_values

ROOT = Path(__file__).resolve().parents[4]
TEST = (360, 380)  # sessions out of sample


@pytest.fixture(scope="module")
def data():
    return sample_dataset()


@pytest.fixture(scope="module")
def artifact():
    return trained()


def arrays(said):
    return [said.score, said.confidence, *(q for three in said.quantiles.values() for q in three)]


def weights(network, shape):
    """The network as bytes, without the export, which takes most of a small training."""
    return b"".join(part.numpy().tobytes() for part in network.state_dict().values())


def bits(said, rows=slice(None)):
    return b"".join(np.ascontiguousarray(a[rows]).tobytes() for a in arrays(said))


def test_same_data_and_seed_give_the_same_predictions_another_seed_others(data, artifact, monkeypatch):
    rows = data.rows_between(*TEST)
    torch = _tft_network.load("torch")
    torch.manual_seed(99)  # whatever went on in the process before
    state = torch.random.get_rng_state()
    again = SMALLEST.fit(data, data.rows_between(60, 349), 7)
    assert again.metadata == artifact.metadata
    assert bits(Tft.predict(again, data, rows)) == bits(Tft.predict(artifact, data, rows))
    assert torch.equal(torch.random.get_rng_state(), state)
    monkeypatch.setattr(_tft_network, "export", weights)
    one, other = (SMALLEST.fit(data, data.rows_between(60, 90), seed) for seed in (7, 8))
    assert one.content != other.content


def test_onnx_equals_torch(data):
    artifact, seen = trained_with_network()
    rows = data.rows_between(*TEST)
    encoders = Encoders.from_metadata(artifact.metadata["encoders"])
    cut = Windows.cut(data, encoders.features, rows, SMALLEST.encoder, SMALLEST.longest)
    past, usable = cut.past(data.session[rows], data.symbol[rows])
    assert usable.all()
    inputs = cut.inputs(encoders, encoders.numbers(SYMBOLS), data.session[rows], data.symbol[rows], past)
    torch_says = _tft_network.predict(*seen, *inputs)
    onnx_says = _tft_serving.run(artifact.content, *inputs)
    assert np.ptp(torch_says) > 0.01
    np.testing.assert_allclose(onnx_says, torch_says, rtol=0, atol=1e-5)


def test_a_day_alone_equals_the_batch_bit_for_bit(data, artifact):
    rows = data.rows_between(*TEST)
    batch = Tft.predict(artifact, data, rows)
    for day in range(*TEST, 5):
        chosen = np.flatnonzero(data.session[rows] == day)
        assert bits(Tft.predict(artifact, data, rows[chosen])) == bits(batch, chosen)
        upto = data.rows_between(0, day)  # as on that day: nothing later exists
        known = replace(
            data, features=data.features[upto], label=data.label[upto] * np.nan, ranked=data.ranked[upto],
            session=data.session[upto], symbol=data.symbol[upto], sessions=data.sessions[: day + 1],
        )  # fmt: skip
        assert bits(Tft.predict(artifact, known, rows[chosen])) == bits(batch, chosen)
    some = np.random.default_rng(0).permutation(len(rows))[:17]
    some.sort()
    assert bits(Tft.predict(artifact, data, rows[some])) == bits(batch, some)


def test_serving_needs_no_torch(data, artifact, tmp_path):
    rows = data.rows_between(*TEST)
    (tmp_path / "model.onnx").write_bytes(artifact.content)
    (tmp_path / "metadata.json").write_text(json.dumps(dict(artifact.metadata)))
    fields = ("features", "label", "ranked", "session", "symbol", "sessions")
    np.savez(tmp_path / "data.npz", rows=rows, **{name: getattr(data, name) for name in fields})
    code = f"""
import sys
for name in ("torch", "pytorch_forecasting", "lightning", "onnx", "sklearn"):
    sys.modules[name] = None  # importing it fails
import json
import numpy as np
from models.ml.base import Artifact, Dataset, trainer_class
from pathlib import Path
here = Path({str(tmp_path)!r})
stored = np.load(here / "data.npz")
data = Dataset({Tft.features!r}, symbols={SYMBOLS!r}, **{{k: stored[k] for k in {fields!r}}})
metadata = json.loads((here / "metadata.json").read_text())
artifact = Artifact("onnx", (here / "model.onnx").read_bytes(), metadata)
said = trainer_class("tft").predict(artifact, data, stored["rows"])
said.score.tofile(here / "score")
try:
    trainer_class("tft")().fit(data, data.rows_between(60, 349), 1)
except Exception as error:
    print(type(error).__name__, error)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    here = Tft.predict(artifact, data, rows).score
    assert np.fromfile(tmp_path / "score").tobytes() == here.tobytes()
    assert "ConfigError" in done.stdout and "pip install -r requirements.txt" in done.stdout


def test_quantiles_are_in_order_and_score_and_confidence_follow(data, artifact):
    said = Tft.predict(artifact, data, data.rows_between(*TEST))
    assert list(said.quantiles) == [1, SMALLEST.longest]
    for low, middle, high in said.quantiles.values():
        assert (low <= middle).all() and (middle <= high).all()
    low, middle, high = said.quantiles[SMALLEST.longest]
    np.testing.assert_array_equal(said.score, middle / (high - low))
    np.testing.assert_array_equal(said.confidence, np.minimum(np.abs(high + low) / (high - low), 1))
    assert not np.isnan(said.score).any()


def test_no_opinion_on_unknown_symbols_short_histories_and_missing_features(data, artifact):
    rows = data.rows_between(*TEST)
    known = Tft.predict(artifact, data, rows)
    renamed = replace(data, symbols=("AAPL", "NEW", "IBM", "MSFT"))
    said = Tft.predict(artifact, renamed, rows)
    new = data.symbol[rows] == 1
    assert all(np.isnan(a[new]).all() for a in arrays(said))
    assert bits(said, ~new) == bits(known, ~new)

    mine = data.symbol == 2
    listed = with_values(data, np.flatnonzero(mine & (data.session < 364)), np.nan)
    silent = np.isnan(Tft.predict(artifact, listed, rows).score)
    newcomer = data.symbol[rows] == 2
    # Eight sessions of window of which two may be missing: the sixth with data is the first with an opinion.
    assert silent[newcomer].tolist() == [day < 369 for day in range(TEST[0], TEST[1] + 1)]
    assert not silent[~newcomer].any()

    hole = with_values(data, np.flatnonzero(mine & (data.session == 370)), np.nan, 4)
    said = Tft.predict(artifact, hole, rows)
    lost = newcomer & (data.session[rows] == 370)
    assert np.isnan(said.score).tolist() == lost.tolist()
    later = newcomer & (data.session[rows] == 371)  # bridged with the value before
    assert bits(said, later) != bits(known, later)
    assert bits(said, ~newcomer) == bits(known, ~newcomer)


def test_nothing_outside_the_training_rows_is_learnt_from(data, monkeypatch):
    monkeypatch.setattr(_tft_network, "export", weights)
    rows = data.rows_between(60, 200)
    changed = with_values(data, data.rows_between(201, 480), 5.0)
    label = changed.label.copy()
    label[data.rows_between(201, 480)] = 0.5
    label[data.rows_between(0, 59)] = 0.5
    one, other = (SMALLEST.fit(d, rows, 1) for d in (data, replace(changed, label=label)))
    assert one.content == other.content and one.metadata == other.metadata


def test_metadata_is_json_and_says_what_was_fitted(data, artifact):
    stored = json.loads(json.dumps(dict(artifact.metadata), allow_nan=False))
    assert Artifact("onnx", artifact.content, stored) == artifact
    assert stored["encoders"]["symbols"] == list(SYMBOLS)
    assert stored["encoders"]["sectors"] == ["Communication Services", "Information Technology"]
    assert (stored["trained_from"], stored["horizons"]) == (str(data.sessions[60]), [1, 5])
    assert stored["trained_to"] == str(data.sessions[345])  # the labels of five sessions are known to 349
    assert sum(stored["importances"].values()) == pytest.approx(1.0)
    assert trainer_class("tft") is Tft and SMALLEST.reach == 6 and SMALLEST.memory == 7


def test_the_reference_for_drift_is_the_training_window_s(data, artifact):
    rows = data.rows_between(60, 349)
    described = with_reference(artifact, Tft, data, rows)
    reference = json.loads(json.dumps(described.metadata["reference"], allow_nan=False))
    assert described.content == artifact.content and artifact.metadata.get("reference") is None
    assert list(reference["features"]) == list(Tft.features)
    for column, name in enumerate(Tft.features):
        shape = reference["features"][name]
        assert sum(shape["counts"]) == len(rows)
        below = sum(data.features[rows, column] < shape["edges"][0])
        assert shape["counts"][0] == below and shape["counts"][-1] == 0
    assert sum(reference["score"]["counts"]) == 21 * 4


def one_symbol(data):
    return with_values(data, np.flatnonzero(data.symbol > 0), np.nan)


@pytest.mark.parametrize(
    ("spoil", "span", "says"),
    [
        (lambda d: with_values(d, np.arange(len(d)), np.nan, 4), (60, 349), "rsi_14"),
        (one_symbol, (60, 349), "two symbols"),
        (lambda d: replace(d, label=np.zeros(len(d))), (60, 349), "constant"),
        (lambda d: d, (60, 70), "100 complete windows"),
        (lambda d: d, (60, 59), "two symbols"),
        (lambda d: replace(d, price="close"), (60, 349), "label"),
        (lambda d: replace(d, horizon=2), (60, 349), "label"),
    ],
    ids=["null-feature", "one-symbol", "constant-label", "little-history", "nothing", "close", "horizon"],
)
def test_unfit_data_is_refused_by_name(data, spoil, span, says):
    with pytest.raises(DataQualityError, match=says):
        SMALLEST.fit(spoil(data), data.rows_between(*span), 1)


def test_a_feature_that_is_gone_and_a_spoilt_network_are_refused(data, artifact):
    rows = data.rows_between(*TEST)
    with pytest.raises(DataQualityError, match="lacks a feature"):
        Tft.predict(artifact, replace(data, names=("other", *data.names[1:])), rows)
    with pytest.raises(DataQualityError, match="onnxruntime"):
        Tft.predict(replace(artifact, content=artifact.content[: len(artifact.content) // 2]), data, rows)


def test_parameters_are_bounded():
    with pytest.raises(ConfigError, match="longest"):
        Tft(longest=0)
    with pytest.raises(ConfigError, match="no such parameter"):
        Tft.from_parameters({"layers": 2})
